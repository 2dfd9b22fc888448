# Run by CPack for each kind of package, when its files are in place and before they are packed: what one
# distribution wants otherwise than the others.

set(share ${CPACK_TEMPORARY_DIRECTORY}/usr/share)
if(NOT EXISTS ${share}/doc/hostspin/third-party-notices.gz)
  message(FATAL_ERROR "no package without the notices of what is compiled in: see the warning of `cmake`")
endif()
if(CPACK_GENERATOR STREQUAL DEB)
  file(REMOVE ${share}/doc/hostspin/LICENSE)  # Debian has it in /usr/share/common-licenses
  if(HOSTSPIN_KIND STREQUAL portable)
    file(READ ${CMAKE_CURRENT_LIST_DIR}/lintian-overrides-portable overrides)
    file(APPEND ${share}/lintian/overrides/hostspin "${overrides}")
  endif()
else()
  file(REMOVE_RECURSE ${share}/lintian)
  file(RENAME ${share}/zsh/vendor-completions ${share}/zsh/site-functions)  # which Debian alone searches
endif()
