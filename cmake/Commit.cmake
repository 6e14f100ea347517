# cmake -DROOT=<checkout> -DOUT=<header> -P Commit.cmake
#
# Writes the header that names the commit that is being built, with "-dirty" behind it when files differ from it; only when
# that has changed, so that nothing is compiled in vain. A package names it with the variable AZLIN_COMMIT.
set(commit "$ENV{AZLIN_COMMIT}")
if(commit STREQUAL "")
  execute_process(COMMAND git -C "${ROOT}" describe --always --dirty --abbrev=12 --exclude=*
    OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(NOT commit MATCHES "^[0-9A-Za-z._-]+$")
  set(commit unknown)
endif()
set(text "#pragma once\n#define AZLIN_COMMIT \"${commit}\"\n")
if(EXISTS "${OUT}")
  file(READ "${OUT}" old)
endif()
if(NOT "${old}" STREQUAL "${text}")
  file(WRITE "${OUT}" "${text}")
endif()
