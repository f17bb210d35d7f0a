# Runs the example PROGRAM, which is called NAME, twice on a FOLDER that is empty at first, and once where it
# cannot work: then it fails with FAILS_WITH, or as this engine does. What it prints is the text of EXPECTED.
file(REMOVE_RECURSE ${FOLDER})
file(MAKE_DIRECTORY ${FOLDER})
file(READ ${EXPECTED} expected)
# What it is told, if it reads.
string(REGEX REPLACE "[.]txt$" ".in" input ${EXPECTED})
if(NOT EXISTS ${input})
  set(input /dev/null)
endif()
foreach(time IN ITEMS first second)
  execute_process(COMMAND ${PROGRAM} ${FOLDER} INPUT_FILE ${input}
    OUTPUT_VARIABLE output ERROR_VARIABLE error RESULT_VARIABLE status)
  if(NOT status EQUAL 0 OR NOT output STREQUAL expected OR NOT error STREQUAL "")
    message(FATAL_ERROR "the ${time} time: status ${status}\n${output}${error}\nexpected:\n${expected}")
  endif()
endforeach()

execute_process(COMMAND ${PROGRAM} ${FOLDER}/missing OUTPUT_QUIET ERROR_VARIABLE error RESULT_VARIABLE status)
if(NOT FAILS_WITH)
  set(FAILS_WITH "${NAME}: kNotFound .*missing/")
endif()
if(NOT status EQUAL 1 OR NOT error MATCHES "${FAILS_WITH}")
  message(FATAL_ERROR "in a missing folder: status ${status}\n${error}")
endif()
