//===- HopperDialect.cpp - The hopper dialect -----------------------------===//
//
/// \file
/// Registration of the dialect, and the figures of sm_90 that its rules use.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/Hopper/IR/Hopper.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::hopper;

#include "flashmhf/Dialect/Hopper/IR/HopperDialect.cpp.inc"

void HopperDialect::initialize() {
  registerTypes();
  addOperations<
#define GET_OP_LIST
#include "flashmhf/Dialect/Hopper/IR/HopperOps.cpp.inc"
      >();
}

FailureOr<PanelLayout> hopper::getPanelLayout(int64_t rows, int64_t columns,
                                              Type elementType) {
  if (!elementType.isIntOrFloat() || elementType.getIntOrFloatBitWidth() != 16)
    return failure();
  for (int64_t panel : {64, 32, 16})
    if (columns % panel == 0)
      return PanelLayout{rows, panel, columns / panel, 2};
  return failure();
}

int64_t hopper::getLaunchRegisters(int64_t threads, int64_t blocks) {
  return std::min<int64_t>(255, kRegisterFile / (threads * blocks)) / 8 * 8;
}

int64_t hopper::countBlocksByRegisters(int64_t consumers,
                                       ArrayRef<int64_t> registers) {
  int64_t warpgroups = consumers + 1;
  for (int64_t blocks : {4, 2})
    if (registers[0] + consumers * registers[1] <=
        warpgroups * getLaunchRegisters(warpgroups * kWarpgroupThreads, blocks))
      return blocks;
  return 1;
}

std::optional<std::string>
hopper::findRegisterFault(int64_t consumers, ArrayRef<int64_t> registers) {
  if (consumers < 1 || consumers > 7)
    return llvm::formatv("needs 1 to 7 consumers, has {0}", consumers).str();
  if (registers.size() != 2)
    return "needs two register budgets, producer and consumer";
  for (int64_t r : registers)
    if (r < 24 || r > 256 || r % 8 != 0)
      return llvm::formatv("needs register budgets of 24 to 256, multiples of "
                           "8, has {0}",
                           r)
          .str();
  // setmaxnreg hands out what the launch allocated and hangs for more.
  int64_t warpgroups = consumers + 1;
  int64_t threads = warpgroups * kWarpgroupThreads;
  int64_t pool = warpgroups * getLaunchRegisters(threads);
  int64_t used = registers[0] + consumers * registers[1];
  if (used > pool)
    return llvm::formatv("needs {0} registers per lane over its {1} "
                         "warpgroups, but a block of {2} threads has {3}",
                         used, warpgroups, threads, pool)
        .str();
  return std::nullopt;
}

/// Swizzled tiles repeat every 8 rows of 128 bytes.
static constexpr int64_t kTileAlignment = 1024;
static constexpr int64_t kBarrierBytes = 8;
/// A full and an empty mbarrier for each slot.
static constexpr int64_t kSlotBarrierBytes = 2 * kBarrierBytes;

int64_t hopper::getTransposedOverrun(const PanelLayout &layout) {
  int64_t columns = layout.panels * layout.panel;
  return (llvm::alignTo(columns, kWarpgroupRows) - columns) / layout.panel *
         layout.getPanelBytes();
}

InboxSize hopper::getInboxSize(int64_t pieces, int64_t rows, int64_t columns,
                               int64_t consumers, bool shares) {
  if (shares)
    return {consumers,
            (pieces - 1) * getMaxUnitsOfShare(pieces, columns) * kUnitBytes};
  return {consumers, pieces *
                         static_cast<int64_t>(llvm::divideCeil(rows, pieces)) *
                         columns * static_cast<int64_t>(sizeof(float))};
}

SharedMemoryPlan hopper::planSharedMemory(ArrayRef<RingSize> rings,
                                          InboxSize inbox) {
  SharedMemoryPlan plan;
  int64_t end = 0, lastRead = 0;
  for (const RingSize &ring : rings) {
    end = llvm::alignTo(end, kTileAlignment);
    plan.offsets.push_back(end);
    end += ring.slots * ring.bytes;
    lastRead = std::max(lastRead, end + ring.overrun);
  }
  plan.inbox = end;
  end += inbox.parts * inbox.bytes;
  for (const RingSize &ring : rings) {
    plan.barriers.push_back(end);
    if (ring.hasBarriers)
      end += ring.slots * kSlotBarrierBytes;
  }
  plan.inboxBarriers = end;
  end += inbox.parts * kBarrierBytes;
  end = std::max(end, lastRead);
  // The driver aligns dynamic shared memory to 16 bytes only.
  plan.bytes = end + kTileAlignment;
  return plan;
}
