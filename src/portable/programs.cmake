# The second link of the programs: the same objects, into programs that start on any Linux. They lie in portable/ of the
# build tree as the others do in the tree itself.

if(HOSTSPIN_SANITIZE)
  message(FATAL_ERROR "HOSTSPIN_LINK: the sanitizers' run-time is a shared library, so there are no portable programs with it")
endif()

function(hostspin_portable_objects name)
  add_library(${name} OBJECT ${ARGN})
  target_compile_options(${name} PRIVATE -O2 -Wall -Wextra $<$<BOOL:${HOSTSPIN_WERROR}>:-Werror>
    -ffunction-sections -fdata-sections -fstack-protector-strong
    -ffile-prefix-map=${CMAKE_SOURCE_DIR}=/s -ffile-prefix-map=${CMAKE_BINARY_DIR}=/b)
endfunction()
hostspin_portable_objects(hostspin_no_lookup portable/no_lookup.c)
hostspin_portable_objects(hostspin_old_libc portable/old_start.c portable/old_glibc.c)
# The names are libc's.
target_compile_options(hostspin_no_lookup PRIVATE -fno-builtin)

# hostspin_portable(name static|libc place libraries…)
function(hostspin_portable name kind place)
  set(target ${name}-portable)
  add_executable(${target})
  target_link_libraries(${target} PRIVATE ${name}-main hostspin_linkage_portable ${ARGN})
  set_target_properties(${target} PROPERTIES HOSTSPIN_PORTABLE ON OUTPUT_NAME ${name}
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/portable/${place})
  if(kind STREQUAL static)
    target_link_libraries(${target} PRIVATE hostspin_no_lookup)
    # With the property, whichever value it has, cmake adds -pie or -no-pie, and the last one said wins.
    set_property(TARGET ${target} PROPERTY POSITION_INDEPENDENT_CODE)
    # And no -static-libstdc++ beside it, after which the driver looks for shared libraries again.
    target_link_options(${target} PRIVATE -static-pie)
  else()
    target_link_libraries(${target} PRIVATE hostspin_old_libc)
    target_link_options(${target} PRIVATE -static-libstdc++ -static-libgcc -Wl,--wrap=__libc_start_main)
  endif()
  set(check ${CMAKE_CURRENT_SOURCE_DIR}/portable/check-program.sh)
  add_custom_command(TARGET ${target} POST_BUILD VERBATIM
    COMMAND ${CMAKE_COMMAND} -E env NM=${CMAKE_NM} READELF=${CMAKE_READELF}
      ${check} ${kind} $<TARGET_FILE:${target}>)
  set_target_properties(${target} PROPERTIES LINK_DEPENDS "${check};${HOSTSPIN_MATERIALS_LIST}")
endfunction()
