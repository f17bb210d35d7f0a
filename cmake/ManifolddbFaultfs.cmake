# libmanifolddb_faultfs.a and the headers of the disk that lies, for crash tests of one's own:
# manifolddb::faultfs for find_package. From faultfs/CMakeLists.txt.
include(GNUInstallDirs)
set(faultfs_headers crash_point.h crash_state.h disk.h fault.h image.h trace.h traits.h undetermined.h)
add_library(manifolddb_faultfs_archive STATIC $<TARGET_OBJECTS:manifolddb_faultfs>)
target_sources(manifolddb_faultfs_archive PUBLIC FILE_SET HEADERS
  BASE_DIRS ${PROJECT_SOURCE_DIR} FILES ${faultfs_headers})
target_link_libraries(manifolddb_faultfs_archive PUBLIC manifolddb_archive gmpxx gmp)
set_target_properties(manifolddb_faultfs_archive PROPERTIES
  ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}  # beside libmanifolddb.a: here lies one of this name
  OUTPUT_NAME manifolddb_faultfs EXPORT_NAME faultfs LINKER_LANGUAGE CXX VERIFY_INTERFACE_HEADER_SETS OFF)

install(TARGETS manifolddb_faultfs_archive EXPORT manifolddbFaultfsTargets COMPONENT faultfs
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT faultfs
  FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/manifolddb-faultfs COMPONENT faultfs)
install(EXPORT manifolddbFaultfsTargets NAMESPACE manifolddb:: COMPONENT faultfs
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/manifolddb)
