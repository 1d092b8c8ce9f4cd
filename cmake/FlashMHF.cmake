# Helpers shared by every CMakeLists.txt of the project.

# LLVM and MLIR as one link interface. The packaged MLIR does not export
# MLIR_LINK_MLIR_DYLIB, so the shared libraries are linked by name.
add_library(flashmhf_mlir INTERFACE)
target_link_libraries(flashmhf_mlir INTERFACE MLIR LLVM)
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
  add_custom_command(OUTPUT ${page}
    COMMAND ${CMAKE_COMMAND} -E make_directory "${PROJECT_BINARY_DIR}/docs"
    COMMAND mlir-tblgen ${ARGN} -I "${FLASHMHF_INCLUDE_DIR}"
            -I "${MLIR_INCLUDE_DIRS}" "${CMAKE_CURRENT_SOURCE_DIR}/${td}"
            -o ${page}
    DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${td}")
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
  endif()
  install(TARGETS ${name} RUNTIME DESTINATION bin)
endfunction()
