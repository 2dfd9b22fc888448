# DEB, RPM and TGZ from one build, the same bytes each time (SOURCE_DATE_EPOCH set, umask 022: see
# packaging/build-packages.sh).

set(CPACK_GENERATOR "DEB;RPM;TGZ")
set(CPACK_PACKAGE_NAME hostspin)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "hostspin maintainers <maintainers@hostspin.invalid>")
set(CPACK_PACKAGE_VENDOR hostspin)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "keeps critical names resolvable when DNS is gone")
set(CPACK_PACKAGE_DESCRIPTION
"Operators sign a short manifest of must-reach services with their addresses;
hostspin verifies it against a trust root on the machine and keeps one managed
block of /etc/hosts equal to it, from early boot on and without any network.
It fetches new manifests from sources reached by address, heals the block when
another program rewrites the file, and tells by address what can be reached.
Nothing in it ever resolves a name.")
set(CPACK_PACKAGE_HOMEPAGE_URL ${PROJECT_HOMEPAGE_URL})
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)
# DESTDIR for every kind, or an archive would leave out what stands outside the prefix.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(scripts ${CMAKE_CURRENT_LIST_DIR})
set(CPACK_PRE_BUILD_SCRIPTS ${scripts}/by_kind.cmake)
set(HOSTSPIN_DEFAULT_KIND portable)
if(HOSTSPIN_SHARED_PROGRAMS)
  set(HOSTSPIN_DEFAULT_KIND shared)
endif()
configure_file(${scripts}/kinds.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/kinds.cmake @ONLY)
set(CPACK_PROJECT_CONFIG_FILE ${CMAKE_CURRENT_BINARY_DIR}/kinds.cmake)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS
  "init-system-helpers (>= 1.52), systemd | systemd-standalone-sysusers | systemd-sysusers")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${scripts}/preinst ${scripts}/postinst ${scripts}/prerm ${scripts}/postrm ${scripts}/conffiles)

set(CPACK_RPM_FILE_NAME RPM-DEFAULT)
set(CPACK_RPM_COMPRESSION_TYPE gzip)  # which every rpm can read
set(CPACK_RPM_PACKAGE_LICENSE Apache-2.0)
set(CPACK_RPM_PACKAGE_GROUP "System Environment/Daemons")
set(CPACK_PACKAGE_RELOCATABLE OFF)
set(CPACK_RPM_PACKAGE_RELOCATABLE OFF)
set(CPACK_RPM_PACKAGE_SUMMARY ${CPACK_PACKAGE_DESCRIPTION_SUMMARY})
set(CPACK_RPM_PACKAGE_DESCRIPTION ${CPACK_PACKAGE_DESCRIPTION})
set(CPACK_RPM_PRE_INSTALL_SCRIPT_FILE ${scripts}/preinst)
set(CPACK_RPM_POST_INSTALL_SCRIPT_FILE ${scripts}/rpm-post)
set(CPACK_RPM_PRE_UNINSTALL_SCRIPT_FILE ${scripts}/rpm-preun)
set(CPACK_RPM_POST_UNINSTALL_SCRIPT_FILE ${scripts}/rpm-postun)
set(CPACK_RPM_USER_FILELIST "%config(noreplace) /etc/hostspin/hostspin.toml")
set(CPACK_RPM_EXCLUDE_FROM_AUTO_FILELIST_ADDITION
  /etc /usr/lib/systemd /usr/lib/systemd/system /usr/lib/systemd/system-preset /usr/lib/sysusers.d
  /usr/lib/tmpfiles.d /usr/libexec /usr/sbin /usr/share/man /usr/share/man/man1 /usr/share/man/man5
  /usr/share/man/man7 /usr/share/man/man8 /usr/share/bash-completion
  /usr/share/bash-completion/completions /usr/share/zsh /usr/share/zsh/site-functions
  /usr/share/fish /usr/share/fish/vendor_completions.d /var /var/lib)
set(CPACK_RPM_SPEC_MORE_DEFINE
"%define use_source_date_epoch_as_buildtime 1
%define clamp_mtime_to_source_date_epoch 1
%define _buildhost reproducible
%define _build_id_links none
%define packager ${CPACK_PACKAGE_CONTACT}")

include(CPack)
