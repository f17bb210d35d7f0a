# Language, warnings, sanitizers, launcher and linker, for every target of the project.

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_VERIFY_INTERFACE_HEADER_SETS ON)  # target all_verify_interface_header_sets: each stands alone

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug or Release" FORCE)
endif()

# Warnings are errors. Left out on purpose: -Wconversion, which drowns what matters in casts.
set(manifolddb_warnings
  -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wold-style-cast -Wcast-qual -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  list(APPEND manifolddb_warnings
    -Wthread-safety -Wthread-safety-beta
    -Wno-missing-designated-field-initializers  # naming some members and defaulting the rest is the point
    -Wno-deprecated-declarations)               # std::stable_sort in libstdc++ 12 uses what it deprecates
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  list(APPEND manifolddb_warnings -Wno-restrict)  # false alarms on std::string in g++ 12 (PR 105329)
  if(MANIFOLDDB_SANITIZE)
    list(APPEND manifolddb_warnings -Wno-maybe-uninitialized)  # false alarms in instrumented code
  endif()
endif()
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "wasm32")
  set(MANIFOLDDB_ONE_THREAD ON)
  list(APPEND manifolddb_warnings -Wshorten-64-to-32)  # lengths of files that no memory holds
endif()
if(PROJECT_IS_TOP_LEVEL)
  add_compile_options(${manifolddb_warnings})
endif()

# Assertions that walk whole structures: everywhere but in release builds.
if(CMAKE_BUILD_TYPE STREQUAL "Release" OR NOT PROJECT_IS_TOP_LEVEL)
  set(slow_checks OFF)
else()
  set(slow_checks ON)
endif()
option(MANIFOLDDB_SLOW_CHECKS "Compile MANIFOLDDB_ASSERT_SLOW and the lock order check" ${slow_checks})
if(MANIFOLDDB_SLOW_CHECKS)
  add_compile_definitions(MANIFOLDDB_SLOW_CHECKS=1)
endif()

# x86-64-v2 has the CRC32 instruction and is met by everything since 2009.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  set(MANIFOLDDB_MARCH "x86-64-v2" CACHE STRING "Value for -march; empty leaves the compiler's default")
  if(MANIFOLDDB_MARCH)
    add_compile_options(-march=${MANIFOLDDB_MARCH})
  endif()
endif()

if(MANIFOLDDB_SANITIZE)
  list(JOIN MANIFOLDDB_SANITIZE "," sanitizers)
  add_compile_options(-fsanitize=${sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${sanitizers})
endif()

if(PROJECT_IS_TOP_LEVEL)
  # No path of the building machine in objects, hence the same ccache entries in every clone.
  add_compile_options(-ffile-prefix-map=${PROJECT_SOURCE_DIR}/=)
  find_program(CCACHE_PROGRAM ccache)
  if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER
      env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE_PROGRAM})
  endif()
  # Not Debian's mold 1.10: no faster here, one of its links in CI never ended, and it may let RELRO begin in
  # a page that is not mapped.
  find_program(LLD_PROGRAM ld.lld)
  if(LLD_PROGRAM)
    add_link_options(-fuse-ld=lld)
  endif()
endif()
