//===- Kernel.h - C API: a loaded kernel ------------------------*- C++ -*-===//
//
/// \file
/// What a FlashmhfKernel is.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_LIB_CAPI_KERNEL_H
#define FLASHMHF_LIB_CAPI_KERNEL_H

#include "flashmhf/Runtime/CudaKernel.h"

/// Shared with calls that remember it.
struct FlashmhfKernel {
  std::shared_ptr<mlir::flashmhf::CudaKernel> kernel;
};

#endif // FLASHMHF_LIB_CAPI_KERNEL_H
