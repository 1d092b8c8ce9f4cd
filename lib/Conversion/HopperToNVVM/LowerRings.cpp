//===- LowerRings.cpp - Lower rings to mbarriers and TMA ------------------===//
//
/// \file
/// In: rings with offsets in shared memory; put, get and release in the regions
/// of hopper.warpgroups. Out: 32-bit addresses, mbarriers and bulk tensor
/// copies; slots only as hopper.slot_at. Invariant: the n-th put and the n-th
/// get of a ring use slot n mod slots in phase (n / slots) mod 2.
//
//===----------------------------------------------------------------------===//

#include "Constants.h"
#include "Fragment.h"
#include "PTX.h"
#include "Pushes.h"
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

namespace {
constexpr StringLiteral kSharedMemorySymbol = "flashmhf_shared_memory";
constexpr int64_t kBarrierBytes = 8;

/// The stage and phase of the next slot of a ring, as one region sees it.
struct Cursor {
  Value stage, phase; ///< memref<i32>
};

/// Lowers the rings of one kernel.
class RingLowering {
public:
  RingLowering(gpu::GPUFuncOp func, LLVM::GlobalOp memory)
      : func(func), memory(memory), b(func.getContext()), inbox(func) {}

  LogicalResult run();

private:
  LogicalResult checkRings();
  void emitPrologue();
  bool isClustered();
  void syncCluster();
  void lowerPut(PutOp put);
  void putPart(PutOp put, int64_t part, Value stage, Value parity);
  /// Where a whole warp runs `put`, has its lanes meet: i1, true for one of
  /// them. Null where a thread does.
  Value getActingLane(PutOp put);
  /// Starts transfer `i` of the `share` that this block does of a part, where
  /// `acts` is null or true.
  void lowerTransfer(PutOp put, int64_t part, Value to, Value full, Value rank,
                     Value acts, int64_t i, int64_t share);
  void lowerGet(GetOp get);
  void lowerAwaitFirst(AwaitFirstOp await);

  Value i32(int64_t value) { return getI32(b, loc, value); }
  Value mul(Value value, int64_t factor) {
    return arith::MulIOp::create(b, loc, value, i32(factor));
  }
  Value add(Value value, int64_t offset) {
    return offset ? arith::AddIOp::create(b, loc, value, i32(offset)) : value;
  }
  Value toSharedPointer(Value address) {
    return LLVM::IntToPtrOp::create(
        b, loc, LLVM::LLVMPointerType::get(b.getContext(), 3), address);
  }
  Value toI32(Value index) { return hopper::toI32(b, loc, index); }

  Cursor &getCursor(RingOp ring, Operation *user);
  /// The stage and phase of the next slot; moves the cursor past it.
  std::pair<Value, Value> advance(RingOp ring, Operation *user);
  /// The address of the full (which = 0) or empty (1) barrier of `part` in a
  /// stage.
  Value getBarrier(RingOp ring, Value part, Value stage, int64_t which);
  Value getPartAddress(RingOp ring, Value part, Value stage);

  gpu::GPUFuncOp func;
  LLVM::GlobalOp memory;
  OpBuilder b;
  Location loc = func.getLoc();
  InboxLowering inbox;
  WarpgroupsOp warpgroups;
  Value base; ///< Start of the block's tiles, 1024-byte aligned.
  SmallVector<RingOp> rings;
  DenseMap<Value, TensorMapType> maps; ///< What the pointers were.
  DenseMap<std::pair<RingOp, Region *>, Cursor> cursors;
};
} // namespace

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

Value RingLowering::getBarrier(RingOp ring, Value part, Value stage,
                               int64_t which) {
  RingType type = ring.getRing().getType();
  int64_t side = type.getSlots() * kBarrierBytes;
  Value address =
      arith::AddIOp::create(b, loc, base, mul(stage, kBarrierBytes));
  if (type.getParts() > 1)
    address = arith::AddIOp::create(b, loc, address, mul(part, 2 * side));
  return add(address, *ring.getBarriers() + which * side);
}

Value RingLowering::getPartAddress(RingOp ring, Value part, Value stage) {
  RingType type = ring.getRing().getType();
  Value address =
      arith::AddIOp::create(b, loc, base, mul(stage, type.getSlotBytes()));
  if (type.getParts() > 1)
    address =
        arith::AddIOp::create(b, loc, address, mul(part, type.getPartBytes()));
  return add(address, *ring.getOffset());
}

void RingLowering::lowerPut(PutOp put) {
  auto ring = put.getRing().getDefiningOp<RingOp>();
  b.setInsertionPoint(put);
  auto [stage, phase] = advance(ring, put);
  // A fresh barrier counts as having completed the phase of parity 1.
  Value parity = arith::XOrIOp::create(b, loc, phase, i32(1));
  for (int64_t part = 0; part < ring.getRing().getType().getParts(); ++part)
    putPart(put, part, stage, parity);
  put.erase();
}

void RingLowering::putPart(PutOp put, int64_t part, Value stage, Value parity) {
  auto ring = put.getRing().getDefiningOp<RingOp>();
  RingType type = ring.getRing().getType();
  ptx::waitParity(b, loc, getBarrier(ring, i32(part), stage, 1), parity);
  Value acts = getActingLane(put);
  Value full = getBarrier(ring, i32(part), stage, 0);
  ptx::arriveExpectTx(b, loc, full, type.getPartBytes(), acts);

  Value to = getPartAddress(ring, i32(part), stage);
  Value rank;
  if (type.getCluster() > 1)
    rank = NVVM::ClusterId::create(b, loc, b.getI32Type());
  TensorMapType map = maps.lookup(put->getOperand(0));
  int64_t transfers = PutOp::countTransfers(map, type).value_or(0);
  int64_t share = transfers / type.getCluster();
  for (int64_t i = 0; i < share; ++i)
    lowerTransfer(put, part, to, full, rank, acts, i, share);
}

Value RingLowering::getActingLane(PutOp put) {
  auto thread = put->getParentOfType<ThreadOp>();
  if (!thread || !thread.getWarp())
    return {};
  // No lane may miss a phase that the others have seen.
  NVVM::SyncWarpOp::create(b, loc, i32(-1));
  return isFirstLane(b, loc);
}

void RingLowering::lowerTransfer(PutOp put, int64_t part, Value to, Value full,
                                 Value rank, Value acts, int64_t i,
                                 int64_t share) {
  RingType ring = put.getRing().getType();
  TensorMapType map = maps.lookup(put->getOperand(0));
  PanelLayout layout = *getPanelLayout(ring.getPartRows(), ring.getColumns(),
                                       ring.getElementType());
  // Transfers in rows of parts; block `rank` does those from rank * share on.
  int64_t across = ring.getColumns() / map.getColumns();
  Value down = i32(0), along = i32(i);
  if (rank && share % across == 0) {
    down = add(mul(rank, share / across), i / across);
    along = i32(i % across);
  } else {
    Value number = rank ? add(mul(rank, share), i) : i32(i);
    down = arith::DivUIOp::create(b, loc, number, i32(across));
    along = arith::RemUIOp::create(b, loc, number, i32(across));
  }
  Value rows = mul(down, map.getRows());
  Value panels = mul(along, map.getColumns() / layout.panel);
  Value address = arith::AddIOp::create(
      b, loc, to,
      arith::AddIOp::create(b, loc, mul(panels, layout.getPanelBytes()),
                            mul(rows, layout.getRowBytes())));

  // The map splits columns into panels: [column in panel, row, panel, head,
  // batch].
  ValueRange at = put.getCoordinates();
  Value column = toI32(at[3]);
  Value panel = arith::DivUIOp::create(b, loc, column, i32(layout.panel));
  SmallVector<Value> coordinates = {
      arith::RemUIOp::create(b, loc, column, i32(layout.panel)),
      arith::AddIOp::create(b, loc,
                            add(toI32(at[2]), part * ring.getPartRows()), rows),
      arith::AddIOp::create(b, loc, panel, panels), toI32(at[1]), toI32(at[0])};
  ptx::loadTensor(b, loc, address, put->getOperand(0), coordinates, full,
                  ring.getCluster(), put.getEvictFirst(), acts);
}

void RingLowering::lowerGet(GetOp get) {
  auto ring = get.getRing().getDefiningOp<RingOp>();
  b.setInsertionPoint(get);
  auto [stage, phase] = advance(ring, get);
  Value part = i32(0);
  // Nobody else fills a slot of a local ring, or waits to do so.
  bool isLocal = ring.getRing().getType().getLocal();
  if (ring.getRing().getType().getParts() > 1)
    part = toI32(ConsumerIndexOp::create(b, loc, b.getIndexType()));
  if (!isLocal)
    ptx::waitParity(b, loc, getBarrier(ring, part, stage, 0), phase);
  Value address = getPartAddress(ring, part, stage);
  Value empty = isLocal ? i32(0) : getBarrier(ring, part, stage, 1);
  Value slot =
      SlotAtOp::create(b, loc, get.getSlot().getType(), address, empty);
  get.getSlot().replaceAllUsesWith(slot);
  get.erase();
}

void RingLowering::lowerAwaitFirst(AwaitFirstOp await) {
  b.setInsertionPoint(await);
  auto ifOp = scf::IfOp::create(b, loc, await.getCondition(),
                                /*withElseRegion=*/false);
  b.setInsertionPointToStart(ifOp.thenBlock());
  auto ring = await.getRing().getDefiningOp<RingOp>();
  Value zero = i32(0);
  for (int64_t part = 0; part < ring.getRing().getType().getParts(); ++part)
    ptx::waitParity(b, loc, getBarrier(ring, i32(part), zero, 0), zero);
  await.erase();
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
