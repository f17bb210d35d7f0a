# Writes FILE, a source that knows which commit SOURCE_DIR is at; run at every build:
#   cmake -DSOURCE_DIR=... -DFILE=... -P revision.cmake
# The file is left alone while its text stays the same, so that nothing is compiled without a reason.

set(revision unknown)
# Nobody else's checkout, in which these sources may lie.
cmake_path(GET SOURCE_DIR PARENT_PATH parent)
set(ENV{GIT_CEILING_DIRECTORIES} ${parent})
find_program(git git)
if(git)
  # No lock on the index: somebody may be committing meanwhile.
  execute_process(COMMAND ${git} --no-optional-locks -C ${SOURCE_DIR} describe --always --dirty --exclude=*
    OUTPUT_VARIABLE described OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(NOT failed)
    set(revision ${described})
  endif()
endif()

set(text "#include \"crashsim/revision.h\"\n
std::string manifolddb::crashsim::GitRevision() { return \"${revision}\"; }\n")
set(before "")
if(EXISTS ${FILE})
  file(READ ${FILE} before)
endif()
if(NOT text STREQUAL before)
  file(WRITE ${FILE} "${text}")
endif()
