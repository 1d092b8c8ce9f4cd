//===- AllocateSharedMemory.cpp - Places of rings in shared memory --------===//
//
/// \file
/// In: rings of final depth. Out: the same with byte offsets of their slots and
/// barriers, and the kernel's demand as an attribute.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/Hopper/IR/Hopper.h"
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h"

namespace mlir::hopper {
#define GEN_PASS_DEF_HOPPERALLOCATESHAREDMEMORY
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h.inc"
} // namespace mlir::hopper

using namespace mlir;
using namespace mlir::hopper;

/// Prints what each ring asks for.
static LogicalResult reportSizes(gpu::GPUFuncOp func, ArrayRef<RingOp> rings,
                                 int64_t total) {
  InFlightDiagnostic diag =
      func.emitOpError("needs ")
      << total << " bytes of shared memory, a block of sm_90 has at most "
      << kSharedMemoryLimit;
  for (RingOp ring : rings) {
    RingType type = ring.getRing().getType();
    diag.attachNote(ring.getLoc())
        << "ring " << ring.getName() << ": " << type.getSlots() << " slots of "
        << type.getRows() << " x " << type.getColumns() << " "
        << type.getElementType() << ", "
        << type.getSlots() * type.getSlotBytes() << " bytes";
  }
  diag.attachNote() << "use smaller tiles or fewer stages";
  return diag;
}

LogicalResult hopper::allocateSharedMemory(gpu::GPUFuncOp func) {
  Builder b(func.getContext());
  SmallVector<RingOp> rings;
  func.walk([&](RingOp ring) { rings.push_back(ring); });
  if (rings.empty())
    return success();

  SmallVector<RingSize> sizes;
  for (RingOp ring : rings) {
    RingType type = ring.getRing().getType();
    sizes.emplace_back(type.getSlots() * type.getParts(), type.getPartBytes());
  }
  SharedMemoryPlan plan = planSharedMemory(sizes);
  for (auto [ring, offset, barriers] :
       llvm::zip(rings, plan.offsets, plan.barriers)) {
    ring.setOffsetAttr(b.getI64IntegerAttr(offset));
    ring.setBarriersAttr(b.getI64IntegerAttr(barriers));
  }
  if (plan.bytes > kSharedMemoryLimit)
    return reportSizes(func, rings, plan.bytes);
  func->setAttr(kSharedMemoryAttrName, b.getI64IntegerAttr(plan.bytes));
  return success();
}

namespace {
struct HopperAllocateSharedMemory
    : hopper::impl::HopperAllocateSharedMemoryBase<HopperAllocateSharedMemory> {
  void runOnOperation() override {
    getOperation()->walk([&](gpu::GPUFuncOp func) {
      if (failed(allocateSharedMemory(func)))
        signalPassFailure();
    });
  }
};
} // namespace
