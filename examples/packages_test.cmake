# Makes the Debian packages of the build tree BUILD, unpacks them below FOLDER, and uses what is there, and
# nothing else: CONSUMER, through CMake with the shared libraries, through pkg-config with each, the tool, the
# Python module.
set(root ${FOLDER}/root)
set(usr ${root}/usr)
file(REMOVE_RECURSE ${FOLDER})
file(MAKE_DIRECTORY ${root})

function(run)
  execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE output ERROR_VARIABLE errors RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\nstatus ${status}\n${output}${errors}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

function(expect text)
  if(NOT output STREQUAL "${text}")
    message(FATAL_ERROR "expected: ${text}\nprinted: ${output}")
  endif()
endfunction()

# The packages.
run(${CPACK} -G DEB --config ${BUILD}/CPackConfig.cmake -B ${FOLDER}/packages)
file(GLOB packages ${FOLDER}/packages/*.deb)
set(names)
foreach(package IN LISTS packages)
  run(dpkg-deb --field ${package} Package)
  string(STRIP "${output}" name)
  list(APPEND names ${name})
  run(dpkg-deb --field ${package} Version)
  expect("${VERSION}\n")
  run(dpkg-deb --extract ${package} ${root})
endforeach()
list(SORT names)
if(NOT names STREQUAL
   "libmanifolddb-c0;libmanifolddb-dev;libmanifolddb0.1;manifolddb-tools;python3-manifolddb")
  message(FATAL_ERROR "packages: ${names}")
endif()

# They may lie anywhere, so the loader has to be told.
set(ENV{LD_LIBRARY_PATH} ${usr}/lib)
set(greeting "hello, world\n")

# CMake.
run(${CMAKE_COMMAND} -S ${CONSUMER} -B ${FOLDER}/build -G ${GENERATOR} -D MANIFOLDDB_TARGET=manifolddb::shared
  -D CMAKE_PREFIX_PATH=${usr} -D CMAKE_CXX_COMPILER=${COMPILER} -D CMAKE_C_COMPILER=${C_COMPILER})
run(${CMAKE_COMMAND} --build ${FOLDER}/build)
run(${FOLDER}/build/consume ${FOLDER}/db)
expect(${greeting})
run(${FOLDER}/build/consume_c ${FOLDER}/db)
expect(${greeting})

# pkg-config.
set(ENV{PKG_CONFIG_LIBDIR} ${usr}/lib/pkgconfig)
function(build_with package compiler source)
  run(pkg-config --cflags --libs ${package})
  separate_arguments(flags UNIX_COMMAND "${output}")
  run(${compiler} ${CONSUMER}/${source} -o ${FOLDER}/${package} ${ARGN} ${flags})
  run(${FOLDER}/${package} ${FOLDER}/db)
  expect(${greeting})
endfunction()
build_with(manifolddb ${COMPILER} consume.cc -std=c++23)
build_with(manifolddb-static ${COMPILER} consume.cc -std=c++23)
build_with(manifolddb_c ${C_COMPILER} consume.c -std=c11)

# As a part of somebody's project: configured only, since it would compile the engine.
file(WRITE ${FOLDER}/part/CMakeLists.txt "
cmake_minimum_required(VERSION 3.25)
project(part LANGUAGES CXX)
include(FetchContent)
FetchContent_Declare(manifolddb SOURCE_DIR ${SOURCE})
FetchContent_MakeAvailable(manifolddb)
add_executable(consume ${CONSUMER}/consume.cc)
target_link_libraries(consume PRIVATE manifolddb::manifolddb)
")
run(${CMAKE_COMMAND} -S ${FOLDER}/part -B ${FOLDER}/part/build -G ${GENERATOR}
  -D CMAKE_CXX_COMPILER=${COMPILER})

# The tool and its texts; the Python module.
run(${usr}/bin/manifolddb get ${FOLDER}/db hello)
expect("world\n")
foreach(file IN ITEMS man/man1/manifolddb.1 bash-completion/completions/manifolddb
        zsh/vendor-completions/_manifolddb)
  if(NOT EXISTS ${usr}/share/${file})
    message(FATAL_ERROR "not installed: share/${file}")
  endif()
endforeach()
set(ENV{PYTHONPATH} ${usr}/lib/python3/dist-packages)
run(${PYTHON} -B -c "import manifolddb, sys
with manifolddb.open(sys.argv[1]) as db, db.read() as snapshot:
    print(snapshot.table(snapshot.family('words'), 'greetings')[b'hello'].decode())" ${FOLDER}/db)
expect("world\n")
