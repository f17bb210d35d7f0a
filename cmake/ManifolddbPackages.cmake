# pkg-config files, and Debian packages: cpack -G DEB in the build tree, a package for each component.

# manifolddb_pkg_config(NAME manifolddb COMPONENT library DESCRIPTION ... LIBS ...)
function(manifolddb_pkg_config)
  cmake_parse_arguments(PARSE_ARGV 0 pc "" "NAME;COMPONENT;DESCRIPTION;LIBS" "")
  set(folder ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
  # Relative to the file: a package may be unpacked anywhere.
  file(RELATIVE_PATH pc_prefix /${folder} /)
  set(pc_name ${pc_NAME})
  set(pc_description ${pc_DESCRIPTION})
  set(pc_libs ${pc_LIBS})
  configure_file(${PROJECT_SOURCE_DIR}/cmake/manifolddb.pc.in ${PROJECT_BINARY_DIR}/${pc_NAME}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${pc_NAME}.pc DESTINATION ${folder} COMPONENT ${pc_COMPONENT})
endfunction()

manifolddb_pkg_config(NAME manifolddb-static COMPONENT library
  DESCRIPTION "${PROJECT_DESCRIPTION} (C++, static)"
  LIBS "\${libdir}/libmanifolddb.a -pthread")
if(MANIFOLDDB_BUILD_SHARED)
  manifolddb_pkg_config(NAME manifolddb COMPONENT shared_dev
    DESCRIPTION "${PROJECT_DESCRIPTION} (C++)" LIBS "-L\${libdir} -lmanifolddb")
  manifolddb_pkg_config(NAME manifolddb_c COMPONENT c_dev
    DESCRIPTION "${PROJECT_DESCRIPTION} (C)" LIBS "-L\${libdir} -lmanifolddb_c")
endif()

set(CPACK_PACKAGE_NAME manifolddb)
set(CPACK_PACKAGE_VENDOR manifolddb)
set(CPACK_PACKAGE_CONTACT "the manifolddb developers")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Embedded ACID column-family key-value engine")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_GENERATOR DEB)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_COMPONENTS_ALL library)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
# Of packages with a library: dpkg brings the loader's cache up to date.
file(WRITE ${PROJECT_BINARY_DIR}/debian/triggers "activate-noawait ldconfig\n")
# Of the package with Python sources: what the interpreter makes of them comes and goes with it.
set(python_scripts ${PROJECT_BINARY_DIR}/debian/python/postinst ${PROJECT_BINARY_DIR}/debian/python/prerm)
file(WRITE ${PROJECT_BINARY_DIR}/debian/python/postinst "#!/bin/sh
set -e
if command -v py3compile >/dev/null; then py3compile -p python3-manifolddb; fi
")
file(WRITE ${PROJECT_BINARY_DIR}/debian/python/prerm "#!/bin/sh
set -e
if command -v py3clean >/dev/null; then py3clean -p python3-manifolddb; fi
")
file(CHMOD ${python_scripts}
  PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
include(CPackComponent)

# What one builds with: headers, the archive, names without a number, files for CMake and pkg-config.
set(CPACK_DEBIAN_DEV_PACKAGE_NAME libmanifolddb-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
cpack_add_component_group(dev DESCRIPTION "${PROJECT_DESCRIPTION}: what programs are built with")
cpack_add_component(library GROUP dev)
if(MANIFOLDDB_BUILD_SHARED)
  list(APPEND CPACK_COMPONENTS_ALL shared shared_dev c c_dev python_package)
  cpack_add_component(shared_dev GROUP dev)
  cpack_add_component(c_dev GROUP dev)
  set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS
    "libmanifolddb0.1 (= ${PROJECT_VERSION}), libmanifolddb-c0 (= ${PROJECT_VERSION})")
  set(CPACK_DEBIAN_SHARED_PACKAGE_NAME libmanifolddb0.1)
  set(CPACK_DEBIAN_SHARED_PACKAGE_SECTION libs)
  set(CPACK_DEBIAN_SHARED_PACKAGE_CONTROL_EXTRA ${PROJECT_BINARY_DIR}/debian/triggers)
  set(CPACK_COMPONENT_SHARED_DESCRIPTION "The C++ library")
  set(CPACK_DEBIAN_C_PACKAGE_NAME libmanifolddb-c0)
  set(CPACK_DEBIAN_C_PACKAGE_SECTION libs)
  set(CPACK_DEBIAN_C_PACKAGE_CONTROL_EXTRA ${PROJECT_BINARY_DIR}/debian/triggers)
  set(CPACK_COMPONENT_C_DESCRIPTION "The C library")
  set(CPACK_DEBIAN_PYTHON_PACKAGE_PACKAGE_NAME python3-manifolddb)
  set(CPACK_DEBIAN_PYTHON_PACKAGE_PACKAGE_SECTION python)
  set(CPACK_DEBIAN_PYTHON_PACKAGE_PACKAGE_ARCHITECTURE all)
  set(CPACK_DEBIAN_PYTHON_PACKAGE_PACKAGE_SHLIBDEPS OFF)
  set(CPACK_DEBIAN_PYTHON_PACKAGE_PACKAGE_DEPENDS "python3, libmanifolddb-c0 (= ${PROJECT_VERSION})")
  set(CPACK_DEBIAN_PYTHON_PACKAGE_PACKAGE_CONTROL_EXTRA ${python_scripts})
  set(CPACK_COMPONENT_PYTHON_PACKAGE_DESCRIPTION "The Python module")
endif()
if(TARGET manifolddb_faultfs_archive)
  list(APPEND CPACK_COMPONENTS_ALL faultfs)
  set(CPACK_DEBIAN_FAULTFS_PACKAGE_NAME libmanifolddb-faultfs-dev)
  set(CPACK_DEBIAN_FAULTFS_PACKAGE_SECTION libdevel)
  set(CPACK_DEBIAN_FAULTFS_PACKAGE_DEPENDS "libmanifolddb-dev (= ${PROJECT_VERSION}), libgmp-dev")
  set(CPACK_COMPONENT_FAULTFS_DESCRIPTION "The simulated disk, for crash tests of one's own")
endif()
if(TARGET manifolddb_cli)
  list(APPEND CPACK_COMPONENTS_ALL tools)
  set(CPACK_DEBIAN_TOOLS_PACKAGE_NAME manifolddb-tools)
  set(CPACK_DEBIAN_TOOLS_PACKAGE_SECTION database)
  set(CPACK_COMPONENT_TOOLS_DESCRIPTION "The command line tool, its manual page and shell completion")
endif()
include(CPack)
