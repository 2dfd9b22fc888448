# The notices of what is compiled into the programs (materials.cmake), which their licences want handed on: as the
# distribution has them beside the packages that the build took them from. Without one of them there is no file, and
# by_kind.cmake makes no package.

set(HOSTSPIN_NOTICES_FROM /usr/share/doc CACHE PATH "where PACKAGE/copyright is for each library compiled in")

# hostspin_notices(shared|portable [what install(FILES) shall know besides])
function(hostspin_notices kind)
  set(notices "What is compiled into hostspin's programs, and under which terms: for each library the notices that came
with it. hostspin.spdx.json, beside this file, has the versions. Terms of files that are named here but are in
no program, such as the tests and documentation of a library, are kept as they were found.
")
  set(seen "")
  set(missing "")
  hostspin_materials_of(${kind} materials)
  foreach(material ${materials})
    hostspin_read_material("${material}")
    if(NOT linked STREQUAL static)
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
    return()
  endif()
  set(file ${CMAKE_CURRENT_BINARY_DIR}/${kind}/third-party-notices)
  file(WRITE ${file}.new "${notices}")
  file(COPY_FILE ${file}.new ${file} ONLY_IF_DIFFERENT)
  hostspin_gzip(${file} ${HOSTSPIN_DOC} COMPONENT ${kind} ${ARGN})
endfunction()
