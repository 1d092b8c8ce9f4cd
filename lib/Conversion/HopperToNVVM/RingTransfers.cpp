//===- RingTransfers.cpp - What is done with the slots of a ring ----------===//
//
/// \file
/// Part of hopper-lower-rings: puts become waits and TMA transfers, gets become
/// waits and addresses.
//
//===----------------------------------------------------------------------===//

#include "RingLowering.h"

#include "Fragment.h"
#include "PTX.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::hopper;

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
