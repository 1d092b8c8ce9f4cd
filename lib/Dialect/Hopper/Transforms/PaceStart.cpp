//===- PaceStart.cpp - First tiles of all blocks first --------------------===//
//
/// \file
/// In: pieces whose producer has a loop over the steps. Out, where the schedule
/// says `paced`: the first step ends with a wait for its own last tile.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"
#include "flashmhf/Dialect/Hopper/IR/Hopper.h"
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::hopper {
#define GEN_PASS_DEF_HOPPERPACESTART
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h.inc"
} // namespace mlir::hopper

using namespace mlir;
using namespace mlir::hopper;

/// The last tile of the weights that a step of `loop` fetches by itself.
static PutOp findLastPut(scf::ForOp loop) {
  PutOp last;
  for (auto put : loop.getOps<PutOp>())
    if (put.fetchesWeights())
      last = put;
  return last;
}

static void pace(WarpgroupsOp warpgroups) {
  warpgroups.getProducer().walk([](scf::ForOp loop) {
    PutOp last = findLastPut(loop);
    if (!last)
      return;
    OpBuilder b(loop.getBody()->getTerminator());
    Location loc = last.getLoc();
    Value isFirst =
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                              loop.getInductionVar(), loop.getLowerBound());
    AwaitFirstOp::create(b, loc, last.getRing(), isFirst);
  });
}

namespace {
struct HopperPaceStart : hopper::impl::HopperPaceStartBase<HopperPaceStart> {
  void runOnOperation() override {
    getOperation()->walk([](gpu::GPUFuncOp func) {
      flashmhf::ScheduleAttr schedule = getPendingSchedule(func);
      if (schedule && schedule.getPaced())
        func.walk([](WarpgroupsOp op) { pace(op); });
    });
  }
};
} // namespace
