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

# The packages. What runs and what one builds with are apart: two versions of the former can be installed.
run(${CPACK} -G DEB --config ${BUILD}/CPackConfig.cmake -B ${FOLDER}/packages)
file(GLOB packages ${FOLDER}/packages/*.deb)
set(names)
set(libraries "[.]so[.]|/doc/|/$")
set(libmanifolddb0.1_holds ${libraries})
set(libmanifolddb-c0_holds ${libraries})
set(libmanifolddb-dev_holds "[.]h$|[.]a$|[.]so$|/cmake/|/pkgconfig/|/doc/|/$")
set(libmanifolddb-faultfs-dev_holds "/faultfs/[a-z_]+[.]h$|[.]a$|/cmake/|/$")
set(manifolddb-tools_holds "/usr/bin/|/share/|/$")
set(python3-manifolddb_holds "/usr/lib/python3/dist-packages/manifolddb/[a-z_]+[.]py$|/$")
foreach(package IN LISTS packages)
  run(dpkg-deb --field ${package} Package)
  string(STRIP "${output}" name)
  list(APPEND names ${name})
  run(dpkg-deb --field ${package} Version)
  expect("${VERSION}\n")
  run(dpkg-deb --contents ${package})
  string(REGEX REPLACE " -> [^\n]*" "" files "${output}")  # what links lead to
  string(REGEX MATCHALL "[.]/[^\n]*" files "${files}")
  list(FILTER files EXCLUDE REGEX "${${name}_holds}")
  if(files OR "${${name}_holds}" STREQUAL "")
    message(FATAL_ERROR "${name} is no place for: ${files}")
  endif()
  run(dpkg-deb --info ${package})
  if(name MATCHES "[0-9]$" AND NOT output MATCHES " triggers")  # a library
    message(FATAL_ERROR "${name} does not have the loader's cache brought up to date: ${output}")
  endif()
  run(dpkg-deb --extract ${package} ${root})
endforeach()
list(SORT names)
if(NOT names STREQUAL
   "libmanifolddb-c0;libmanifolddb-dev;libmanifolddb-faultfs-dev;libmanifolddb0.1;manifolddb-tools;\
python3-manifolddb")
  message(FATAL_ERROR "packages: ${names}")
endif()

# Every symbol of the C++ library has the version of the interface; those of C: capi/exports_test.py.
run(${NM} --dynamic --defined-only ${usr}/lib/libmanifolddb.so.0.1)
string(REGEX MATCHALL "[^\n]+" symbols "${output}")
list(LENGTH symbols count)
list(FILTER symbols EXCLUDE REGEX "@@MANIFOLDDB_0.1$| A MANIFOLDDB_0.1$")
if(symbols OR count LESS 100)
  message(FATAL_ERROR "${count} symbols of libmanifolddb.so, without a version: ${symbols}")
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

# Crash tests of one's own.
run(${CMAKE_COMMAND} -S ${CONSUMER}/../crash -B ${FOLDER}/crash -G ${GENERATOR}
  -D CMAKE_PREFIX_PATH=${usr} -D CMAKE_CXX_COMPILER=${COMPILER})
run(${CMAKE_COMMAND} --build ${FOLDER}/crash)
run(${FOLDER}/crash/crash_certificate sound)
expect("no power cut breaks the promise\n")
execute_process(COMMAND ${FOLDER}/crash/crash_certificate broken ${FOLDER}/certificate
  OUTPUT_QUIET RESULT_VARIABLE status)
if(NOT status EQUAL 1)
  message(FATAL_ERROR "the planted bug is not found: status ${status}")
endif()
run(${FOLDER}/crash/crash_certificate --replay ${FOLDER}/certificate)

# As a part of somebody's project, which clones it: what is in this checkout, as a version of a repository.
set(origin ${FOLDER}/origin.git)
run(git init --quiet --bare ${origin})
set(in_origin git --git-dir=${origin} --work-tree=${SOURCE})
run(${in_origin} add --all)
run(${in_origin} -c user.name=test -c user.email=test@example.org commit --quiet --message "as it is")
run(${in_origin} tag v${VERSION})
file(WRITE ${FOLDER}/part/CMakeLists.txt "
cmake_minimum_required(VERSION 3.25)
project(part LANGUAGES CXX)
include(FetchContent)
FetchContent_Declare(manifolddb GIT_REPOSITORY file://${origin} GIT_TAG v${VERSION})
FetchContent_MakeAvailable(manifolddb)
add_executable(consume ${CONSUMER}/consume.cc)
target_link_libraries(consume PRIVATE manifolddb::manifolddb)
")
find_program(CCACHE ccache)
if(CCACHE)
  set(ENV{CMAKE_CXX_COMPILER_LAUNCHER} ${CCACHE})
endif()
run(${CMAKE_COMMAND} -S ${FOLDER}/part -B ${FOLDER}/part/build -G ${GENERATOR}
  -D CMAKE_CXX_COMPILER=${COMPILER} -D CMAKE_UNITY_BUILD=ON)
if(NOT EXISTS ${FOLDER}/part/build/_deps/manifolddb-src/engine/include/manifolddb/database.h)
  message(FATAL_ERROR "the sources were not cloned")
endif()
run(${CMAKE_COMMAND} --build ${FOLDER}/part/build --target consume)
run(${FOLDER}/part/build/consume ${FOLDER}/db)
expect(${greeting})

# The tool and its texts; the Python module.
run(${usr}/bin/manifolddb get ${FOLDER}/db hello)
expect("world\n")
foreach(file IN ITEMS man/man1/manifolddb.1 bash-completion/completions/manifolddb
        zsh/vendor-completions/_manifolddb)
  if(NOT EXISTS ${usr}/share/${file})
    message(FATAL_ERROR "not installed: share/${file}")
  endif()
endforeach()
function(read_with_python folder)
  set(ENV{PYTHONPATH} ${folder})
  run(${PYTHON} -B -c "import manifolddb, sys
with manifolddb.open(sys.argv[1]) as db, db.read() as snapshot:
    print(snapshot.table(snapshot.family('words'), 'greetings')[b'hello'].decode())" ${FOLDER}/db)
  expect("world\n")
endfunction()
read_with_python(${usr}/lib/python3/dist-packages)

# All of it by cmake --install.
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${FOLDER}/local)
read_with_python(${FOLDER}/local/${PYTHON_DIR})
