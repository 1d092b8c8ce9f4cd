//===- Units.cpp - What shares of a tile are made of ----------------------===//
//
/// \file
/// Units of a fragment, and the end of their sums: the only elements that lanes
/// trade.
//
//===----------------------------------------------------------------------===//

#include "Units.h"
#include "Pieces.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::hopper;

SmallVector<Value> hopper::getUnit(ValueRange values, int64_t unit) {
  int64_t group = unit / 2 * 2, row = unit % 2;
  SmallVector<Value> four(values.slice(4 * group + 2 * row, 2));
  llvm::append_range(four, values.slice(4 * (group + 1) + 2 * row, 2));
  return four;
}

Value hopper::getThreadOfWarpgroup(IndexBuilder i) {
  return i.rem(gpu::ThreadIdOp::create(i.b, i.loc, gpu::Dimension::x),
               kWarpgroupThreads);
}

UnitOfShare hopper::getUnitOfShare(IndexBuilder i, ValueRange values,
                                   Value share, int64_t pieces, int64_t k) {
  int64_t units = values.size() / 4, first = k * pieces;
  UnitOfShare unit;
  unit.number = i.add(share, i.get(first));
  if (first + pieces > units)
    unit.exists = i.less(unit.number, i.get(units));
  unit.own = getUnit(values, first);
  for (int64_t n = first + 1; n < std::min(units, first + pieces); ++n) {
    Value isIt = i.equal(share, i.get(n - first));
    for (auto [own, value] : llvm::zip(unit.own, getUnit(values, n)))
      own = i.select(isIt, value, own);
  }
  return unit;
}

UnitStore::UnitStore(IndexBuilder i, Value dest, Value batch, Value head,
                     Value row, bool accumulate)
    : i(i), dest(dest), batch(batch), head(head), accumulate(accumulate),
      rows(getFragmentRows(i.b, i.loc, dest, row)) {
  Value lane = arith::IndexCastUIOp::create(i.b, i.loc, i.b.getIndexType(),
                                            getLane(i.b, i.loc));
  isOdd = i.equal(i.rem(lane, 2), i.get(1));
  column = i.add(i.mul(i.rem(lane, 2), 8), i.mul(i.div(i.rem(lane, 4), 2), 4));
}

FragmentRow UnitStore::getRow(Value unit, Value exists) {
  Value isSecond = i.equal(i.rem(unit, 2), i.get(1));
  FragmentRow row = {i.select(isSecond, rows[1].index, rows[0].index),
                     i.select(isSecond, rows[1].inside, rows[0].inside)};
  if (exists)
    row.inside = i.both(row.inside, exists);
  return row;
}

void UnitStore::store(Value unit, const FragmentRow &row, ValueRange sum) {
  SmallVector<Value> paired =
      pairColumns(i.b, i.loc, isOdd, sum.take_front(2), sum.drop_front(2));
  OpBuilder::InsertionGuard guard(i.b);
  auto ifOp =
      scf::IfOp::create(i.b, i.loc, row.inside, /*withElseRegion=*/false);
  i.b.setInsertionPointToStart(ifOp.thenBlock());
  Value at = i.add(i.mul(i.div(unit, 2), kUnitColumns), column);
  storeSum(i.b, i.loc, dest, batch, head, row.index, at, paired, accumulate);
}
