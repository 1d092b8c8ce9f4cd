//===- LaunchPlan.h - One launch, computed ----------------------*- C++ -*-===//
//
/// \file
/// What one launch will pass to the CUDA driver, computed from a contract and
/// checked tensors without a driver or a GPU.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_RUNTIME_LAUNCHPLAN_H
#define FLASHMHF_RUNTIME_LAUNCHPLAN_H

#include "flashmhf/Runtime/Tensors.h"
#include <variant>

namespace mlir::flashmhf {

/// The arguments of cuTensorMapEncodeTiled that vary, innermost first.
struct TensorMapPlan {
  const void *address = nullptr;
  ElementKind dtype = ElementKind::BF16;
  std::array<uint64_t, 5> dims;
  /// Bytes, of all dimensions but the innermost.
  std::array<uint64_t, 4> strides;
  std::array<uint32_t, 5> box;
  unsigned swizzle = 128;
};

/// MLIR's rank-4 memref descriptor: two pointers, the offset, sizes, strides.
using MemRefPlan = std::array<uint64_t, 11>;

/// A parameter that is known when the workspace is.
struct PiecePlan {
  ContractParameter::Kind kind;
};

struct LaunchPlan {
  /// Which of the contract's variants, and the name of its kernel.
  unsigned variant = 0;
  std::string kernel;
  /// The output is empty: nothing to launch, the rest is not set.
  bool isEmpty = false;
  std::array<uint32_t, 3> grid = {1, 1, 1};
  std::array<uint32_t, 3> block = {1, 1, 1};
  std::array<uint32_t, 3> cluster = {1, 1, 1};
  uint32_t sharedMemory = 0;
  llvm::SmallVector<std::variant<TensorMapPlan, MemRefPlan, PiecePlan>, 6>
      parameters;
  /// Bytes of workspace; 0 where a tile has one piece. The launch's own
  /// counters are those from `countersOffset` on.
  uint64_t partialBytes = 0, counterBytes = 0, countersOffset = 0;
  /// All blocks run at once.
  bool isResident = false;
  /// The launch may overlap the end of the kernel in front of it.
  bool isProgrammatic = false;
};

/// The variant of `contract`, which has passed verify(), for `tensors`, which
/// have passed checkTensors().
unsigned pickVariant(const LaunchContract &contract,
                     llvm::ArrayRef<TensorView> tensors);

/// The launch of one variant: checks `tensors` against the rules of the tensor
/// memory accelerator. Errors name the argument. The GPU runs `blocksAtOnce`
/// blocks of the kernel at a time, whole clusters of them; 0: one for each
/// multiprocessor. That and `multiprocessors` bound the grid of a persistent
/// kernel.
llvm::Expected<LaunchPlan> planLaunch(const LaunchContract &contract,
                                      unsigned variant,
                                      llvm::ArrayRef<TensorView> tensors,
                                      unsigned multiprocessors,
                                      unsigned blocksAtOnce = 0);

llvm::json::Value toJSON(const LaunchPlan &plan);

} // namespace mlir::flashmhf

#endif // FLASHMHF_RUNTIME_LAUNCHPLAN_H
