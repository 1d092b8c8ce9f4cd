# `cmake --install`: headers (the generated ones too) and the CMake package
# `flashmhf`. Libraries and tools are installed where they are declared.

include(CMakePackageConfigHelpers)

foreach(dir flashmhf flashmhf-c)
  install(DIRECTORY "${FLASHMHF_INCLUDE_DIR}/${dir}" DESTINATION include
    FILES_MATCHING PATTERN "*.h" PATTERN "*.td")
endforeach()
install(DIRECTORY "${FLASHMHF_BINARY_INCLUDE_DIR}/flashmhf" DESTINATION include
  FILES_MATCHING PATTERN "*.inc" PATTERN "CMakeFiles" EXCLUDE)

set(FLASHMHF_PACKAGE_DIR lib/cmake/flashmhf)
install(EXPORT flashmhfTargets NAMESPACE flashmhf::
  DESTINATION ${FLASHMHF_PACKAGE_DIR})
configure_package_config_file(cmake/flashmhfConfig.cmake.in
  "${PROJECT_BINARY_DIR}/flashmhfConfig.cmake"
  INSTALL_DESTINATION ${FLASHMHF_PACKAGE_DIR})
write_basic_package_version_file(
  "${PROJECT_BINARY_DIR}/flashmhfConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/flashmhfConfig.cmake"
  "${PROJECT_BINARY_DIR}/flashmhfConfigVersion.cmake"
  DESTINATION ${FLASHMHF_PACKAGE_DIR})
