# The notices of what is compiled into the programs (`materials` of sbom.cmake), which their licences want handed on:
# as the distribution has them beside the packages that the build took them from. Without one of them there is no
# file, and by_kind.cmake makes no package.

set(HOSTSPIN_NOTICES_FROM /usr/share/doc CACHE PATH "where PACKAGE/copyright is for each library compiled in")
set(notices "What is compiled into hostspin's programs, and under which terms: for each library the notices that came
with it. hostspin.spdx.json, beside this file, has the versions. Terms of files that are named here but are in
no program, such as the tests and documentation of a library, are kept as they were found.
")
set(seen "")
set(missing "")
foreach(material ${materials})
  string(REPLACE "|" ";" fields "${material}")
  list(GET fields 0 name)
  list(GET fields 4 relationship)
  list(GET fields 5 package)
  if(NOT relationship STREQUAL STATIC_LINK)
    continue()
  endif()
  file(REAL_PATH ${HOSTSPIN_NOTICES_FROM}/${package}/copyright notice)
  if(NOT EXISTS ${notice})
    list(APPEND missing ${HOSTSPIN_NOTICES_FROM}/${package}/copyright)
  elseif(notice IN_LIST seen)
    string(APPEND notices "\n\n==== ${name}: see above\n")
  else()
    list(APPEND seen ${notice})
    file(READ ${notice} text)
    string(APPEND notices "\n\n==== ${name}\n\n${text}")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${notice})
  endif()
endforeach()
if(missing)
  string(REPLACE ";" " " missing "${missing}")
  message(WARNING "no packages can be made: the notices of what is compiled in are missing: ${missing}")
else()
  file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/third-party-notices.new "${notices}")
  file(COPY_FILE ${CMAKE_CURRENT_BINARY_DIR}/third-party-notices.new
    ${CMAKE_CURRENT_BINARY_DIR}/third-party-notices ONLY_IF_DIFFERENT)
  hostspin_gzip(${CMAKE_CURRENT_BINARY_DIR}/third-party-notices ${HOSTSPIN_DOC})
endif()
