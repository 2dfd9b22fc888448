# What the programs are made of besides our own code, for the bill of materials and the notices:
#
#   name | version | licence | where it comes from | linked in shared | linked in portable | Debian's package
#
# "static": compiled into a program; "dynamic": linked with it; "-": not there. Header-only libraries, libsodium and, in
# hostspin itself, the C++ run-time are compiled in either way, where no package manager sees them.

pkg_check_modules(FMT REQUIRED QUIET fmt)

# Not every compiler is GCC, but each links GCC's run-time here, from a directory named for its version.
execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=libstdc++.a
  OUTPUT_VARIABLE path OUTPUT_STRIP_TRAILING_WHITESPACE)
string(REGEX MATCH "/([0-9]+)[0-9.]*/libstdc" path "${path}")
set(gcc_major "${CMAKE_MATCH_1}")
set(gcc_version "${gcc_major}")
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  set(gcc_version ${CMAKE_CXX_COMPILER_VERSION})
endif()
set(gcc_license "GPL-3.0-or-later WITH GCC-exception-3.1")

set(HOSTSPIN_MATERIALS
  "CLI11|${CLI11_VERSION}|BSD-3-Clause|https://github.com/CLIUtils/CLI11|static|static|libcli11-dev"
  "expected|${tl-expected_VERSION}|CC0-1.0|https://github.com/TartanLlama/expected|static|static|libexpected-dev"
  "fmt|${FMT_VERSION}|MIT|https://github.com/fmtlib/fmt|static|static|libfmt-dev"
  "nlohmann-json|${nlohmann_json_VERSION}|MIT|https://github.com/nlohmann/json|static|static|nlohmann-json3-dev"
  "spdlog|${spdlog_VERSION}|MIT|https://github.com/gabime/spdlog|static|static|libspdlog-dev"
  "tomlplusplus|${TOMLPLUSPLUS_VERSION}|MIT|https://github.com/marzer/tomlplusplus|static|static|libtomlplusplus-dev"
  "libsodium|${SODIUM_VERSION}|ISC|https://libsodium.org|static|static|libsodium-dev"
  "libgcc|${gcc_version}|${gcc_license}|https://gcc.gnu.org|static|static|libgcc-${gcc_major}-dev"
  "libstdc++|${gcc_version}|${gcc_license}|https://gcc.gnu.org|static|static|libstdc++-${gcc_major}-dev"
  "libcurl|${CURL_VERSION_STRING}|curl|https://curl.se|dynamic|static|libcurl4-openssl-dev"
  "libseccomp|${SECCOMP_VERSION}|LGPL-2.1-only|https://github.com/seccomp/libseccomp|dynamic|static|libseccomp-dev"
  "openssl|${OPENSSL_VERSION}|Apache-2.0|https://www.openssl.org|dynamic|static|libssl-dev")
if(HOSTSPIN_PORTABLE_PROGRAMS)
  pkg_check_modules(NGHTTP2 REQUIRED QUIET libnghttp2)
  execute_process(COMMAND ${CMAKE_CXX_COMPILER} -E -dM -include features.h -x c /dev/null OUTPUT_VARIABLE macros)
  string(REGEX MATCH "__GLIBC_MINOR__ ([0-9]+)" path "${macros}")
  list(APPEND HOSTSPIN_MATERIALS
    "nghttp2|${NGHTTP2_VERSION}|MIT|https://nghttp2.org|-|static|libnghttp2-dev"
    "glibc|2.${CMAKE_MATCH_1}|LGPL-2.1-or-later|https://www.gnu.org/software/libc|-|static|libc6-dev")
endif()

# What of them is in the programs of `kind`, as hostspin_read_material() reads it.
function(hostspin_materials_of kind variable)
  set(found ${HOSTSPIN_MATERIALS})
  # The column of the other kind is left out, and with it each row that is not there.
  if(kind STREQUAL portable)
    list(TRANSFORM found REPLACE "[|][a-z-]+([|][a-z-]+[|][^|]+)$" "\\1")
  else()
    list(TRANSFORM found REPLACE "[|][a-z-]+([|][^|]+)$" "\\1")
  endif()
  list(FILTER found EXCLUDE REGEX "[|]-[|][^|]+$")
  set(${variable} "${found}" PARENT_SCOPE)
endfunction()

# Sets name, version, license, location, linked (static or dynamic) and package to those of one entry.
macro(hostspin_read_material material)
  string(REPLACE "|" ";" hostspin_fields "${material}")
  foreach(hostspin_field name version license location linked package)
    list(POP_FRONT hostspin_fields ${hostspin_field})
  endforeach()
endmacro()
