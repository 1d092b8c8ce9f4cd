//===- TensorMaps.h - Fetch tensor maps early -------------------*- C++ -*-===//
//
/// \file
/// Requests for the tensor maps of a kernel, in front of the transfers.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_TENSORMAPS_H
#define FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_TENSORMAPS_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace mlir::hopper {

/// Makes thread `thread` of a block request those arguments of `func` that are
/// tensor maps, as pointers, if the kernel reads its weights once
/// (evict_first). The first transfer from each map then waits for no map; else
/// they wait one after another, which shows where a block is short.
void prefetchTensorMaps(OpBuilder &b, gpu::GPUFuncOp func, int64_t thread);

} // namespace mlir::hopper

#endif // FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_TENSORMAPS_H
