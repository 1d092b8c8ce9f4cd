//===- Hopper.h - The hopper dialect ----------------------------*- C++ -*-===//
//
/// \file
/// Whole-tile programs for one thread block of an sm_90a GPU.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_DIALECT_HOPPER_IR_HOPPER_H
#define FLASHMHF_DIALECT_HOPPER_IR_HOPPER_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"

#include <optional>
#include <string>

#include "flashmhf/Dialect/Hopper/IR/HopperDialect.h.inc"

#define GET_TYPEDEF_CLASSES
#include "flashmhf/Dialect/Hopper/IR/HopperTypes.h.inc"

#define GET_OP_CLASSES
#include "flashmhf/Dialect/Hopper/IR/HopperOps.h.inc"

namespace mlir::hopper {

/// Threads of a warp.
inline constexpr int64_t kWarpThreads = 32;
/// Threads of a warpgroup.
inline constexpr int64_t kWarpgroupThreads = 128;
/// Rows of the product of one warpgroup.
inline constexpr int64_t kWarpgroupRows = 64;
/// Columns of a fragment that are dealt out to the threads together.
inline constexpr int64_t kColumnGroup = 8;
/// Columns of a unit, the least that is dealt out to shares of a tile: the four
/// elements that each thread of a warpgroup has of one of its two rows there.
inline constexpr int64_t kUnitColumns = 16;
/// Bytes of a unit in f32.
inline constexpr int64_t kUnitBytes = 16 * kWarpgroupThreads;
/// Shared memory that one block can have on sm_90, bytes.
inline constexpr int64_t kSharedMemoryLimit = 232448;
/// Blocks of a cluster, where a launch asks for more than every GPU has.
inline constexpr int64_t kMaxCluster = 16;
/// Pieces of one tile's sum: code that adds them up grows with them.
inline constexpr int64_t kMaxPieces = 512;
/// Slots of one ring: with the smallest tile they fill the shared memory.
inline constexpr int64_t kMaxSlots = kSharedMemoryLimit / 32;
/// Registers of one multiprocessor.
inline constexpr int64_t kRegisterFile = 65536;

/// Whether a ring of this name holds weights, which no earlier kernel writes.
inline bool holdsWeights(StringRef ring) { return ring != "Q" && ring != "X"; }

/// Units of a warpgroup's tile of so many columns. Unit u is of the rows i with
/// i / 8 mod 2 = u mod 2 and the columns from 16 (u / 2) on, and of share u mod
/// P.
inline constexpr int64_t countUnits(int64_t columns) {
  return columns / kUnitColumns * 2;
}
inline constexpr int64_t getMaxUnitsOfShare(int64_t pieces, int64_t columns) {
  return (countUnits(columns) + pieces - 1) / pieces;
}
inline constexpr int64_t getShare(int64_t row, int64_t column, int64_t pieces) {
  return (column / kUnitColumns * 2 + row / 8 % 2) % pieces;
}

/// The layout of a tile in shared memory: panels of `panel` columns, each
/// `rows` rows of `panel * bytes` bytes, swizzled over that row length.
struct PanelLayout {
  int64_t rows;
  int64_t panel;        ///< Columns of a panel: 64, 32 or 16.
  int64_t panels;       ///< Number of panels.
  int64_t elementBytes; ///< Bytes of an element.

  int64_t getRowBytes() const { return panel * elementBytes; }
  int64_t getPanelBytes() const { return rows * getRowBytes(); }
  int64_t getBytes() const { return panels * getPanelBytes(); }
};

/// The layout of a tile of 16-bit elements; fails if no panel width divides
/// `columns`.
FailureOr<PanelLayout> getPanelLayout(int64_t rows, int64_t columns,
                                      Type elementType);

/// Registers of each thread when a kernel of `threads` threads starts, which is
/// what its warpgroups redistribute: an equal share of those of a
/// multiprocessor, for `blocks` blocks on it.
int64_t getLaunchRegisters(int64_t threads, int64_t blocks = 1);

/// How many blocks with these registers per thread (producer, consumer) a
/// multiprocessor has registers for: 1, or 2 or 4, for which a kernel asks for
/// no more when it starts than its share.
int64_t countBlocksByRegisters(int64_t consumers, ArrayRef<int64_t> registers);

/// Why a block cannot have `consumers` consumer warpgroups with these registers
/// per thread (producer, consumer); nothing if it can.
std::optional<std::string> findRegisterFault(int64_t consumers,
                                             ArrayRef<int64_t> registers);

/// Bytes behind a tile that a product with the tile as transposed A reads: its
/// columns rounded up to whole warpgroup tiles of rows.
int64_t getTransposedOverrun(const PanelLayout &layout);

/// Where the slots of rings lie in the dynamic shared memory of a block, bytes.
struct SharedMemoryPlan {
  SmallVector<int64_t> offsets;  ///< Of each ring's first slot.
  SmallVector<int64_t> barriers; ///< Of each ring's barriers.
  int64_t inbox = 0;             ///< Of the inbox, if there is one,
  int64_t inboxBarriers = 0;     ///< and of its barriers.
  int64_t bytes = 0;             ///< What a launch must ask for.
};

/// A ring's size: slots, and bytes of each.
struct RingSize {
  int64_t slots;
  int64_t bytes;
  bool hasBarriers = true;
  /// Bytes behind its last slot that products read and discard.
  int64_t overrun = 0;
};
/// An inbox's size, which is 0 where there is none.
struct InboxSize {
  int64_t parts = 0;
  int64_t bytes = 0; ///< Of each part.
};
/// Of the inbox that `pieces` push to, for tiles of `rows` rows and `columns`
/// columns of each of `consumers` consumers: shares or whole rows.
InboxSize getInboxSize(int64_t pieces, int64_t rows, int64_t columns,
                       int64_t consumers, bool shares);

SharedMemoryPlan planSharedMemory(ArrayRef<RingSize> rings,
                                  InboxSize inbox = {});

} // namespace mlir::hopper

#endif // FLASHMHF_DIALECT_HOPPER_IR_HOPPER_H
