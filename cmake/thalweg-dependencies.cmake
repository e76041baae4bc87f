# SPDX-License-Identifier: MIT
# The libraries Thalweg stands on. Read by our own build, and by an installed thalweg-config.cmake for static linking.
# thalweg_private: all of them, as targets.
include(CMakeFindDependencyMacro)
find_dependency(OpenMP COMPONENTS C)
find_dependency(ZLIB)
find_dependency(PkgConfig)
pkg_check_modules(JANSSON REQUIRED QUIET IMPORTED_TARGET GLOBAL jansson)
pkg_check_modules(YAML REQUIRED QUIET IMPORTED_TARGET GLOBAL yaml-0.1)
pkg_check_modules(SQLITE REQUIRED QUIET IMPORTED_TARGET GLOBAL sqlite3)
set(thalweg_private OpenMP::OpenMP_C PkgConfig::JANSSON PkgConfig::YAML PkgConfig::SQLITE ZLIB::ZLIB ${CMAKE_DL_LIBS} m)

# thalweg_library(NAME HEADER REQUIRED|OPTIONAL [SUFFIX...]): thalweg::NAME, for a library that brings no CMake or
# pkg-config file which is there whatever its variant.
macro(thalweg_library name header need)
  find_library(THALWEG_${name}_LIBRARY ${name})
  find_path(THALWEG_${name}_INCLUDE ${header} PATH_SUFFIXES ${ARGN})
  mark_as_advanced(THALWEG_${name}_LIBRARY THALWEG_${name}_INCLUDE)
  if(THALWEG_${name}_LIBRARY AND THALWEG_${name}_INCLUDE)
    if(NOT TARGET thalweg::${name})
      add_library(thalweg::${name} UNKNOWN IMPORTED GLOBAL)
      set_target_properties(thalweg::${name} PROPERTIES IMPORTED_LOCATION "${THALWEG_${name}_LIBRARY}"
                            INTERFACE_INCLUDE_DIRECTORIES "${THALWEG_${name}_INCLUDE}")
    endif()
    list(APPEND thalweg_private thalweg::${name})
  elseif("${need}" STREQUAL "REQUIRED")
    message(FATAL_ERROR "Thalweg needs lib${name} and ${header}; cmake/packages.txt says which package brings them")
  endif()
endmacro()

thalweg_library(lapacke lapacke.h REQUIRED openblas lapacke)
thalweg_library(openblas cblas.h REQUIRED openblas ${CMAKE_LIBRARY_ARCHITECTURE})
pkg_check_modules(CURL QUIET IMPORTED_TARGET GLOBAL libcurl) # without it `thalweg data fetch` only says the address
if(TARGET PkgConfig::CURL)
  list(APPEND thalweg_private PkgConfig::CURL)
endif()
thalweg_library(dnnl dnnl.h OPTIONAL) # float products are slower without it
