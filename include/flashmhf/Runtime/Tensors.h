//===- Tensors.h - Checked DLPack tensors -----------------------*- C++ -*-===//
//
/// \file
/// DLPack tensors checked against a contract's arguments: the one place where a
/// caller's memory is believed or refused.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_RUNTIME_TENSORS_H
#define FLASHMHF_RUNTIME_TENSORS_H

#include "flashmhf/Target/LaunchContract.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <dlpack/dlpack.h>

namespace mlir::flashmhf {

/// A tensor that has passed the checks. Strides count elements and are always
/// there; the address includes the byte offset.
struct TensorView {
  char *address = nullptr;
  ElementKind dtype = ElementKind::BF16;
  DLDevice device = {kDLCPU, 0};
  llvm::SmallVector<int64_t, 4> sizes;
  llvm::SmallVector<int64_t, 4> strides;

  bool isEmpty() const;
};

/// Checks number, element types, ranks, sizes and strides of `tensors` against
/// `arguments`, and sizes with the same symbol against each other. An output
/// must not share memory with another argument or with itself. The error names
/// the argument, the rule and the sizes.
llvm::Expected<llvm::SmallVector<TensorView, 6>>
checkTensors(llvm::ArrayRef<ContractArgument> arguments,
             llvm::ArrayRef<const DLTensor *> tensors);

/// The same where all tensors must be in memory of the host.
llvm::Expected<llvm::SmallVector<TensorView, 6>>
checkHostTensors(llvm::ArrayRef<ContractArgument> arguments,
                 llvm::ArrayRef<const DLTensor *> tensors);

/// Whether some byte belongs to elements of both. Exact for layouts that nest,
/// as those of slices, transposed or not, do; layouts too tangled to decide
/// quickly count as apart.
bool overlap(const TensorView &a, const TensorView &b);

/// Makes one sequence of a batch, in views that have passed checkTensors(),
/// where the memory allows: sizes [B, H, L, N] become [1, H, B L, N] if B and L
/// are open in `arguments` and all tensors that have them step from the last
/// token of a sequence to the first of the next as from token to token. Tokens
/// are computed alike, and so fewer tiles are partly empty. Returns whether it
/// did.
bool foldBatch(llvm::ArrayRef<ContractArgument> arguments,
               llvm::MutableArrayRef<TensorView> views);

/// "[1, 8, 512, 128]"
std::string printSizes(llvm::ArrayRef<int64_t> sizes);
/// "cpu", "cuda:0", or DLPack's numbers
std::string printDevice(DLDevice device);

} // namespace mlir::flashmhf

#endif // FLASHMHF_RUNTIME_TENSORS_H
