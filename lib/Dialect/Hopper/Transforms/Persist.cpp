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

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::hopper {
#define GEN_PASS_DEF_HOPPERPERSIST
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h.inc"
} // namespace mlir::hopper

using namespace mlir;
using namespace mlir::hopper;

/// Wraps the body of `region` into a loop over tiles.
static LogicalResult persist(Region &region) {
  Block &body = region.front();
  auto found = body.getOps<TileCoordinatesOp>();
  if (found.empty())
    return success();
  TileCoordinatesOp coordinates = *found.begin();
  if (std::next(found.begin()) != found.end())
    return coordinates.emitOpError(
        "is not the only one of its region; a block has one tile at a time");

  Location loc = coordinates.getLoc();
  OpBuilder b = OpBuilder::atBlockBegin(&body);
  Value first = gpu::BlockIdOp::create(b, loc, gpu::Dimension::x);
  Value step = gpu::GridDimOp::create(b, loc, gpu::Dimension::x);
  Value count = TileCountOp::create(b, loc, b.getIndexType(), coordinates.getOver(),
                                    coordinates.getTilesAttr());
  auto loop = scf::ForOp::create(b, loc, first, count, step);
  // Everything after the loop, but for the region's terminator.
  Block *inner = loop.getBody();
  inner->getOperations().splice(inner->getTerminator()->getIterator(),
                                body.getOperations(),
                                std::next(loop->getIterator()),
                                body.getTerminator()->getIterator());
  coordinates.getTileMutable().assign(loop.getInductionVar());
  return success();
}

namespace {
struct HopperPersist : hopper::impl::HopperPersistBase<HopperPersist> {
  void runOnOperation() override {
    gpu::GPUFuncOp func = getOperation();
    auto schedule =
        func->getAttrOfType<flashmhf::ScheduleAttr>(kScheduleAttrName);
    if (!schedule || !schedule.getPersistent())
      return;
    WalkResult result = func.walk([&](WarpgroupsOp op) {
      return WalkResult(success(succeeded(persist(op.getProducer())) &&
                                succeeded(persist(op.getConsumer()))));
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};
} // namespace
