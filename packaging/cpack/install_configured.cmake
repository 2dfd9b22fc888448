# Run at install time, when the prefix is known: units name absolute paths, and CPack installs with
# another prefix than the developer's. Honours DESTDIR. SOURCE is packaging/, WORK a scratch directory.

set(SBINDIR ${CMAKE_INSTALL_PREFIX}/${HOSTSPIN_SBINDIR})
set(LIBEXECDIR ${CMAKE_INSTALL_PREFIX}/${HOSTSPIN_LIBEXECDIR})
# The programs read /etc/hostspin wherever they stand; a prefix of somebody's own keeps all to itself.
if(CMAKE_INSTALL_PREFIX MATCHES "^/usr(/local)?/?$")
  set(sysconf /etc)
  set(state /var/lib)
else()
  set(sysconf ${CMAKE_INSTALL_PREFIX}/etc)
  set(state ${CMAKE_INSTALL_PREFIX}/var/lib)
endif()

foreach(part COMMON WRITER LASTING WORKER ADDRESSES)
  string(TOLOWER ${part} name)
  file(READ ${SOURCE}/systemd/sandbox-${name}.conf SANDBOX_${part})
  string(STRIP "${SANDBOX_${part}}" SANDBOX_${part})
endforeach()
file(REMOVE_RECURSE ${WORK})
file(GLOB templates ${SOURCE}/systemd/*.in)
foreach(template ${templates})
  get_filename_component(name ${template} NAME)
  string(REGEX REPLACE "\\.in$" "" name ${name})
  configure_file(${template} ${WORK}/${name} @ONLY)
endforeach()

file(GLOB units ${WORK}/*.service ${WORK}/*.socket ${WORK}/*.timer ${WORK}/*.path)
set(plain OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
set(lib ${CMAKE_INSTALL_PREFIX}/lib)
file(INSTALL DESTINATION ${lib}/systemd/system TYPE FILE PERMISSIONS ${plain} FILES ${units})
file(INSTALL DESTINATION ${lib}/systemd/system-preset TYPE FILE PERMISSIONS ${plain}
  FILES ${SOURCE}/systemd/90-hostspin.preset)
file(INSTALL DESTINATION ${lib}/sysusers.d TYPE FILE PERMISSIONS ${plain}
  RENAME hostspin.conf FILES ${SOURCE}/systemd/hostspin.sysusers)
file(INSTALL DESTINATION ${lib}/tmpfiles.d TYPE FILE PERMISSIONS ${plain}
  RENAME hostspin.conf FILES ${SOURCE}/systemd/hostspin.tmpfiles)
file(INSTALL DESTINATION ${sysconf}/hostspin TYPE FILE PERMISSIONS ${plain}
  FILES ${SOURCE}/config/hostspin.toml)
file(INSTALL DESTINATION ${sysconf}/hostspin/conf.d TYPE DIRECTORY FILES "")
file(INSTALL DESTINATION ${state}/hostspin TYPE DIRECTORY FILES "")
