# The package: libmanifolddb.a with the public headers, manifolddb::manifolddb for find_package. What else is
# installed stands in ManifolddbShared.cmake, capi/, python/ and tools/.
#
# cmake --install BUILD --prefix WHERE [--component library]   library: what a program links, no tools
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

get_property(libs GLOBAL PROPERTY MANIFOLDDB_LIBS)
list(REMOVE_DUPLICATES libs)
add_library(manifolddb_archive STATIC)
manifolddb_add_engine(manifolddb_archive)
get_target_property(public_headers manifolddb_include HEADER_SET)
target_sources(manifolddb_archive PUBLIC FILE_SET HEADERS
  BASE_DIRS ${PROJECT_SOURCE_DIR}/engine/include FILES ${public_headers})
target_compile_features(manifolddb_archive INTERFACE cxx_std_23)
target_link_libraries(manifolddb_archive PUBLIC ${libs})
set_target_properties(manifolddb_archive PROPERTIES
  OUTPUT_NAME manifolddb EXPORT_NAME manifolddb LINKER_LANGUAGE CXX VERIFY_INTERFACE_HEADER_SETS OFF)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/manifolddb)
install(TARGETS manifolddb_archive EXPORT manifolddbTargets COMPONENT library
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library
  FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT library)
install(EXPORT manifolddbTargets NAMESPACE manifolddb:: DESTINATION ${package_dir} COMPONENT library)

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/manifolddbConfig.cmake.in
  ${PROJECT_BINARY_DIR}/manifolddbConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/manifolddbConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)  # until 1.0 every minor version may change the file format
install(FILES ${PROJECT_BINARY_DIR}/manifolddbConfig.cmake ${PROJECT_BINARY_DIR}/manifolddbConfigVersion.cmake
  DESTINATION ${package_dir} COMPONENT library)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE-APACHE ${PROJECT_SOURCE_DIR}/LICENSE-MIT
  DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT library)
