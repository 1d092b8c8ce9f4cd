//===- KernelBuilder.h - Build a hopper kernel from a tile loop -*- C++ -*-===//
//
/// \file
/// Makes the kernel of one scf.forall: its parameters, its rings, and the
/// positions of memref tiles as coordinates of whole tensors.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_LIB_CONVERSION_FLASHMHFTOHOPPER_KERNELBUILDER_H
#define FLASHMHF_LIB_CONVERSION_FLASHMHFTOHOPPER_KERNELBUILDER_H

#include "SplitSum.h"

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"
#include "flashmhf/Dialect/Hopper/IR/Hopper.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"

namespace mlir::hopper {

/// Sizes of one step of a kernel, in elements.
struct KernelShape {
  int64_t tokenTile; ///< Rows of Q and O.
  int64_t dffTile;   ///< Rows of K, U and V, rounded up to a wgmma step.
  int64_t headWidth; ///< D.
  bool isExchanged;  ///< Tokens are columns of all vectors.

  /// Of the accumulator of O: the last rows of a transposed one are no columns
  /// of O.
  SmallVector<int64_t> getOutputShape() const {
    if (isExchanged)
      return {static_cast<int64_t>(llvm::alignTo(headWidth, kWarpgroupRows)),
              tokenTile};
    return {tokenTile, headWidth};
  }
  /// Of the products with K and U.
  SmallVector<int64_t> getStepShape() const {
    if (isExchanged)
      return {dffTile, tokenTile};
    return {tokenTile, dffTile};
  }
  /// Of a value for each token.
  SmallVector<int64_t> getTokenShape() const {
    if (isExchanged)
      return {1, tokenTile};
    return {tokenTile};
  }
};

/// Checks that a GPU can compute `op`, the tile that `forall` computes, and
/// returns its sizes. Diagnoses on failure.
FailureOr<KernelShape> getKernelShape(scf::ForallOp forall,
                                      flashmhf::MHFFNOp op);

/// The tensor outside of `forall` that `operand` is cut out of; null if it is
/// none.
Value getTensor(scf::ForallOp forall, Value operand);

/// Where a step is among those of its sub-network, as conditions.
struct StepPlace {
  Value continues; ///< It is not the first of the sub-network.
  Value ends;      ///< It is the last that the block has of the sub-network.
};

/// Creates a kernel without arguments, named after the function that `op` is
/// in, in the module of kernels; it has a return. Diagnoses on failure.
FailureOr<gpu::GPUFuncOp> createKernel(Operation *op,
                                       flashmhf::ScheduleAttr schedule);

/// What a block knows of the sum of a tile that it has a piece of.
struct PieceOfSum {
  TileCoordinatesOp coordinates;
  Value piece; ///< Its number, of `pieces`.
  int64_t pieces;
  Value partials, counters, resident; ///< See hopper.launch.
  Value output;
  int64_t tokenTile;
  bool isExchanged; ///< Tokens are the columns of `vector`.
  bool accumulates; ///< To what the output holds.
};

/// Stores `vector`, the sum of a piece, and adds those of all pieces up.
void createSumOfPieces(OpBuilder &b, Location loc, Value vector,
                       const PieceOfSum &of);

/// The name by which the host launches `func`.
SymbolRefAttr getKernelSymbol(gpu::GPUFuncOp func);

/// The map of what one transfer brings into a ring of tiles. Of one that a
/// cluster fills together a block fetches a part: whole panels if they can be
/// shared out evenly, else rows of one panel.
TensorMapType getSharedMap(int64_t rows, int64_t columns, Type type,
                           int64_t cluster);

class KernelBuilder {
public:
  /// Starts the kernel of `op`, which is in `forall`. Diagnoses on failure.
  static FailureOr<KernelBuilder> create(scf::ForallOp forall,
                                         flashmhf::MHFFNOp op);

  const KernelShape &getShape() const { return shape; }
  /// The blocks that share the sum of one tile.
  int64_t getPieces() { return op.getScheduleAttr().getSplit(); }
  /// The memref that a piece sums into; null where a block has the whole sum.
  Value getPartial() { return split ? tile : Value(); }
  /// What all pieces sum into, for the caller to erase with the forall; null
  /// where a block has the whole sum.
  memref::AllocOp getWorkspace() {
    return split ? split->workspace : memref::AllocOp();
  }
  OpBuilder &getBuilder() { return b; }
  void map(Value from, Value to) { mapping.map(from, to); }

  /// Copies an index value of the loop nest, with all that it is computed from,
  /// into the kernel.
  FailureOr<Value> materialize(Value value);

  /// Starts the transfer of a tile of `operand` into the ring `name`.
  LogicalResult put(StringRef name, Value operand);
  /// The next slot of the ring `name`.
  Value get(StringRef name);
  /// Writes a tile of A to shared memory, transposed, for `transpose_b`.
  Value exchange(Value vector);
  /// Puts and gets a tile outside of all loops in which it does not change, and
  /// releases it after them. Where there is no such loop the caller says when
  /// the tile has been read: `releaseFetched`.
  FailureOr<Value> fetch(StringRef name, Value operand);
  void releaseFetched();
  /// Loads a value of R for each token. It stays in the loop over steps: two
  /// loads a thread that nothing waits for cost less than a loop nest.
  FailureOr<Value> loadRows(Value operand);
  /// The same for a piece: what all of its steps may need is loaded in front of
  /// their loop, since a load waits for all transfers that were started before.
  FailureOr<Value> loadRowsAhead(Value operand);
  /// The place of the step that multiplies with the tile `k` of K.
  FailureOr<StepPlace> getStepPlace(Value k);
  /// Loads the tile of the output `operand`.
  FailureOr<Value> load(Value operand);
  /// Stores a vector to the tile of the output `operand`.
  LogicalResult store(Value vector, Value operand);
  /// Stores the sum of a piece and adds those of all pieces up.
  void sumPieces(Value vector);

  /// Ends the kernel and puts its launch in place of the forall, which the
  /// caller erases; erases the loop that adds pieces up.
  LogicalResult finish();

private:
  /// A tile of a tensor that is defined outside of the forall.
  struct Place {
    Value tensor;
    SmallVector<Value> offsets; ///< In the kernel, one per dimension.
  };

  KernelBuilder(scf::ForallOp forall, flashmhf::MHFFNOp op,
                const KernelShape &shape);

  /// Q, K, U, V as tensor maps, R and the output as memrefs.
  LogicalResult createParameters();
  /// The position of the block's tile, for the variables of the forall.
  LogicalResult createCoordinates();
  /// The arguments that a kernel of several pieces takes besides.
  void createPieceParameters();

  /// A constant, outside of all loops.
  Value getIndex(int64_t value);
  FailureOr<Place> locate(Value operand);
  /// Whether no other block needs the weights that a piece fetches, as far as
  /// sizes tell.
  bool readsWeightsOnce();
  /// The map of what one transfer brings into the ring `name`.
  TensorMapType getMap(StringRef name);
  /// The kernel's parameter for `tensor`: as `map`, as a memref if that is
  /// null.
  Value getParameter(Value tensor, TensorMapType map = {});
  Value getRing(StringRef name, ArrayRef<int64_t> shape);
  /// Loads a value of R for each token of a tile at `offsets`.
  Value createLoadOfR(Value tensor, ValueRange offsets);
  /// Moves the insertion point out of the loops that do not define any of
  /// `values`; returns the outermost loop left, or null.
  Operation *hoist(ValueRange values);

  scf::ForallOp forall;
  flashmhf::MHFFNOp op;
  KernelShape shape;
  OpBuilder b;
  gpu::GPUFuncOp func;
  IRMapping mapping;
  Value tile; ///< The part of the output, or of the partial sums, of a block.
  std::optional<SplitSum> split; ///< Where there are several pieces.
  TileCoordinatesOp coordinates;
  Value piece;                        ///< The number of the block's piece.
  Value partials, counters, resident; ///< See hopper.launch.
  Value unreleased;                   ///< See `fetch`.
  Operation *ringsEnd = nullptr;      ///< Rings are created in front of it.
  llvm::StringMap<Value> rings;
  SmallVector<Value> arguments; ///< Of the launch, in order of parameters.
};

} // namespace mlir::hopper

#endif // FLASHMHF_LIB_CONVERSION_FLASHMHFTOHOPPER_KERNELBUILDER_H
