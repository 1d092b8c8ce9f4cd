//===- KernelShape.cpp - What a kernel can compute ------------------------===//
//
/// \file
/// The rules that a tile and its schedule must keep to become a kernel. What
/// depends on the rings' places or the registers' sum is checked when those are
/// known.
//
//===----------------------------------------------------------------------===//

#include "KernelBuilder.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::hopper;
using flashmhf::MHFFNOp;

/// Inner dimension of one wgmma instruction on 16-bit types.
static constexpr int64_t kProductStep = 16;
/// Rows of one TMA transfer, and columns of one wgmma instruction.
static constexpr int64_t kMaxTile = 256;
/// What ptxas needs besides accumulators before it spills or serialises.
static constexpr int64_t kSpareRegisters = 32;

static LogicalResult checkOperands(MHFFNOp op) {
  Type input = op.getInputType();
  if (!input.isBF16() && !input.isF16())
    return op.emitOpError("needs bf16 or f16 inputs on a GPU, has ") << input;
  int64_t width = op.getHeadWidth();
  if (ShapedType::isDynamic(width) || width % kProductStep != 0 ||
      width > kMaxTile || width < kProductStep)
    return op.emitOpError("needs a static head width D of 16 to 256, a "
                          "multiple of 16, on a GPU, has ")
           << (ShapedType::isDynamic(width) ? std::string("a dynamic one")
                                            : std::to_string(width));
  for (auto [name, operand] : {std::pair("Q", op.getQ()), {"K", op.getK()}}) {
    auto type = cast<MemRefType>(operand.getType());
    if (type.getDimSize(0) != 1 || type.getDimSize(1) != 1)
      return op.emitOpError("must be tiled to one head and one sub-network, "
                            "but ")
             << name << " is " << type;
  }
  return success();
}

/// The rows of K that one step takes.
static FailureOr<int64_t> getDffTile(scf::ForallOp forall, MHFFNOp op) {
  int64_t rows = cast<MemRefType>(op.getK().getType()).getDimSize(2);
  int64_t tile =
      ShapedType::isDynamic(rows) ? op.getScheduleAttr().getDffTile() : rows;
  if (tile > kMaxTile)
    return op.emitOpError("needs a dff_tile of at most ")
           << kMaxTile << " on a GPU, has " << tile;
  int64_t rounded = llvm::alignTo(tile, kProductStep);
  if (rounded == tile)
    return tile;
  // More rows than a step has are fetched, and must then be past the end.
  Value tensor = getTensor(forall, op.getK());
  if (ShapedType::isDynamic(rows) || !tensor ||
      cast<MemRefType>(tensor.getType()).getShape().take_back(2).front() !=
          rows)
    return op.emitOpError("needs a dff_tile that is all of F or a multiple of ")
           << kProductStep << " on a GPU, has " << tile;
  return rounded;
}

static LogicalResult checkSchedule(MHFFNOp op, const KernelShape &shape) {
  flashmhf::ScheduleAttr schedule = op.getScheduleAttr();
  if (shape.tokenTile > kMaxTile)
    return op.emitOpError("needs a token_tile of at most ")
           << kMaxTile << " on a GPU, has " << shape.tokenTile;
  if (shape.tokenTile % kWarpgroupRows != 0 ||
      shape.tokenTile / kWarpgroupRows != schedule.getConsumers())
    return op.emitOpError("needs a token_tile of 64 rows for each consumer: ")
           << shape.tokenTile << " rows, " << schedule.getConsumers()
           << " consumers";
  int64_t rows = cast<MemRefType>(op.getQ().getType()).getDimSize(2);
  if (!ShapedType::isDynamic(rows) && rows > shape.tokenTile)
    return op.emitOpError("has tiles of ")
           << rows << " tokens, but token_tile is " << shape.tokenTile;
  for (int64_t stages : schedule.getStages())
    if (stages > kMaxSlots)
      return op.emitOpError("needs at most ")
             << kMaxSlots << " stages on a GPU, has " << stages;
  // The tile, or what a cluster makes of it, must be whole swizzle atoms.
  if (schedule.getCluster() > 1 &&
      shape.dffTile % (8 * schedule.getCluster()) != 0)
    return op.emitOpError("needs a dff_tile that a cluster can share out in "
                          "parts of 8 rows: ")
           << shape.dffTile << " rows, " << schedule.getCluster() << " blocks";
  int64_t registers = schedule.getRegisters()[1];
  int64_t products = op.getU() ? 2 : 1;
  int64_t used = (shape.headWidth + products * shape.dffTile) / 2;
  if (used + kSpareRegisters > registers)
    return op.emitOpError("needs ")
           << used
           << " registers per thread for accumulators (D = " << shape.headWidth
           << ", " << products << " x dff_tile = " << shape.dffTile << ") and "
           << kSpareRegisters << " besides, but a consumer has " << registers;
  return success();
}

FailureOr<KernelShape> hopper::getKernelShape(scf::ForallOp forall,
                                              MHFFNOp op) {
  if (!op.getScheduleAttr())
    return op.emitOpError("has no schedule; run flashmhf-assign-schedule");
  if (failed(checkOperands(op)))
    return failure();
  FailureOr<int64_t> dffTile = getDffTile(forall, op);
  if (failed(dffTile))
    return failure();
  KernelShape shape = {op.getScheduleAttr().getTokenTile(), *dffTile,
                       op.getHeadWidth()};
  if (failed(checkSchedule(op, shape)))
    return failure();
  return shape;
}
