# Installs the library of the build tree BUILD below FOLDER, builds CONSUMER against that alone, runs it.
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

run(${CMAKE_COMMAND} -S ${CONSUMER} -B ${FOLDER}/build -G ${GENERATOR}
  -D CMAKE_PREFIX_PATH=${prefix} -D CMAKE_CXX_COMPILER=${COMPILER} -D CMAKE_CXX_FLAGS=${FLAGS}
  -D CMAKE_BUILD_TYPE=${BUILD_TYPE})
run(${CMAKE_COMMAND} --build ${FOLDER}/build)
run(${FOLDER}/build/consume ${FOLDER}/db)
if(NOT output STREQUAL "hello, world\n")
  message(FATAL_ERROR "consume printed: ${output}")
endif()
