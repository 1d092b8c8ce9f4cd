//===- AllocateSharedMemory.cpp - Places of rings in shared memory --------===//
//
/// \file
/// In: rings of final depth and an inbox. Out: the same with byte offsets of
/// their slots, rows and barriers, and the kernel's demand as an attribute.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/Hopper/IR/Hopper.h"
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::hopper {
#define GEN_PASS_DEF_HOPPERALLOCATESHAREDMEMORY
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h.inc"
} // namespace mlir::hopper

using namespace mlir;
using namespace mlir::hopper;

/// Prints what each ring asks for.
static LogicalResult reportSizes(gpu::GPUFuncOp func, ArrayRef<RingOp> rings,
                                 InboxOp inbox, int64_t total) {
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
  if (inbox) {
    InboxType type = inbox.getInbox().getType();
    diag.attachNote(inbox.getLoc())
        << "inbox: " << type.getParts() << " parts of " << type.getRows()
        << " x " << type.getColumns() << " f32 from each of "
        << type.getPieces() << " pieces, "
        << type.getParts() * type.getPartBytes() << " bytes";
  }
  diag.attachNote() << "use smaller tiles or fewer stages";
  return diag;
}

LogicalResult hopper::allocateSharedMemory(gpu::GPUFuncOp func) {
  Builder b(func.getContext());
  SmallVector<RingOp> rings;
  func.walk([&](RingOp ring) { rings.push_back(ring); });
  SmallVector<InboxOp> inboxes;
  func.walk([&](InboxOp inbox) { inboxes.push_back(inbox); });
  if (inboxes.size() > 1)
    return inboxes[1].emitOpError("is the second of its kernel");
  if (rings.empty() && inboxes.empty())
    return success();

  // Tiles of these shapes are read in whole warpgroup tiles of columns.
  SmallVector<ArrayRef<int64_t>> transposed;
  func.walk([&](WgmmaOp op) {
    if (op.getTransposeA())
      transposed.push_back(cast<SlotType>(op.getA().getType()).getShape());
  });
  SmallVector<RingSize> sizes;
  for (RingOp ring : rings) {
    RingType type = ring.getRing().getType();
    int64_t overrun = 0;
    if (llvm::is_contained(transposed, type.getShape()))
      overrun = getTransposedOverrun(*getPanelLayout(
          type.getRows(), type.getColumns(), type.getElementType()));
    sizes.push_back({type.getSlots() * type.getParts(), type.getPartBytes(),
                     !type.getLocal(), overrun});
  }
  InboxOp inbox;
  InboxSize inboxSize;
  if (!inboxes.empty()) {
    inbox = inboxes.front();
    InboxType type = inbox.getInbox().getType();
    inboxSize = {type.getParts(), type.getPartBytes()};
  }
  SharedMemoryPlan plan = planSharedMemory(sizes, inboxSize);
  for (auto [ring, offset, barriers] :
       llvm::zip(rings, plan.offsets, plan.barriers)) {
    ring.setOffsetAttr(b.getI64IntegerAttr(offset));
    ring.setBarriersAttr(b.getI64IntegerAttr(barriers));
  }
  if (inbox) {
    inbox.setOffsetAttr(b.getI64IntegerAttr(plan.inbox));
    inbox.setBarriersAttr(b.getI64IntegerAttr(plan.inboxBarriers));
  }
  if (plan.bytes > kSharedMemoryLimit)
    return reportSizes(func, rings, inbox, plan.bytes);
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
