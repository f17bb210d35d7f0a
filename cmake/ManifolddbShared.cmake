# libmanifolddb.so. The C++ interface of a minor version: the number after it in the name is that of the ABI.
add_library(manifolddb_shared SHARED)
manifolddb_add_engine(manifolddb_shared)
add_library(manifolddb::shared ALIAS manifolddb_shared)
target_compile_features(manifolddb_shared INTERFACE cxx_std_23)
target_include_directories(manifolddb_shared INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/engine/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(manifolddb_shared PRIVATE Threads::Threads)
target_link_options(manifolddb_shared PRIVATE -Wl,--version-script=${CMAKE_CURRENT_LIST_DIR}/manifolddb.map)
set_target_properties(manifolddb_shared PROPERTIES
  OUTPUT_NAME manifolddb
  EXPORT_NAME shared
  LINKER_LANGUAGE CXX
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
  LINK_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/manifolddb.map)
if(MANIFOLDDB_INSTALL)
  # shared: what a program needs that runs. shared_dev: what one needs beside it to be built.
  install(TARGETS manifolddb_shared EXPORT manifolddbSharedTargets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT shared NAMELINK_COMPONENT shared_dev)
  install(EXPORT manifolddbSharedTargets NAMESPACE manifolddb:: COMPONENT shared_dev
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/manifolddb)
endif()
