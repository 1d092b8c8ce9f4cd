//===- TensorRules.h - Tensors that a kernel can take -----------*- C++ -*-===//
//
/// \file
/// The rules of the tensor memory accelerator (TMA) and of wide stores for
/// tensors in global memory: what the launcher checks before a launch, and the
/// emulator where there is none.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_DIALECT_HOPPER_IR_TENSORRULES_H
#define FLASHMHF_DIALECT_HOPPER_IR_TENSORRULES_H

#include "mlir/Support/LLVM.h"
#include "llvm/Support/Error.h"

#include <array>

namespace mlir::hopper {

/// A tensor of rank 4, innermost stride 1; strides count elements.
struct GlobalTensor {
  const void *address;
  int64_t elementBytes;
  ArrayRef<int64_t> sizes;
  ArrayRef<int64_t> strides;
};

/// The strides of the three outer dimensions in bytes, as a tensor map takes
/// them. Fails where TMA cannot fetch from the tensor; the error goes on after
/// the tensor's name: "is at address 0x1004, but TMA needs 16-byte alignment".
llvm::Expected<std::array<int64_t, 3>>
getTensorMapStrides(const GlobalTensor &tensor);

/// Fails, likewise, where stores of 16 bytes to the tensor are not aligned.
llvm::Error checkWideStores(const GlobalTensor &tensor);

} // namespace mlir::hopper

#endif // FLASHMHF_DIALECT_HOPPER_IR_TENSORRULES_H
