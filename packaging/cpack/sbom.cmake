# The bill of materials, SPDX 2.3 as JSON: what is compiled into the programs (header-only libraries, libsodium
# and, in hostspin itself, the C++ run-time, which no package manager sees) and what they are linked with, in the
# versions of this build; and the notices of what is compiled in. Same source, same SOURCE_DATE_EPOCH, same bytes.

pkg_check_modules(FMT REQUIRED QUIET fmt)
string(TIMESTAMP SBOM_CREATED "%Y-%m-%dT%H:%M:%SZ" UTC)
string(TIMESTAMP SBOM_EPOCH "%s" UTC)  # makes the document's name its own

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

# name | version | licence | where it comes from | SPDX relationship | Debian's package
set(materials
  "CLI11|${CLI11_VERSION}|BSD-3-Clause|https://github.com/CLIUtils/CLI11|STATIC_LINK|libcli11-dev"
  "expected|${tl-expected_VERSION}|CC0-1.0|https://github.com/TartanLlama/expected|STATIC_LINK|libexpected-dev"
  "fmt|${FMT_VERSION}|MIT|https://github.com/fmtlib/fmt|STATIC_LINK|libfmt-dev"
  "nlohmann-json|${nlohmann_json_VERSION}|MIT|https://github.com/nlohmann/json|STATIC_LINK|nlohmann-json3-dev"
  "spdlog|${spdlog_VERSION}|MIT|https://github.com/gabime/spdlog|STATIC_LINK|libspdlog-dev"
  "tomlplusplus|${TOMLPLUSPLUS_VERSION}|MIT|https://github.com/marzer/tomlplusplus|STATIC_LINK|libtomlplusplus-dev"
  "libsodium|${SODIUM_VERSION}|ISC|https://libsodium.org|STATIC_LINK|libsodium-dev"
  "libgcc|${gcc_version}|${gcc_license}|https://gcc.gnu.org|STATIC_LINK|libgcc-${gcc_major}-dev"
  "libstdc++|${gcc_version}|${gcc_license}|https://gcc.gnu.org|STATIC_LINK|libstdc++-${gcc_major}-dev"
  "libcurl|${CURL_VERSION_STRING}|curl|https://curl.se|DYNAMIC_LINK|libcurl4-openssl-dev"
  "libseccomp|${SECCOMP_VERSION}|LGPL-2.1-only|https://github.com/seccomp/libseccomp|DYNAMIC_LINK|libseccomp-dev"
  "openssl|${OPENSSL_VERSION}|Apache-2.0|https://www.openssl.org|DYNAMIC_LINK|libssl-dev")

# Who supplied it, and its package URL: the distribution with its own version, where it is Debian or made like it.
function(sbom_origin name version package)
  set(supplier "NOASSERTION")
  set(purl "pkg:generic/${name}@${version}")
  find_program(DPKG_QUERY dpkg-query)
  if(DPKG_QUERY)
    execute_process(COMMAND ${DPKG_QUERY} --show "--showformat=\${Version}" ${package}
      RESULT_VARIABLE code OUTPUT_VARIABLE found ERROR_QUIET)
    if(code EQUAL 0 AND NOT found STREQUAL "")
      cmake_host_system_information(RESULT distribution QUERY DISTRIB_ID DISTRIB_NAME)
      list(GET distribution 0 id)
      list(GET distribution 1 supplier)
      set(supplier "Organization: ${supplier}")
      set(purl "pkg:deb/${id}/${package}@${found}")
    endif()
  endif()
  string(REPLACE "+" "%2B" purl "${purl}")
  string(REGEX REPLACE "@([0-9]+):" "@\\1%3A" purl "${purl}")
  set(supplier "${supplier}" PARENT_SCOPE)
  set(purl "${purl}" PARENT_SCOPE)
endfunction()

set(SBOM_PACKAGES "")
set(SBOM_RELATIONSHIPS "")
foreach(material ${materials})
  string(REPLACE "|" ";" fields "${material}")
  list(GET fields 0 name)
  list(GET fields 1 version)
  list(GET fields 2 license)
  list(GET fields 3 location)
  list(GET fields 4 relationship)
  list(GET fields 5 package)
  string(REPLACE "+" "x" id "${name}")  # no + in an identifier
  sbom_origin("${name}" "${version}" "${package}")
  if(version STREQUAL "")
    message(FATAL_ERROR "the bill of materials needs the version of ${name}")
  endif()
  string(APPEND SBOM_PACKAGES ",
    {
      \"SPDXID\": \"SPDXRef-${id}\",
      \"name\": \"${name}\",
      \"versionInfo\": \"${version}\",
      \"supplier\": \"${supplier}\",
      \"downloadLocation\": \"${location}\",
      \"filesAnalyzed\": false,
      \"licenseConcluded\": \"NOASSERTION\",
      \"licenseDeclared\": \"${license}\",
      \"copyrightText\": \"NOASSERTION\",
      \"externalRefs\": [
        {
          \"referenceCategory\": \"PACKAGE-MANAGER\",
          \"referenceType\": \"purl\",
          \"referenceLocator\": \"${purl}\"
        }
      ]
    }")
  string(APPEND SBOM_RELATIONSHIPS ",
    {
      \"spdxElementId\": \"SPDXRef-hostspin\",
      \"relationshipType\": \"${relationship}\",
      \"relatedSpdxElement\": \"SPDXRef-${id}\"
    }")
endforeach()
configure_file(${CMAKE_CURRENT_LIST_DIR}/hostspin.spdx.json.in ${CMAKE_CURRENT_BINARY_DIR}/hostspin.spdx.json @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/hostspin.spdx.json DESTINATION ${HOSTSPIN_DOC})
