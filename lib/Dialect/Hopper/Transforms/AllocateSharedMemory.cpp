//===- AllocateSharedMemory.cpp - Places of rings in shared memory --------===//
//
/// \file
/// In: rings of final depth. Out: the same with byte offsets of their slots and
/// barriers, and the kernel's demand as an attribute.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/Hopper/IR/Hopper.h"
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h"

#include "llvm/Support/MathExtras.h"

namespace mlir::hopper {
#define GEN_PASS_DEF_HOPPERALLOCATESHAREDMEMORY
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h.inc"
} // namespace mlir::hopper

using namespace mlir;
using namespace mlir::hopper;

/// Swizzled tiles repeat every 8 rows of 128 bytes.
static constexpr int64_t kTileAlignment = 1024;
/// A full and an empty mbarrier for each slot.
static constexpr int64_t kSlotBarrierBytes = 16;

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

  int64_t end = 0;
  for (RingOp ring : rings) {
    RingType type = ring.getRing().getType();
    end = llvm::alignTo(end, kTileAlignment);
    ring.setOffsetAttr(b.getI64IntegerAttr(end));
    end += type.getSlots() * type.getSlotBytes();
  }
  for (RingOp ring : rings) {
    ring.setBarriersAttr(b.getI64IntegerAttr(end));
    end += ring.getRing().getType().getSlots() * kSlotBarrierBytes;
  }
  // The driver aligns dynamic shared memory to 16 bytes only.
  int64_t total = end + kTileAlignment;
  if (total > kSharedMemoryLimit)
    return reportSizes(func, rings, total);
  func->setAttr(kSharedMemoryAttrName, b.getI64IntegerAttr(total));
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
