//===- TensorMaps.h - Tensor maps as arguments of kernels -------*- C++ -*-===//
//
/// \file
/// Tensor maps become pointers, and are requested in front of the transfers.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_TENSORMAPS_H
#define FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_TENSORMAPS_H

#include "flashmhf/Dialect/Hopper/IR/Hopper.h"

namespace mlir::hopper {

/// Makes pointers of the arguments of `func` that are tensor maps, and says how
/// many there are. `maps` gets what they were.
LogicalResult lowerTensorMaps(gpu::GPUFuncOp func,
                              DenseMap<Value, TensorMapType> &maps);

/// Makes thread `thread` of a block request those arguments of `func` that are
/// tensor maps, as pointers, if its blocks have few steps: are pieces, or read
/// weights once (evict_first). The first transfer from each map then waits for
/// no map; else they wait one after another, which shows where a block is
/// short.
void prefetchTensorMaps(OpBuilder &b, gpu::GPUFuncOp func, int64_t thread);

} // namespace mlir::hopper

#endif // FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_TENSORMAPS_H
