//===- Program.h - Kernels as lists of instructions -------------*- C++ -*-===//
//
/// \file
/// What the emulator executes: each role of a kernel (the producer, a consumer)
/// as a list of instructions over numbered registers, and the rings and
/// arguments that they share.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_LIB_EMULATE_PROGRAM_H
#define FLASHMHF_LIB_EMULATE_PROGRAM_H

#include "Numerics.h"
#include "flashmhf/Dialect/FlashMHF/IR/VariantRule.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/AffineMap.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MathExtras.h"
#include <array>
#include <optional>
#include <vector>

namespace mlir::hopper::emulation {

/// Operands are in the order of the operation's; -1 is an absent one.
enum class Opcode : uint8_t {
  // Index arithmetic.
  Integer,         ///< result = integer(operands 0, 1)
  Select,          ///< result = operand 0 ? 1 : 2
  Affine,          ///< result = the results of affine maps, reduced by integer
  Delinearize,     ///< result, +1.. = digits of operand 0 in `basis`
  CopyScalar,      ///< result = operand 0
  BlockId,         ///< result = number of the block
  GridDim,         ///< result = number of blocks
  ConsumerIndex,   ///< result = number of the consumer
  Dim,             ///< result = size `target` of argument 0
  TileCount,       ///< result = tiles of argument 0, cut into `tiles`, the
                   ///< rows rounded up to `target` tiles
  TileCoordinates, ///< result, +1, +2 = batch, head, row of tile operand 1
  WorkRange,       ///< result, +1 = whole, end of scalar 0 tiles of
                   ///< `target` steps, scalar 1: all blocks are resident
  WorkItem, ///< result .. +3 = tile, first, last, givers of item 0, where 1 are
            ///< whole, of scalar 2 tiles of `target` steps, 3: as above
  // Control.
  Jump,       ///< to `target`
  JumpIfZero, ///< to `target` if operand 0 is 0
  LoopTest,   ///< to `target` if operand 0 >= 1; operand 2 is the step
  End,
  // Tiles in registers.
  Floats,       ///< result = floats(operands 0 to 2), elementwise
  CopyFloats,   ///< result = operand 0
  Broadcast,    ///< result = operand 0 everywhere
  SelectFloats, ///< result = scalar 0 ? 1 : 2
  TakeColumns,  ///< result = columns of tile 0 from `target` on
  SetColumns, ///< result = tile 1, with tile 0 in its columns from `target` on
  RowScale,   ///< result = operand 0, row i times element i of operand 1
  AddScaled, ///< result = operand 0, where scalar 3 holds plus operand 1, row i
             ///< times element i of operand 2
  ColumnScale, ///< result = operand 0, column j times element j of operand 1
  LoadRows,    ///< result = rows of argument 0 at scalars 1 to 4
  Load,        ///< result = tile of argument 0 at scalars 1 to 4, or transposed
  Store,       ///< tile 5 to argument 0 at scalars 1 to 4, or transposed
  // Rings and products.
  CopySlot, ///< result = operand 0
  Put,      ///< argument 0 at scalars 1 to 4 into ring 5, in transfers of
            ///< `tiles` rows and columns, from `target` rows further on
  Get,      ///< result = next slot of ring 0, or of the consumer's part if it
            ///< has `target` > 1 of them
  Scale,    ///< slot 0 times `factor`
  Read,     ///< result = tile of slot 0
  Write,    ///< tile 0, transposed, to slot 1
  SlotAt,   ///< result = slot at address 0 with its empty barrier at 1
  Release,  ///< slot 0
  Wgmma,    ///< result = (slot 0 from row 1, or registers 2) * slot 3 + tile 4;
            ///< `target`: A is transposed; without tile 4 where scalar 5 is 0
  AwaitFirst, ///< the first tile of ring 0, where scalar 1 is not 0
  TakeTurn,   ///< waits for the turn of this consumer
  PassTurn,   ///< gives it to the next one
  Wait,       ///< result = operand 0, leaving `target` products running
  // Pieces; see hopper.launch and the operations of these names.
  StorePartial, ///< tile 0, or transposed, to address 1 at scalars 2 to 5, like
                ///< argument 6, but not share 7, if there is one
  Arrivals,     ///< result = count at address 0 of tile 1
  Meet,         ///< result, +1 = first row, step, for scalars 0 to 4
  SumPartials,  ///< address 0 to argument 1 at scalars 2 to 6, `tiles[0]` rows;
                ///< `target`: adds to what is there
  SumShares,    ///< tile 0 of piece 2 and others of address 1 to argument 3 at
                ///< scalars 4 to 6, shares from 7 by 8; `target`: adds
  // Tiles that blocks share; see the operations of these names.
  LeavePart, ///< tile 0 to slot 2, where scalar 4 holds
  AddParts, ///< result = tile 0 and those in scalar 3 slots, `target` apart, in
            ///< front of slot 2
  // Pieces that push; see the operations of these names.
  OwnedRows, ///< result = rows of `tiles[0]` for piece 0 of `target`, argument
             ///< 1 from row 2 on
  Expect,    ///< scalar 1 rows of each piece
  AwaitCluster, ///< nothing else
  Push,         ///< tile 0 as piece 2, whose row 0 is row 3 of argument 4
  SumPushed,    ///< to argument 1 at scalars 2 to 4, as piece 5, scalar 6 rows;
                ///< `target`: adds to what is there
  PushShares,   ///< tile 0 as piece 2
  SumPushedShares, ///< tile 0 of piece 2 to argument 3 at scalars 4 to 6;
                   ///< `target`: adds to what is there
  WaitPredecessor, ///< nothing else
};

struct Instruction {
  Instruction(Opcode opcode, Location location)
      : opcode(opcode), location(location) {
    operands.fill(-1);
  }

  Opcode opcode;
  /// Wgmma: B is transposed. Accesses: the tile's rows are columns in memory.
  bool transposed = false;
  /// Floats: done by the unit for special functions.
  bool isSpecial = false;
  int32_t result = -1;
  std::array<int32_t, 9> operands;
  /// Where to jump, or whatever the opcode says.
  int64_t target = 0;
  std::array<int64_t, 3> tiles = {1, 1, 1};
  IntegerFunction integer = nullptr;
  FloatFunction floats = nullptr;
  /// Operands of `affine`, which may be many.
  std::vector<int32_t> affineOperands;
  AffineMap affine;
  std::vector<int64_t> basis;
  float factor = 1;
  Location location;
};

/// A tile, a row vector or a scalar of floats, held as f32.
struct FloatRegister {
  int64_t rows = 1;
  int64_t columns = 1;
  Format format = Format::F32;
  /// Where it lies in the warpgroup's registers, in elements.
  int64_t offset = 0;

  int64_t getSize() const { return rows * columns; }
};

/// What one warpgroup executes.
struct Program {
  std::vector<Instruction> code;
  /// Initial values; the constants among them are never written.
  std::vector<int64_t> scalars;
  std::vector<FloatRegister> floats;
  int64_t floatElements = 0;
  struct Constant {
    int32_t reg;
    std::vector<float> values;
  };
  std::vector<Constant> floatConstants;
  int32_t slots = 0;
  /// Where the addresses of partial sums and counters go, and whether all
  /// blocks are resident.
  SmallVector<int32_t, 3> pieceArguments;
};

/// A ring, or a part of one, which has barriers of its own.
struct RingInfo {
  std::string name;
  int64_t slots;
  int64_t rows; ///< Of the part.
  int64_t columns;
  Format format;
  int64_t cluster;  ///< Blocks that fill the slots together.
  int64_t offset;   ///< Of slot 0 in the block's shared memory, in bytes.
  int64_t barriers; ///< Of the barriers: full ones, then empty ones.
  Location location;
  int64_t parts = 1;
  int64_t owner = -1;   ///< The consumer that a part is for; -1: all consumers.
  bool isLocal = false; ///< The consumer writes the tiles.

  int64_t getBytes() const {
    return rows * columns * emulation::getBytes(format);
  }
  /// From one slot to the next.
  int64_t getStride() const { return parts * getBytes(); }
  bool isFor(int64_t consumer) const { return owner < 0 || owner == consumer; }
};

/// The inbox of a block.
struct InboxInfo {
  int64_t pieces;
  int64_t rows; ///< Of each piece.
  int64_t columns;
  int64_t parts; ///< One for each consumer.
  bool shares;   ///< Rows are those of a tile, of which shares arrive.
  Location location;

  int64_t getRowBytes() const { return columns * int64_t(sizeof(float)); }
};

/// Bytes of one barrier.
inline constexpr int64_t kBarrierBytes = 8;

/// An argument of a kernel: a memref, or the tensor behind a tensor map.
struct ParameterInfo {
  Format format = Format::F32;
  bool isMap = false;
  bool isStored = false; ///< Whether the kernel writes to it.
  int64_t rank = 0;
};

struct Kernel {
  Kernel(Location location) : location(location) {}

  std::string name;
  Location location;
  std::vector<RingInfo> rings;
  std::optional<InboxInfo> inbox;
  std::vector<ParameterInfo> parameters;
  /// The producers of a specialised kernel; none otherwise.
  std::vector<Program> producers;
  /// A consumer, or the whole block where warpgroups are not specialised.
  Program consumer;
  int64_t consumers = 1;
  /// It runs beside the kernels in front of it and behind it, if its launch is
  /// programmatic.
  bool startsEarly = false;
};

/// One hopper.launch.
struct Launch {
  explicit Launch(Kernel kernel) : kernel(std::move(kernel)) {}

  Kernel kernel;
  /// Which of the function's arguments each parameter is.
  std::vector<unsigned> arguments;
  unsigned over = 0;
  std::array<int64_t, 3> tiles = {1, 1, 1};
  int64_t cluster = 1;
  int64_t pieces = 1;
  bool push = false;
  bool persistent = false;
  bool streamK = false;
  bool programmatic = false;
  /// Where it is one of several: their rule, the argument whose sizes it goes
  /// by, and which this is.
  std::optional<flashmhf::VariantRule> rule;
  unsigned sized = 0;
  int64_t variant = 0;

  /// Whether pieces meet in a workspace.
  bool hasMeetings() const { return pieces > 1 && !push; }
  /// Blocks that may wait for one another.
  int64_t getGroup() const { return cluster * pieces; }
};

/// Tiles along the three outer dimensions of a tensor, those along the rows
/// (dimension 2) rounded up to a multiple of `cluster`.
inline std::array<int64_t, 3>
countTiles(ArrayRef<int64_t> sizes, ArrayRef<int64_t> tiles, int64_t cluster) {
  std::array<int64_t, 3> counts;
  for (int d = 0; d < 3; ++d)
    counts[d] = llvm::divideCeilSigned(sizes[d], tiles[d]);
  counts[2] = llvm::alignTo(counts[2], cluster);
  return counts;
}

/// Fails with an EmulationFault for what cannot be emulated.
llvm::Expected<Kernel> translateKernel(gpu::GPUFuncOp func);

} // namespace mlir::hopper::emulation

#endif // FLASHMHF_LIB_EMULATE_PROGRAM_H
