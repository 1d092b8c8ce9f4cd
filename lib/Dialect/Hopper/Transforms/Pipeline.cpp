//===- Pipeline.cpp - Let the producer run ahead --------------------------===//
//
/// \file
/// In: rings of one slot. Out: rings as deep as the schedule says.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"
#include "flashmhf/Dialect/Hopper/IR/Hopper.h"
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h"

#include "llvm/ADT/StringSwitch.h"

namespace mlir::hopper {
#define GEN_PASS_DEF_HOPPERPIPELINE
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h.inc"
} // namespace mlir::hopper

using namespace mlir;
using namespace mlir::hopper;

namespace {
struct HopperPipeline : hopper::impl::HopperPipelineBase<HopperPipeline> {
  void runOnOperation() override {
    gpu::GPUFuncOp func = getOperation();
    auto schedule =
        func->getAttrOfType<flashmhf::ScheduleAttr>(kScheduleAttrName);
    if (!schedule)
      return;
    func.walk([&](RingOp ring) {
      int operand = llvm::StringSwitch<int>(ring.getName())
                        .Case("K", 0)
                        .Case("U", 1)
                        .Case("V", 2)
                        .Default(-1);
      if (operand < 0)
        return;
      RingType type = ring.getRing().getType();
      ring.getRing().setType(RingType::get(&getContext(),
                                           schedule.getStages()[operand],
                                           type.getShape(),
                                           type.getElementType()));
    });
  }
};
} // namespace
