# Helpers shared by every CMakeLists.txt of the project.

# LLVM and MLIR as one link interface. The packaged MLIR does not export
# MLIR_LINK_MLIR_DYLIB, so the shared libraries are linked by name.
#
# With FLASHMHF_STATIC_LLVM the archives are named by path: the imported targets
# of the packages drag the shared libraries in.
add_library(flashmhf_mlir INTERFACE)
if(FLASHMHF_STATIC_LLVM)
  file(GLOB FLASHMHF_LLVM_ARCHIVES
    "${LLVM_LIBRARY_DIR}/libMLIR*.a" "${LLVM_LIBRARY_DIR}/libLLVM*.a")
  list(FILTER FLASHMHF_LLVM_ARCHIVES EXCLUDE REGEX
    "libMLIR(CAPI|.*Test|.*_runner|MlirOptMain|.*Runner)[^/]*\\.a$")
  if(NOT FLASHMHF_LLVM_ARCHIVES)
    message(FATAL_ERROR "no static libraries in ${LLVM_LIBRARY_DIR}")
  endif()
  find_library(FLASHMHF_ZSTD NAMES libzstd.a REQUIRED)
  find_library(FLASHMHF_ZLIB NAMES libz.a REQUIRED)
  target_link_libraries(flashmhf_mlir INTERFACE
    "$<BUILD_INTERFACE:-Wl,--start-group;${FLASHMHF_LLVM_ARCHIVES};-Wl,--end-group;${FLASHMHF_ZSTD};${FLASHMHF_ZLIB};m;dl;pthread>")
  target_link_options(flashmhf_mlir INTERFACE
    $<BUILD_INTERFACE:-Wl,--gc-sections>)
else()
  target_link_libraries(flashmhf_mlir INTERFACE MLIR LLVM)
endif()
install(TARGETS flashmhf_mlir EXPORT flashmhfTargets)

if(FLASHMHF_ENABLE_PCH)
  add_library(flashmhf_pch STATIC "${PROJECT_SOURCE_DIR}/cmake/pch.cpp")
  target_precompile_headers(flashmhf_pch PRIVATE
    "${PROJECT_SOURCE_DIR}/cmake/pch.h")
endif()

# flashmhf_tablegen(<out.inc> <in.td> <generator args>...): one generated
# header, a dependency of every library.
function(flashmhf_tablegen out td)
  set(LLVM_TARGET_DEFINITIONS ${td})
  mlir_tablegen(${out} ${ARGN})
  get_filename_component(path "${CMAKE_CURRENT_BINARY_DIR}/${out}" ABSOLUTE)
  file(RELATIVE_PATH name "${PROJECT_BINARY_DIR}" "${path}")
  string(REPLACE "/" "-" name "${name}")
  add_custom_target(${name} DEPENDS ${path})
  add_dependencies(flashmhf-headers ${name})
endfunction()

# flashmhf_doc(<out.md> <in.td> <generator args>...): one generated page under
# docs/ of the build tree, made by the target flashmhf-doc.
function(flashmhf_doc out td)
  set(page "${PROJECT_BINARY_DIR}/docs/${out}")
  file(GLOB included CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.td")
  add_custom_command(OUTPUT ${page}
    COMMAND ${CMAKE_COMMAND} -E make_directory "${PROJECT_BINARY_DIR}/docs"
    COMMAND mlir-tblgen ${ARGN} -I "${FLASHMHF_INCLUDE_DIR}"
            -I "${MLIR_INCLUDE_DIRS}" "${CMAKE_CURRENT_SOURCE_DIR}/${td}"
            -o ${page}
    DEPENDS ${included})
  add_custom_target(doc-${out} DEPENDS ${page})
  add_dependencies(flashmhf-doc doc-${out})
endfunction()

# flashmhf_add_library(<name> <sources>... [LINK_LIBS <libs>...]): a static,
# position-independent library of the package.
function(flashmhf_add_library name)
  cmake_parse_arguments(ARG "" "" "LINK_LIBS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  add_dependencies(${name} flashmhf-headers)
  target_link_libraries(${name} PUBLIC ${ARG_LINK_LIBS} flashmhf_mlir)
  target_include_directories(${name} INTERFACE
    $<INSTALL_INTERFACE:include>)
  if(FLASHMHF_ENABLE_PCH)
    target_precompile_headers(${name} REUSE_FROM flashmhf_pch)
  endif()
  install(TARGETS ${name} EXPORT flashmhfTargets ARCHIVE DESTINATION lib)
endfunction()

# flashmhf_add_tool(<name> <sources>... [LINK_LIBS <libs>...])
function(flashmhf_add_tool name)
  cmake_parse_arguments(ARG "" "" "LINK_LIBS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  add_dependencies(${name} flashmhf-headers)
  target_link_libraries(${name} PRIVATE ${ARG_LINK_LIBS} flashmhf_mlir)
  if(FLASHMHF_ENABLE_PCH)
    target_precompile_headers(${name} REUSE_FROM flashmhf_pch)
    # -fPIE would not fit the header, which is compiled with -fPIC.
    set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(${name} PRIVATE -fPIC)
  endif()
  set_property(GLOBAL APPEND PROPERTY FLASHMHF_TEST_DEPENDS ${name})
  install(TARGETS ${name} EXPORT flashmhfTargets RUNTIME DESTINATION bin)
endfunction()

# flashmhf_add_shared_library(<name> <sources>... [LINK_LIBS <libs>...]): a
# shared library that exports C functions only (cmake/exports.map), whatever its
# static parts contain.
function(flashmhf_add_shared_library name)
  cmake_parse_arguments(ARG "" "" "LINK_LIBS" ${ARGN})
  add_library(${name} SHARED ${ARG_UNPARSED_ARGUMENTS})
  add_dependencies(${name} flashmhf-headers)
  target_link_libraries(${name} PRIVATE ${ARG_LINK_LIBS} flashmhf_mlir)
  target_include_directories(${name} INTERFACE
    $<BUILD_INTERFACE:${FLASHMHF_INCLUDE_DIR}> $<INSTALL_INTERFACE:include>)
  if(FLASHMHF_ENABLE_PCH)
    target_precompile_headers(${name} REUSE_FROM flashmhf_pch)
  endif()
  target_link_options(${name} PRIVATE
    "-Wl,--version-script=${PROJECT_SOURCE_DIR}/cmake/exports.map")
  set_target_properties(${name} PROPERTIES
    LINK_DEPENDS "${PROJECT_SOURCE_DIR}/cmake/exports.map")
  if(FLASHMHF_STATIC_LLVM)
    target_link_options(${name} PRIVATE
      -static-libstdc++ -static-libgcc -Wl,-s)
  endif()
  set_property(GLOBAL APPEND PROPERTY FLASHMHF_TEST_DEPENDS ${name})
  install(TARGETS ${name} EXPORT flashmhfTargets LIBRARY DESTINATION lib)
endfunction()
