//===- LowerRings.cpp - Lower rings to mbarriers and TMA ------------------===//
//
/// \file
/// In: rings with offsets in shared memory; put, get and release in the regions
/// of hopper.warpgroups. Out: 32-bit addresses, mbarriers and bulk tensor
/// copies; slots only as hopper.slot_at. Invariant: the n-th put and the n-th
/// get of a ring use slot n mod slots in phase (n / slots) mod 2.
//
//===----------------------------------------------------------------------===//

#include "RingLowering.h"

#include "TensorMaps.h"

#include "flashmhf/Conversion/Passes.h"
#include "flashmhf/Dialect/Hopper/IR/Hopper.h"
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::hopper {
#define GEN_PASS_DEF_HOPPERLOWERRINGS
#include "flashmhf/Conversion/Passes.h.inc"
} // namespace mlir::hopper

using namespace mlir;
using namespace mlir::hopper;

static constexpr StringLiteral kSharedMemorySymbol = "flashmhf_shared_memory";

LogicalResult RingLowering::checkRings() {
  func.walk([&](RingOp ring) { rings.push_back(ring); });
  SmallVector<WarpgroupsOp> roles;
  func.walk([&](WarpgroupsOp op) { roles.push_back(op); });
  if (!rings.empty() && roles.empty())
    return func.emitOpError("has rings but no hopper.warpgroups; run "
                            "hopper-warp-specialize first");
  if (roles.size() > 1)
    return roles[1].emitOpError("is the second of its kernel; the launch gives "
                                "each warpgroup one role");
  if (!roles.empty())
    warpgroups = roles.front();
  for (RingOp ring : rings) {
    if (!ring.getOffset() || !ring.getBarriers())
      return ring.emitOpError("has no place in shared memory; run "
                              "hopper-allocate-shared-memory first");
    if (ring->getParentOp() != func || ring->getBlock() != rings[0]->getBlock())
      return ring.emitOpError("must be at the top of its kernel");
  }
  WalkResult result = func.walk([&](Operation *op) -> WalkResult {
    Value ring;
    Region *role = nullptr;
    if (auto put = dyn_cast<PutOp>(op)) {
      ring = put.getRing();
      role = warpgroups ? &warpgroups.getProducer() : nullptr;
    } else if (auto await = dyn_cast<AwaitFirstOp>(op)) {
      ring = await.getRing();
      role = warpgroups ? &warpgroups.getProducer() : nullptr;
    } else if (auto get = dyn_cast<GetOp>(op)) {
      ring = get.getRing();
      role = warpgroups ? &warpgroups.getConsumer() : nullptr;
    } else {
      return success();
    }
    if (!ring.getDefiningOp<RingOp>())
      return op->emitOpError("needs a ring of its kernel, from hopper.ring");
    if (!role->isAncestor(op->getParentRegion()))
      return op->emitOpError("must be in the ")
             << (isa<GetOp>(op) ? "consumer" : "producer")
             << " region of hopper.warpgroups";
    return success();
  });
  return failure(
      result.wasInterrupted() ||
      failed(inbox.check(rings.empty() ? WarpgroupsOp() : warpgroups)));
}

void RingLowering::emitPrologue() {
  b.setInsertionPoint(rings.front());
  Value start = LLVM::AddressOfOp::create(b, loc, memory);
  Value address = LLVM::PtrToIntOp::create(b, loc, b.getI32Type(), start);
  // The alignment of dynamic shared memory is not guaranteed beyond 16.
  base = arith::AndIOp::create(b, loc, add(address, 1023), i32(~1023));

  prefetchTensorMaps(b, func, warpgroups.getConsumers() * kWarpgroupThreads);
  Value thread = gpu::ThreadIdOp::create(b, loc, gpu::Dimension::x);
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  Value isFirst =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, thread, zero);
  auto ifOp = scf::IfOp::create(b, loc, isFirst, /*withElseRegion=*/false);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(ifOp.thenBlock());
    // One arrival fills a slot, that of the thread that starts the transfer;
    // each consumer warp gives it back.
    Value producers = i32(1);
    int64_t warps = warpgroups.getConsumers() * kWarpgroupThreads / 32;
    for (RingOp ring : rings) {
      RingType type = ring.getRing().getType();
      if (type.getLocal())
        continue;
      Value consumers = i32(warps / type.getParts() * type.getCluster());
      for (int64_t part = 0; part < type.getParts(); ++part)
        for (int64_t slot = 0; slot < type.getSlots(); ++slot)
          for (int64_t which : {0, 1}) {
            Value barrier = getBarrier(ring, i32(part), i32(slot), which);
            NVVM::MBarrierInitOp::create(b, loc, toSharedPointer(barrier),
                                         which ? consumers : producers,
                                         /*predicate=*/Value());
          }
    }
    if (inbox)
      inbox.initialize(b, base);
    NVVM::FenceMbarrierInitOp::create(b, loc);
  }
  if (!isClustered())
    gpu::BarrierOp::create(b, loc);
  else
    syncCluster();
  if (inbox)
    inbox.announce(b);
}

bool RingLowering::isClustered() {
  return llvm::any_of(rings, [](RingOp ring) {
    return ring.getRing().getType().getCluster() > 1;
  });
}

void RingLowering::syncCluster() {
  NVVM::ClusterArriveOp::create(b, loc, UnitAttr());
  NVVM::ClusterWaitOp::create(b, loc, UnitAttr());
}

Cursor &RingLowering::getCursor(RingOp ring, Operation *user) {
  Region *region = user->getParentRegion();
  while (region->getParentOp() != warpgroups &&
         !isa<ThreadOp>(region->getParentOp()))
    region = region->getParentRegion();
  Cursor &cursor = cursors[{ring, region}];
  if (!cursor.stage) {
    OpBuilder::InsertionGuard guard(b);
    auto type = MemRefType::get({}, b.getI32Type());
    // LLVM makes registers of what the entry block allocates only.
    b.setInsertionPointToStart(&func.getBody().front());
    cursor.stage = memref::AllocaOp::create(b, loc, type);
    cursor.phase = memref::AllocaOp::create(b, loc, type);
    b.setInsertionPointToStart(&region->front());
    Value zero = i32(0);
    memref::StoreOp::create(b, loc, zero, cursor.stage);
    memref::StoreOp::create(b, loc, zero, cursor.phase);
  }
  return cursor;
}

std::pair<Value, Value> RingLowering::advance(RingOp ring, Operation *user) {
  Cursor cursor = getCursor(ring, user);
  Value stage = memref::LoadOp::create(b, loc, cursor.stage);
  Value phase = memref::LoadOp::create(b, loc, cursor.phase);
  Value next = add(stage, 1);
  Value wraps = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, next,
                                      i32(ring.getRing().getType().getSlots()));
  Value nextStage = arith::SelectOp::create(b, loc, wraps, i32(0), next);
  Value flip = arith::ExtUIOp::create(b, loc, b.getI32Type(), wraps);
  Value nextPhase = arith::XOrIOp::create(b, loc, phase, flip);
  memref::StoreOp::create(b, loc, nextStage, cursor.stage);
  memref::StoreOp::create(b, loc, nextPhase, cursor.phase);
  return {stage, phase};
}

LogicalResult RingLowering::run() {
  if (failed(checkRings()) || failed(lowerTensorMaps(func, maps)))
    return failure();
  if (rings.empty())
    return success();
  emitPrologue();
  func.walk([&](PutOp put) { lowerPut(put); });
  func.walk([&](GetOp get) { lowerGet(get); });
  func.walk([&](AwaitFirstOp await) { lowerAwaitFirst(await); });
  if (inbox)
    inbox.lower(b, func, warpgroups, base);
  if (isClustered()) {
    // No block may end while another can still write into its shared memory.
    b.setInsertionPoint(func.getBody().back().getTerminator());
    syncCluster();
  }
  for (RingOp ring : rings)
    ring.erase();
  return success();
}

namespace {
struct HopperLowerRings : hopper::impl::HopperLowerRingsBase<HopperLowerRings> {
  void runOnOperation() override {
    gpu::GPUModuleOp module = getOperation();
    OpBuilder b = OpBuilder::atBlockBegin(module.getBody());
    LLVM::GlobalOp memory;
    for (auto func : module.getOps<gpu::GPUFuncOp>()) {
      if (!func.isKernel())
        continue;
      if (!memory)
        memory = LLVM::GlobalOp::create(
            b, module.getLoc(),
            LLVM::LLVMArrayType::get(b.getIntegerType(8), 0),
            /*isConstant=*/false, LLVM::Linkage::External, kSharedMemorySymbol,
            /*value=*/Attribute(), /*alignment=*/1024, /*addrSpace=*/3);
      if (failed(RingLowering(func, memory).run()))
        return signalPassFailure();
    }
  }
};
} // namespace
