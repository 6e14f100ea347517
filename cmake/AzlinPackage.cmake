# `cpack` in a release build: a .deb for this Debian and a tarball that runs from any folder.
set(CPACK_PACKAGE_NAME azlin)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "The azlin authors <maintainers@azlin.example>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "backup and disaster recovery for Azure, proven by drills")
set(CPACK_GENERATOR "DEB;TGZ")
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"Snapshot backups of virtual machines with daily, weekly and monthly
retention, replicas in another region, verification that reads the data,
recovery drills that boot the machine and time it, Recovery Services vaults
for SAP HANA and SQL Server, archives of servers, and the platform resources
around them. Carries a simulated Azure for rehearsals.")
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "ca-certificates, openssh-client, restic, e2fsprogs, dosfstools")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "azure-cli")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION TRUE)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA "${PROJECT_SOURCE_DIR}/packaging/prerm;${PROJECT_SOURCE_DIR}/packaging/postrm")

# What Debian's policy wants beside the program: a copyright file and a compressed changelog in its own form.
set(AZLIN_DOC_DIR ${CMAKE_INSTALL_DATADIR}/doc/azlin)
file(WRITE "${CMAKE_BINARY_DIR}/package/changelog"
"azlin (${PROJECT_VERSION}) unstable; urgency=medium

  * What changed is told in NEWS.md.

 -- ${CPACK_PACKAGE_CONTACT}  Sat, 21 Nov 2026 00:00:00 +0000
")
find_program(AZLIN_GZIP gzip REQUIRED)
execute_process(COMMAND ${AZLIN_GZIP} -9nf "${CMAKE_BINARY_DIR}/package/changelog" COMMAND_ERROR_IS_FATAL ANY)
install(FILES "${CMAKE_BINARY_DIR}/package/changelog.gz" packaging/copyright DESTINATION ${AZLIN_DOC_DIR})
install(FILES CHANGELOG.md DESTINATION ${AZLIN_DOC_DIR} RENAME NEWS.md)
install(FILES packaging/config.toml DESTINATION ${AZLIN_DOC_DIR}/examples)
include(CPack)
