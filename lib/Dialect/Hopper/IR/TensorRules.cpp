//===- TensorRules.cpp - Tensors that a kernel can take -------------------===//
//
/// \file
/// All rules of the tensor memory accelerator for global memory are checked
/// here, since the driver's own answer is one error code for all of them.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/Hopper/IR/TensorRules.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::hopper;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::formatv;

/// TMA counts in units of 16 bytes, which is also what a thread stores at once.
static constexpr int64_t kAlignment = 16;
static constexpr int64_t kMaxTmaSize = int64_t(1) << 32;
static constexpr int64_t kMaxTmaStride = int64_t(1) << 40;

static std::string printList(ArrayRef<int64_t> values) {
  return formatv("[{0}]", llvm::make_range(values.begin(), values.end()));
}

static Error checkAddress(const GlobalTensor &tensor, StringRef who) {
  if (reinterpret_cast<uintptr_t>(tensor.address) % kAlignment == 0)
    return Error::success();
  return createStringError(formatv("is at address {0}, but {1} {2}-byte "
                                   "alignment",
                                   tensor.address, who, kAlignment));
}

static Error checkStride(const GlobalTensor &tensor, unsigned dimension,
                         StringRef who) {
  int64_t bytes = tensor.strides[dimension] * tensor.elementBytes;
  if (bytes % kAlignment == 0)
    return Error::success();
  return createStringError(formatv("has strides {0}: dimension {1} steps by "
                                   "{2} bytes, but {3} multiples of {4}",
                                   printList(tensor.strides), dimension, bytes,
                                   who, kAlignment));
}

Expected<std::array<int64_t, 3>>
hopper::getTensorMapStrides(const GlobalTensor &tensor) {
  constexpr StringLiteral who = "TMA needs";
  if (Error error = checkAddress(tensor, who))
    return std::move(error);
  for (int64_t size : tensor.sizes)
    if (size < 1 || size > kMaxTmaSize)
      return createStringError(formatv("has shape {0}: TMA takes sizes from 1 "
                                       "to 2^32",
                                       printList(tensor.sizes)));
  std::array<int64_t, 3> bytes;
  for (unsigned i = 0; i < 3; ++i) {
    // A dimension of one element never steps: any stride that TMA takes will
    // do.
    if (tensor.sizes[i] == 1) {
      bytes[i] =
          llvm::alignTo(tensor.sizes[3] * tensor.elementBytes, kAlignment);
      continue;
    }
    if (tensor.strides[i] < 0 ||
        tensor.strides[i] >= kMaxTmaStride / tensor.elementBytes)
      return createStringError(formatv("has strides {0}: TMA takes strides "
                                       "from 0 to 2^40 bytes",
                                       printList(tensor.strides)));
    if (Error error = checkStride(tensor, i, who))
      return std::move(error);
    bytes[i] = tensor.strides[i] * tensor.elementBytes;
  }
  return bytes;
}

Error hopper::checkWideStores(const GlobalTensor &tensor) {
  constexpr StringLiteral who = "stores of 16 bytes need";
  if (Error error = checkAddress(tensor, who))
    return error;
  for (unsigned i = 0; i < 3; ++i)
    if (tensor.sizes[i] > 1)
      if (Error error = checkStride(tensor, i, who))
        return error;
  return Error::success();
}
