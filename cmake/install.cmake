# SPDX-License-Identifier: MIT
# What `make install` puts where: program, libraries, headers, and the files by which others find them.
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/thalweg)

install(TARGETS thalweg EXPORT thalweg-shared)
install(TARGETS thalweg_static EXPORT thalweg-static)
if(TARGET thalweg_program)
  install(TARGETS thalweg_program)
endif()
if(TARGET thalweg_mpi)
  install(TARGETS thalweg_mpi LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/thalweg)
endif()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/thalweg DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")

install(EXPORT thalweg-shared NAMESPACE thalweg:: FILE thalweg-shared-targets.cmake DESTINATION ${package_dir})
install(EXPORT thalweg-static NAMESPACE thalweg:: FILE thalweg-static-targets.cmake DESTINATION ${package_dir})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/thalweg-config.cmake.in thalweg-config.cmake
                              INSTALL_DESTINATION ${package_dir})
# Before 1.0 a minor version may break the interface, and the SONAME carries it.
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/thalweg-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/thalweg-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/thalweg-config-version.cmake
              ${PROJECT_SOURCE_DIR}/cmake/thalweg-dependencies.cmake
        DESTINATION ${package_dir})

set(THALWEG_PC_PRIVATE "-llapacke -lopenblas")
if(TARGET thalweg::dnnl)
  string(APPEND THALWEG_PC_PRIVATE " -ldnnl")
endif()
if(CMAKE_DL_LIBS)
  string(APPEND THALWEG_PC_PRIVATE " -l${CMAKE_DL_LIBS}")
endif()
string(APPEND THALWEG_PC_PRIVATE " ${OpenMP_C_FLAGS} -lm")
if(TARGET PkgConfig::CURL) # not in Requires.private: --static would then ask for all of libcurl's own libraries, which its package leaves out
  string(APPEND THALWEG_PC_PRIVATE " -lcurl")
endif()
configure_file(${PROJECT_SOURCE_DIR}/cmake/thalweg.pc.in thalweg.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/thalweg.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
