# Installs the library of the build tree BUILD below FOLDER, builds CONSUMER against that alone, runs it; and
# once more by what the document DOCUMENT says a project has to write.
set(prefix ${FOLDER}/prefix)
file(REMOVE_RECURSE ${FOLDER})
file(MAKE_DIRECTORY ${FOLDER})

function(run)
  execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\nstatus ${status}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix} --component library)

# The public headers and no others.
file(GLOB_RECURSE headers RELATIVE ${prefix} ${prefix}/*.h)
list(FILTER headers EXCLUDE REGEX "^include/manifolddb/[a-z_]+[.]h$")
if(headers)
  message(FATAL_ERROR "installed, but not public: ${headers}")
endif()

function(consume source name)
  run(${CMAKE_COMMAND} -S ${source} -B ${FOLDER}/${name} -G ${GENERATOR}
    -D CMAKE_PREFIX_PATH=${prefix} -D CMAKE_CXX_COMPILER=${COMPILER} -D CMAKE_CXX_FLAGS=${FLAGS}
    -D CMAKE_BUILD_TYPE=${BUILD_TYPE})
  run(${CMAKE_COMMAND} --build ${FOLDER}/${name})
  run(${FOLDER}/${name}/consume ${FOLDER}/${name}/db)
  if(NOT output STREQUAL "hello, world\n")
    message(FATAL_ERROR "consume printed: ${output}")
  endif()
endfunction()
consume(${CONSUMER} build)

# Lines of CMake in the document, behind the program that they are for.
file(READ ${DOCUMENT} text)
string(REGEX MATCHALL "\n```cmake\n[^`]*\n```\n" blocks "${text}")
if(NOT blocks MATCHES "^\n```cmake\n([^`]*\n)```\n$")
  message(FATAL_ERROR "${DOCUMENT} is to have one block of CMake, and has: ${blocks}")
endif()
file(WRITE ${FOLDER}/mine/CMakeLists.txt "cmake_minimum_required(VERSION 3.25)
project(mine LANGUAGES CXX)
add_executable(consume ${CONSUMER}/consume.cc)
${CMAKE_MATCH_1}")
consume(${FOLDER}/mine mine/build)
