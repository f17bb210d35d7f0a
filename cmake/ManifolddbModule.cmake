# Functions for the CMakeLists.txt of each folder.
#
#   manifolddb_module(NAME               engine/<NAME>/CMakeLists.txt calls it once
#     HEADERS     a.h ...                verified to stand alone
#     SOURCES     a.cc ...               none: a header-only module
#     DEPS        base ...               modules that it may include; checked by scripts/tidy.py
#     LIBS        Threads::Threads ...   from outside
#     TESTS       a_test.cc ...          one executable <NAME>_test, one ctest engine.<NAME>
#     TEST_DEPS   storage ...            modules that only the tests need: any may be named
#     TEST_LIBS   rapidcheck ...         from outside
#     TEST_LABELS threads ...            `threads`: runs under ThreadSanitizer in CI
#     TEST_NOT_SANITIZED Suite.Test ...  as NOT_SANITIZED below
#   )
#   manifolddb_library(NAME name HEADERS ... SOURCES ... LIBS ...)      harness folders
#   manifolddb_test(NAME name SOURCES ... LIBS ... LABELS ... TIMEOUT seconds
#     NOT_SANITIZED Suite.Test ...       left out under sanitizers: long, and about what is judged, not how
#     CONFIGURATIONS Nightly)            `ctest -C Nightly` runs it, plain ctest does not
#
# Targets:
#   manifolddb          all of the engine; alias manifolddb::manifolddb
#   manifolddb_<NAME>   one module
#   manifolddb_sites    all of the engine once more, with MANIFOLDDB_SITES=1: the build whose fault sites can
#                       be broken at run time. An executable links this one or manifolddb, never both.
# Built only when asked for:
#   manifolddb_engine   every module, no tests
#   manifolddb_core_bare   the engine without POSIX, as a target without exceptions and RTTI must compile it;
#                       of the preset wasm32 all there is
#   shared_tests        what the tests labelled `shared` need; there if MANIFOLDDB_BUILD_SHARED
#   threads_tests       the tests labelled `threads`
#   all_verify_interface_header_sets   each header without a source of its name, by itself

define_property(GLOBAL PROPERTY MANIFOLDDB_MODULES BRIEF_DOCS "Modules so far, in order")
define_property(GLOBAL PROPERTY MANIFOLDDB_SOURCES BRIEF_DOCS "Their sources, absolute")
define_property(GLOBAL PROPERTY MANIFOLDDB_LIBS BRIEF_DOCS "What they link from outside")

add_custom_target(manifolddb_engine)
add_custom_target(threads_tests)

set(MANIFOLDDB_INCLUDE_DIRS ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/engine/include)

# A header beside a source of its name stands alone because that source includes it first (scripts/tidy.py);
# the others are verified.
function(manifolddb_headers target scope base_dir)
  set(alone)
  set(paired)
  foreach(header IN LISTS ARGN)
    string(REGEX REPLACE "[.]h$" ".cc" source ${header})
    if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${source})
      list(APPEND paired ${header})
    else()
      list(APPEND alone ${header})
    endif()
  endforeach()
  target_sources(${target} ${scope}
    FILE_SET HEADERS BASE_DIRS ${base_dir} FILES ${alone}
    FILE_SET paired TYPE HEADERS BASE_DIRS ${base_dir} FILES ${paired})
  set_target_properties(${target} PROPERTIES INTERFACE_HEADER_SETS_TO_VERIFY HEADERS)
endfunction()

# Headers take longest under sanitizers and for clang's coverage: there several sources at once, which a
# release build compiles one by one.
function(manifolddb_quick_build target)
  if(MANIFOLDDB_SANITIZE OR MANIFOLDDB_QUICK_BUILD)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON)
  endif()
endfunction()

function(manifolddb_module)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME"
    "HEADERS;SOURCES;DEPS;LIBS;TESTS;TEST_DEPS;TEST_LIBS;TEST_LABELS;TEST_NOT_SANITIZED;TEST_TIMEOUT")
  if(NOT arg_NAME)
    list(POP_FRONT arg_UNPARSED_ARGUMENTS arg_NAME)
  endif()
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "manifolddb_module(${arg_NAME}): what is ${arg_UNPARSED_ARGUMENTS}?")
  endif()

  set(deps)
  foreach(dep IN LISTS arg_DEPS)
    if(NOT TARGET manifolddb_${dep})
      message(FATAL_ERROR "engine/${arg_NAME} depends on '${dep}', which is not a module above it")
    endif()
    list(APPEND deps manifolddb_${dep})
  endforeach()

  set(target manifolddb_${arg_NAME})
  if(arg_SOURCES)
    add_library(${target} STATIC ${arg_SOURCES})
    manifolddb_quick_build(${target})
    if(MANIFOLDDB_BUILD_SHARED)
      # Code that may lie anywhere; calls within the library need not allow for being replaced.
      set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON)
      target_compile_options(${target} PRIVATE -fno-semantic-interposition)
    endif()
    add_dependencies(manifolddb_engine ${target})
    set(scope PUBLIC)
    list(TRANSFORM arg_SOURCES PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
    set_property(GLOBAL APPEND PROPERTY MANIFOLDDB_SOURCES ${arg_SOURCES})
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  if(arg_NAME STREQUAL "include")
    set(base_dir ${CMAKE_CURRENT_SOURCE_DIR})
  else()
    set(base_dir ${PROJECT_SOURCE_DIR})
  endif()
  manifolddb_headers(${target} ${scope} ${base_dir} ${arg_HEADERS})
  target_include_directories(${target} ${scope} ${MANIFOLDDB_INCLUDE_DIRS})
  target_link_libraries(${target} ${scope} ${deps} ${arg_LIBS})
  set_property(GLOBAL APPEND PROPERTY MANIFOLDDB_MODULES ${arg_NAME})
  set_property(GLOBAL APPEND PROPERTY MANIFOLDDB_LIBS ${arg_LIBS})

  if(arg_TESTS AND MANIFOLDDB_BUILD_TESTS)
    list(TRANSFORM arg_TEST_DEPS PREPEND manifolddb_)
    manifolddb_test(NAME ${arg_NAME}_test TEST_NAME engine.${arg_NAME} SOURCES ${arg_TESTS}
      LIBS ${target} ${arg_TEST_DEPS} ${arg_TEST_LIBS} LABELS ${arg_TEST_LABELS} TIMEOUT ${arg_TEST_TIMEOUT}
      NOT_SANITIZED ${arg_TEST_NOT_SANITIZED})
  endif()
endfunction()

function(manifolddb_library)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME" "HEADERS;SOURCES;LIBS")
  if(arg_SOURCES)
    add_library(${arg_NAME} STATIC ${arg_SOURCES})
    manifolddb_quick_build(${arg_NAME})
    set(scope PUBLIC)
  else()
    add_library(${arg_NAME} INTERFACE)
    set(scope INTERFACE)
  endif()
  manifolddb_headers(${arg_NAME} ${scope} ${PROJECT_SOURCE_DIR} ${arg_HEADERS})
  target_include_directories(${arg_NAME} ${scope} ${MANIFOLDDB_INCLUDE_DIRS})
  target_link_libraries(${arg_NAME} ${scope} ${arg_LIBS})
endfunction()

function(manifolddb_test)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;TEST_NAME;TIMEOUT;CONFIGURATIONS"
    "SOURCES;LIBS;LABELS;NOT_SANITIZED")
  if(NOT arg_TEST_NAME)
    set(arg_TEST_NAME ${arg_NAME})
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  add_executable(${arg_NAME} ${arg_SOURCES})
  target_include_directories(${arg_NAME} PRIVATE ${MANIFOLDDB_INCLUDE_DIRS})
  target_link_libraries(${arg_NAME} PRIVATE ${arg_LIBS} GTest::gtest_main GTest::gtest Threads::Threads)
  if(MANIFOLDDB_SANITIZE)
    # Halves what these take to compile; what they test stays as it is.
    target_compile_options(${arg_NAME} PRIVATE -O0)
  endif()
  set(configurations)
  if(arg_CONFIGURATIONS)
    set(configurations CONFIGURATIONS ${arg_CONFIGURATIONS})
  endif()
  set(filter)
  if(MANIFOLDDB_SANITIZE AND arg_NOT_SANITIZED)
    list(JOIN arg_NOT_SANITIZED ":" filter)
    set(filter "--gtest_filter=-${filter}")
  endif()
  add_test(NAME ${arg_TEST_NAME} COMMAND ${arg_NAME} ${filter} ${configurations})
  set_tests_properties(${arg_TEST_NAME} PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}")
  if("threads" IN_LIST arg_LABELS)
    add_dependencies(threads_tests ${arg_NAME})
  endif()
endfunction()

# Puts what the modules have compiled into the library `target`: how the engine is cut into modules is its own
# business. After all modules.
function(manifolddb_add_engine target)
  get_property(modules GLOBAL PROPERTY MANIFOLDDB_MODULES)
  foreach(module IN LISTS modules)
    get_target_property(type manifolddb_${module} TYPE)
    if(type STREQUAL "STATIC_LIBRARY")
      target_sources(${target} PRIVATE $<TARGET_OBJECTS:manifolddb_${module}>)
    endif()
  endforeach()
endfunction()

# After all modules: the libraries over all of them.
function(manifolddb_engine_libraries)
  get_property(sources GLOBAL PROPERTY MANIFOLDDB_SOURCES)
  get_property(libs GLOBAL PROPERTY MANIFOLDDB_LIBS)
  list(REMOVE_DUPLICATES libs)

  # For some processors only: whether this is one is asked at run time.
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
    set_source_files_properties(${PROJECT_SOURCE_DIR}/engine/base/checksum_avx2.cc
      DIRECTORY ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/engine/base PROPERTIES COMPILE_OPTIONS -mavx2)
  endif()

  add_library(manifolddb INTERFACE)
  add_library(manifolddb::manifolddb ALIAS manifolddb)
  target_compile_features(manifolddb INTERFACE cxx_std_23)  # for who adds this project to their own
  # The last ones: no module depends on them.
  target_link_libraries(manifolddb INTERFACE manifolddb_salvage manifolddb_backup manifolddb_metrics)
  if(MANIFOLDDB_BUILD_TESTS)
    add_library(manifolddb_sites STATIC ${sources})
    target_compile_definitions(manifolddb_sites PUBLIC MANIFOLDDB_SITES=1)
    target_include_directories(manifolddb_sites PUBLIC ${MANIFOLDDB_INCLUDE_DIRS})
    target_link_libraries(manifolddb_sites PUBLIC ${libs})
    manifolddb_quick_build(manifolddb_sites)
  endif()

  list(FILTER sources EXCLUDE REGEX "/engine/storage/(posix|thread)_[^/]*$")
  add_library(manifolddb_core_bare OBJECT EXCLUDE_FROM_ALL ${sources})
  target_compile_options(manifolddb_core_bare PRIVATE -fno-exceptions -fno-rtti -O0 -g0)
  set_target_properties(manifolddb_core_bare PROPERTIES UNITY_BUILD ON)  # a third of the time
  target_include_directories(manifolddb_core_bare PRIVATE ${MANIFOLDDB_INCLUDE_DIRS})
  target_link_libraries(manifolddb_core_bare PRIVATE ${libs})
  if(MANIFOLDDB_ONE_THREAD)
    # A header of no target in particular, among those of the machine that compiles, which are not to be
    # searched.
    find_file(XXHASH_HEADER xxhash.h PATHS /usr/local/include /usr/include REQUIRED)
    file(COPY ${XXHASH_HEADER} DESTINATION ${PROJECT_BINARY_DIR}/xxhash)
    target_include_directories(manifolddb_core_bare SYSTEM PRIVATE ${PROJECT_BINARY_DIR}/xxhash)
    # Half of the time. That each file includes what it needs is for the other presets to find out.
    target_precompile_headers(manifolddb_core_bare PRIVATE
      <algorithm> <atomic> <expected> <functional> <map> <memory> <optional> <span> <string> <vector>)
  endif()
endfunction()
