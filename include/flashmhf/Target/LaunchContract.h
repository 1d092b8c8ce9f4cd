//===- LaunchContract.h - How to launch a kernel ----------------*- C++ -*-===//
//
/// \file
/// The launch contract: everything that a caller must know to launch a compiled
/// kernel, or the right one of several, as a value. The compiler derives it
/// from the IR and writes it as JSON beside the PTX; the runtime reads it back.
/// docs/contract.md describes the JSON.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_TARGET_LAUNCHCONTRACT_H
#define FLASHMHF_TARGET_LAUNCHCONTRACT_H

#include "flashmhf/Dialect/FlashMHF/IR/VariantRule.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mlir::flashmhf {

/// Element types that cross the interface.
enum class ElementKind { BF16, F16, F32, F64 };

/// Bytes of one element.
unsigned getElementSize(ElementKind kind);
/// "bf16", "f16", "f32" or "f64", as in the contract and in MLIR.
llvm::StringRef stringifyElementKind(ElementKind kind);
std::optional<ElementKind> symbolizeElementKind(llvm::StringRef name);

/// One argument of the compiled function.
struct ContractArgument {
  std::string name;
  ElementKind dtype = ElementKind::BF16;
  /// Sizes; nullopt is any.
  std::vector<std::optional<int64_t>> shape;
  /// Required strides in elements, one per size; nullopt is any.
  std::vector<std::optional<int64_t>> strides;
  /// The letter of each size in the operator's definition, or nothing at all
  /// where the function is not one operator. One letter is one size.
  std::vector<std::string> symbols;
  /// The function writes it: no other argument may share memory with it.
  bool isOutput = false;
};

/// grid.x = product over i of ceildiv(size i of the argument, tiles[i]), for
/// its first three sizes, times pieces; a persistent kernel has at most one
/// cluster per multiprocessor group.
struct ContractGrid {
  unsigned argument = 0;
  std::array<int64_t, 3> tiles = {1, 1, 1};
  bool persistent = false;
  /// Persistent blocks, at most kMaxStreamBlocks, share the last tiles.
  bool streamK = false;
  /// Blocks that share the sum of one tile.
  int64_t pieces = 1;
  /// These form a cluster, and need no workspace.
  bool push = false;
};

/// What a kernel whose blocks share sums needs besides its arguments, in bytes:
/// with several pieces for each element of the grid's argument and for each of
/// its tiles, with streamK for each block.
struct ContractWorkspace {
  /// Partial sums, of any contents.
  int64_t partialsPerElement = 0;
  /// Counters, zero before the first launch that uses them.
  int64_t countersPerTile = 0;
  /// Partial sums, and flags, zero before the first launch.
  int64_t partialsPerBlock = 0;
  int64_t countersPerBlock = 0;
  /// Where its counters start: those of another variant are no use to it.
  int64_t countersOffset = 0;
};

/// One group of kernel parameters, made from one argument unless it says
/// otherwise.
struct ContractParameter {
  enum class Kind {
    /// A CUtensorMap by value: the rank-4 argument [d0,d1,d2,d3] seen as
    /// [chunk, d2, d3/chunk, d1, d0], innermost first.
    TensorMap,
    /// MLIR's expanded memref descriptor: two pointers, the offset, the sizes,
    /// the strides.
    MemRef,
    /// The address of the partial sums, 8 bytes. No argument, as below.
    Partials,
    /// The address of the counters, 8 bytes.
    Counters,
    /// 8 bytes: 1 if all blocks of the launch are resident at once, or 0.
    Resident
  };
  Kind kind = Kind::MemRef;
  bool hasArgument() const {
    return kind == Kind::TensorMap || kind == Kind::MemRef;
  }
  unsigned argument = 0;
  /// The rest is for tensor maps. Elements in one swizzled row.
  int64_t chunk = 0;
  std::array<int64_t, 5> box = {0, 0, 0, 0, 0};
  /// Swizzle span in bytes: 32, 64 or 128.
  int64_t swizzle = 0;
};

/// "tensor_map", "memref", "partials", "counters" or "resident".
llvm::StringRef stringifyKind(ContractParameter::Kind kind);

/// How one kernel is launched.
struct KernelContract {
  std::string kernel;
  std::array<int64_t, 3> block = {1, 1, 1};
  std::array<int64_t, 3> cluster = {1, 1, 1};
  /// Dynamic shared memory in bytes.
  int64_t sharedMemory = 0;
  ContractGrid grid;
  std::vector<ContractParameter> parameters;
  ContractWorkspace workspace;
  /// The kernel may begin before the one in front of it in its stream ends.
  bool programmatic = false;

  int64_t getClusterBlocks() const {
    return cluster[0] * cluster[1] * cluster[2];
  }
  /// Pieces that meet.
  bool hasMeetings() const { return grid.pieces > 1 && !grid.push; }
  bool hasWorkspace() const { return hasMeetings() || grid.streamK; }
};

/// Which of several variants is taken.
struct ContractRule : VariantRule {
  /// The argument whose sizes 0 and 2 are B and L.
  unsigned argument = 0;
};

/// The most that a variant is taken for: elements and tiles of its grid's
/// argument.
struct VariantBounds {
  int64_t elements = 0;
  int64_t tiles = 0;
};

struct LaunchContract {
  /// Of the format: 1 for a kernel, 2 for one of several pieces, 3 for several
  /// variants or pieces that push, 4 where blocks share tiles. Each is what a
  /// reader of those before could not launch.
  int64_t getVersion() const {
    for (const KernelContract &kernel : variants)
      if (kernel.grid.streamK)
        return 4;
    if (variants.size() > 1 || variants.front().grid.push)
      return 3;
    return variants.front().grid.pieces > 1 ? 2 : 1;
  }

  std::string chip;
  std::vector<ContractArgument> arguments;
  /// Kernels that compute the same; at least one.
  std::vector<KernelContract> variants;
  /// Where there are several variants.
  ContractRule rule;

  /// Nothing where the rule, or a size that is not known, leaves them open.
  std::optional<VariantBounds> getBounds(unsigned variant) const;

  /// Checks what the types cannot say: indices in range, box sizes that the
  /// hardware takes, and the like.
  llvm::Error verify() const;
};

llvm::json::Value toJSON(const ContractArgument &argument);
llvm::json::Value toJSON(const LaunchContract &contract);
/// The contract as indented text with a newline at its end.
std::string printContract(const LaunchContract &contract);
/// Parses and verifies. The error names the field.
llvm::Expected<LaunchContract> parseContract(llvm::StringRef text);

} // namespace mlir::flashmhf

#endif // FLASHMHF_TARGET_LAUNCHCONTRACT_H
