//===- Persist.cpp - Loop over the tiles of a block -----------------------===//
//
/// \file
/// In: regions that compute the tile whose number is the block's. Out, for a
/// persistent schedule: regions that loop over every tile of the block.
/// Invariant: all regions visit the same tiles in the same order.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"
#include "flashmhf/Dialect/Hopper/IR/Hopper.h"
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::hopper {
#define GEN_PASS_DEF_HOPPERPERSIST
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h.inc"
} // namespace mlir::hopper

using namespace mlir;
using namespace mlir::hopper;

/// The one tile_coordinates of `region`, null if it has none.
static FailureOr<TileCoordinatesOp> findCoordinates(Region &region) {
  TileCoordinatesOp found;
  WalkResult result = region.walk([&](TileCoordinatesOp op) {
    if (found) {
      op.emitOpError(
          "is not the only one of its region; a block has one tile at a time");
      return WalkResult::interrupt();
    }
    found = op;
    return WalkResult::advance();
  });
  if (result.wasInterrupted())
    return failure();
  return found;
}

/// Starts the outermost loops of a tile's body at another iteration for each
/// cluster, going around. Blocks that run at the same time then read different
/// weights, which spreads them over the L2 cache. Only sums may depend on the
/// order of these loops.
static void rotate(Block &body, Value tile, int64_t cluster) {
  for (auto loop : llvm::to_vector(body.getOps<scf::ForOp>())) {
    std::optional<int64_t> lower = getConstantIntValue(loop.getLowerBound());
    std::optional<int64_t> upper = getConstantIntValue(loop.getUpperBound());
    std::optional<int64_t> step = getConstantIntValue(loop.getStep());
    if (lower != 0 || step != 1 || !upper || *upper < 2)
      continue;
    Location loc = loop.getLoc();
    OpBuilder b(loop);
    auto index = [&](int64_t value) -> Value {
      return arith::ConstantIndexOp::create(b, loc, value);
    };
    Value start = arith::RemUIOp::create(
        b, loc, arith::DivUIOp::create(b, loc, tile, index(cluster)),
        index(*upper));
    // In the innermost body, to leave the loops perfectly nested.
    Block *innermost = loop.getBody();
    while (auto nested = dyn_cast<scf::ForOp>(innermost->front()))
      innermost = nested.getBody();
    b.setInsertionPointToStart(innermost);
    Value sum = arith::AddIOp::create(b, loc, start, loop.getInductionVar());
    Value wraps = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::uge, sum,
                                        index(*upper));
    Value around = arith::SubIOp::create(b, loc, sum, index(*upper));
    Value rotated = arith::SelectOp::create(b, loc, wraps, around, sum);
    loop.getInductionVar().replaceAllUsesExcept(rotated, sum.getDefiningOp());
  }
}

/// Wraps the body of `region` into a loop over the tiles of `model`; `own` is
/// what the region knows of its tile, if it does.
static void persist(Region &region, TileCoordinatesOp own,
                    TileCoordinatesOp model, bool rotates) {
  Block &body = region.front();
  Location loc = model.getLoc();
  OpBuilder b = OpBuilder::atBlockBegin(&body);
  Value first = gpu::BlockIdOp::create(b, loc, gpu::Dimension::x);
  Value step = gpu::GridDimOp::create(b, loc, gpu::Dimension::x);
  Value count =
      TileCountOp::create(b, loc, b.getIndexType(), model.getOver(),
                          model.getTilesAttr(), model.getClusterAttr());
  auto loop = scf::ForOp::create(b, loc, first, count, step);
  // Everything after the loop, but for the region's terminator.
  Block *inner = loop.getBody();
  inner->getOperations().splice(
      inner->getTerminator()->getIterator(), body.getOperations(),
      std::next(loop->getIterator()), body.getTerminator()->getIterator());
  if (own)
    own.getTileMutable().assign(loop.getInductionVar());
  if (rotates)
    rotate(*inner, loop.getInductionVar(), model.getCluster());
}

static LogicalResult persist(gpu::GPUFuncOp func) {
  flashmhf::ScheduleAttr schedule = getPendingSchedule(func);
  if (!schedule || !schedule.getPersistent())
    return success();
  SmallVector<WarpgroupsOp> ops;
  func.walk([&](WarpgroupsOp op) { ops.push_back(op); });
  if (ops.empty())
    return func.emitOpError("has a persistent schedule but no "
                            "hopper.warpgroups; run hopper-warp-specialize "
                            "first");
  for (WarpgroupsOp op : ops) {
    FailureOr<TileCoordinatesOp> producer = findCoordinates(op.getProducer());
    FailureOr<TileCoordinatesOp> consumer = findCoordinates(op.getConsumer());
    if (failed(producer) || failed(consumer))
      return failure();
    TileCoordinatesOp model = *consumer ? *consumer : *producer;
    if (!model)
      return op.emitOpError("has no tile_coordinates, which say what to loop "
                            "over");
    if (isa<BlockArgument>(model.getTile()))
      continue; // Loops already.
    if (!model.getTile().getDefiningOp<gpu::BlockIdOp>())
      return model.emitOpError("is of another tile than the block's number");
    if (op->isAncestor(model.getOver().getParentBlock()->getParentOp()))
      return model.emitOpError("needs a tensor that both regions know");
    persist(op.getProducer(), *producer, model, schedule.getRotate());
    persist(op.getConsumer(), *consumer, model, schedule.getRotate());
  }
  return success();
}

namespace {
struct HopperPersist : hopper::impl::HopperPersistBase<HopperPersist> {
  void runOnOperation() override {
    getOperation()->walk([&](gpu::GPUFuncOp func) {
      if (failed(persist(func)))
        signalPassFailure();
    });
  }
};
} // namespace
