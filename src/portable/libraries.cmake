# The libraries that a program takes from the machine, or, where its target has HOSTSPIN_PORTABLE, from archives. The
# layers say hostspin_curl and so on, and are compiled once: headers are those of the installed packages either way.

function(hostspin_archive variable name directory)
  find_library(${variable} ${name} PATHS ${directory} NO_DEFAULT_PATH)
  if(NOT ${variable})
    message(FATAL_ERROR "portable programs need ${name} in ${directory}: tests/install-deps.sh build, "
      "packaging/portable/build-libcurl.sh")
  endif()
endfunction()

# hostspin_library(name shared… ARCHIVES archive…)
function(hostspin_library name)
  cmake_parse_arguments(ARG "" "" "ARCHIVES" ${ARGN})
  add_library(${name} INTERFACE)
  foreach(shared ${ARG_UNPARSED_ARGUMENTS})
    target_link_libraries(${name} INTERFACE
      $<$<NOT:$<BOOL:$<TARGET_PROPERTY:HOSTSPIN_PORTABLE>>>:${shared}>)
  endforeach()
  foreach(archive ${ARG_ARCHIVES})
    target_link_libraries(${name} INTERFACE
      $<$<BOOL:$<TARGET_PROPERTY:HOSTSPIN_PORTABLE>>:${archive}>)
  endforeach()
endfunction()

if(HOSTSPIN_PORTABLE_PROGRAMS)
  get_filename_component(system_libraries ${OPENSSL_SSL_LIBRARY} DIRECTORY)
  hostspin_archive(CURL_ARCHIVE libcurl.a ${HOSTSPIN_LIBCURL}/lib)
  hostspin_archive(SSL_ARCHIVE libssl.a ${system_libraries})
  hostspin_archive(CRYPTO_ARCHIVE libcrypto.a ${system_libraries})
  hostspin_archive(NGHTTP2_ARCHIVE libnghttp2.a ${system_libraries})
  hostspin_archive(SECCOMP_ARCHIVE libseccomp.a ${system_libraries})
endif()
hostspin_library(hostspin_crypto OpenSSL::Crypto ARCHIVES ${CRYPTO_ARCHIVE})
hostspin_library(hostspin_ssl OpenSSL::SSL ARCHIVES ${SSL_ARCHIVE} ${CRYPTO_ARCHIVE})
hostspin_library(hostspin_curl CURL::libcurl
  ARCHIVES ${CURL_ARCHIVE} ${SSL_ARCHIVE} ${CRYPTO_ARCHIVE} ${NGHTTP2_ARCHIVE})
hostspin_library(hostspin_seccomp PkgConfig::SECCOMP ARCHIVES ${SECCOMP_ARCHIVE})
