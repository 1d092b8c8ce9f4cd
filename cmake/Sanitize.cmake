# FLASHMHF_SANITIZE=address;undefined (or thread): sanitizers for the project's own code.
# LLVM and MLIR stay as they are packaged, which docs/validation.md allows for.

if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  message(FATAL_ERROR "FLASHMHF_SANITIZE needs clang, "
    "not ${CMAKE_CXX_COMPILER_ID}")
endif()
foreach(name ${FLASHMHF_SANITIZE})
  if(NOT name MATCHES "^(address|undefined|thread)$")
    message(FATAL_ERROR "FLASHMHF_SANITIZE has '${name}'; "
      "known are address, undefined and thread")
  endif()
endforeach()

# The runtime is shared, as libflashmhf is: both see one copy of it.
execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-runtime-dir
  OUTPUT_VARIABLE FLASHMHF_SANITIZER_DIR
  OUTPUT_STRIP_TRAILING_WHITESPACE)
list(JOIN FLASHMHF_SANITIZE "," sanitizers)
# The vptr check wants type information of classes that LLVM keeps to itself; the
# function check wants CUDA's own types for functions of its driver.
set(FLASHMHF_SANITIZER_FLAGS "-fsanitize=${sanitizers} \
-fno-sanitize=vptr,function \
-fno-sanitize-recover=all -fno-omit-frame-pointer -gline-tables-only")
set(sanitizer_link "-fsanitize=${sanitizers} -shared-libsan \
-Wl,-rpath,${FLASHMHF_SANITIZER_DIR}")
string(APPEND CMAKE_C_FLAGS " ${FLASHMHF_SANITIZER_FLAGS}")
string(APPEND CMAKE_CXX_FLAGS " ${FLASHMHF_SANITIZER_FLAGS}")
string(APPEND CMAKE_EXE_LINKER_FLAGS " ${sanitizer_link}")
string(APPEND CMAKE_SHARED_LINKER_FLAGS " ${sanitizer_link}")
