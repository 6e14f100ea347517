# azlin_part(NAME <part> SOURCES <files> [USES <lower parts>] [LIBS <outside libraries, private>]
#            [PRECOMPILE <heavy headers of its own>])
#
# Makes the static library azlin_<part>. A target sees the public headers of the parts it USES and no
# others: each part's headers are reached through a folder of their own, so that an include from a
# lower part to a higher one does not compile.

add_library(azlin_settings INTERFACE)
target_compile_features(azlin_settings INTERFACE cxx_std_20)
target_compile_options(azlin_settings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
  -Wold-style-cast -Woverloaded-virtual -Wundef -Wno-missing-field-initializers)
if(AZLIN_WERROR)
  target_compile_options(azlin_settings INTERFACE -Werror)
endif()
if(AZLIN_SANITIZE)
  target_compile_options(azlin_settings INTERFACE -fsanitize=${AZLIN_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all -Wno-maybe-uninitialized)  # GCC 12 sees some in <regex> under sanitizers
  target_link_options(azlin_settings INTERFACE -fsanitize=${AZLIN_SANITIZE})
endif()
if(AZLIN_COVERAGE)
  target_compile_options(azlin_settings INTERFACE --coverage)
  target_link_options(azlin_settings INTERFACE --coverage)
endif()

set(AZLIN_HEAVY_HEADERS <algorithm> <chrono> <filesystem> <functional> <map> <memory> <mutex> <optional> <regex>
  <set> <sstream> <stop_token> <string> <thread> <unordered_map> <vector> <fmt/format.h> <nlohmann/json.hpp>)

# The heavy headers, parsed once for the whole build; a target with `more` of them has a parse of its own.
function(azlin_precompile target)
  if(ARGN)
    target_link_libraries(${target} PRIVATE azlin_settings fmt::fmt nlohmann_json::nlohmann_json Threads::Threads)
    target_precompile_headers(${target} PRIVATE ${AZLIN_HEAVY_HEADERS} ${ARGN})
    return()
  endif()
  if(NOT TARGET azlin_pch)
    file(WRITE "${CMAKE_BINARY_DIR}/azlin_pch.cpp" "// Holds the precompiled header.\n")
    add_library(azlin_pch STATIC "${CMAKE_BINARY_DIR}/azlin_pch.cpp")
    target_link_libraries(azlin_pch PRIVATE azlin_settings fmt::fmt nlohmann_json::nlohmann_json Threads::Threads)
    target_precompile_headers(azlin_pch PRIVATE ${AZLIN_HEAVY_HEADERS})
  endif()
  target_link_libraries(${target} PRIVATE azlin_settings fmt::fmt nlohmann_json::nlohmann_json Threads::Threads)
  target_precompile_headers(${target} REUSE_FROM azlin_pch)
endfunction()

function(azlin_part)
  cmake_parse_arguments(P "" "NAME" "SOURCES;USES;LIBS;PRECOMPILE" ${ARGN})
  set(target azlin_${P_NAME})
  list(TRANSFORM P_SOURCES PREPEND "${P_NAME}/")
  add_library(${target} STATIC ${P_SOURCES})
  set(farm "${CMAKE_BINARY_DIR}/headers/${P_NAME}")
  file(MAKE_DIRECTORY "${farm}/azlin")
  if(NOT EXISTS "${farm}/azlin/${P_NAME}")
    file(CREATE_LINK "${PROJECT_SOURCE_DIR}/include/azlin/${P_NAME}" "${farm}/azlin/${P_NAME}" SYMBOLIC)
  endif()
  target_include_directories(${target} PUBLIC "${farm}" PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}")
  foreach(lower IN LISTS P_USES)
    target_link_libraries(${target} PUBLIC azlin_${lower})
  endforeach()
  target_link_libraries(${target} PRIVATE ${P_LIBS})
  azlin_precompile(${target} ${P_PRECOMPILE})
endfunction()
