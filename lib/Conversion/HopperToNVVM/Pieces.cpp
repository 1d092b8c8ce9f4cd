//===- Pieces.cpp - Partial sums of several blocks ------------------------===//
//
/// \file
/// store_partial, meet and sum_partials on the threads of consumer warpgroups.
/// Partial sums lie in memory as [piece, batch, head, row, column]; 128 threads
/// add up 4 columns each, neighbours taking neighbouring ones.
//
//===----------------------------------------------------------------------===//

#include "Pieces.h"
#include "Constants.h"
#include "Fragment.h"
#include "IndexBuilder.h"
#include "PTX.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::hopper;

Value hopper::getPartial(IndexBuilder i, Value partials, Value piece,
                         Value batch, Value head, Value row, Value like) {
  Value at = i.add(i.mul(piece, i.dim(like, 0)), batch);
  at = i.add(i.mul(at, i.dim(like, 1)), head);
  at = i.add(i.mul(at, i.dim(like, 2)), row);
  int64_t width = cast<MemRefType>(like.getType()).getDimSize(3);
  return i.add(partials, i.mul(at, width * sizeof(float)));
}

//===----------------------------------------------------------------------===//
// Meeting
//===----------------------------------------------------------------------===//

/// The address of the counter of `consumer` (i32) at `tile`.
static Value getCounter(IndexBuilder i, Value counters, Value tile,
                        int64_t consumers, Value consumer) {
  Value number = i.add(
      i.mul(tile, consumers),
      arith::IndexCastUIOp::create(i.b, i.loc, i.b.getIndexType(), consumer));
  return i.toPointer(i.add(counters, i.mul(number, sizeof(int64_t))));
}

/// Whether this is the thread that counts for its consumer.
static Value countsForAll(IndexBuilder i) {
  Value thread = gpu::ThreadIdOp::create(i.b, i.loc, gpu::Dimension::x);
  return arith::CmpIOp::create(i.b, i.loc, arith::CmpIPredicate::eq,
                               i.rem(thread, kWarpgroupThreads), i.get(0));
}

void hopper::lowerArrivals(IRRewriter &rewriter, ArrivalsOp arrivals,
                           int64_t consumers, Value consumer) {
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPoint(arrivals);
  Location loc = arrivals.getLoc();
  IndexBuilder i{rewriter, loc};
  Value counter = getCounter(i, arrivals.getCounters(), arrivals.getTile(),
                             consumers, consumer);
  Value count = ptx::loadCountIf(rewriter, loc, counter, countsForAll(i));
  rewriter.replaceOpWithNewOp<arith::IndexCastUIOp>(
      arrivals, rewriter.getIndexType(), count);
}

/// All pieces are there at once: waits for `count` to reach the end of its
/// round.
static void waitForPieces(IndexBuilder i, MeetOp meet, Value counter) {
  int64_t pieces = meet.getPieces();
  // Counts only grow: every launch adds as many as there are pieces.
  Value all = i.mul(i.add(i.div(meet.getCount(), pieces), i.get(1)), pieces);
  ptx::arrive(i.b, i.loc, counter);
  ptx::awaitCount(
      i.b, i.loc, counter,
      arith::IndexCastUIOp::create(i.b, i.loc, i.b.getI64Type(), all));
}

/// Arrives; i1: as the last of all pieces.
static Value arriveAsLast(IndexBuilder i, MeetOp meet, Value counter) {
  Value before = arith::IndexCastUIOp::create(
      i.b, i.loc, i.b.getIndexType(), ptx::countArrival(i.b, i.loc, counter));
  return arith::CmpIOp::create(i.b, i.loc, arith::CmpIPredicate::eq,
                               i.rem(i.add(before, i.get(1)), meet.getPieces()),
                               i.get(0));
}

void hopper::lowerMeet(IRRewriter &rewriter, MeetOp meet, int64_t consumers,
                       Value consumer) {
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPoint(meet);
  Location loc = meet.getLoc();
  IndexBuilder i{rewriter, loc};
  Value barrier = getConsumerBarrier(rewriter, loc, consumer);
  Value isResident = arith::CmpIOp::create(
      rewriter, loc, arith::CmpIPredicate::ne, meet.getResident(), i.get(0));
  Value counter =
      getCounter(i, meet.getCounters(), meet.getTile(), consumers, consumer);
  Value counts = countsForAll(i);

  // All stores of the consumer are in front of its arrival.
  ptx::syncNamedBarrier(rewriter, loc, barrier, kWarpgroupThreads);
  Type index = rewriter.getIndexType();
  auto ifOp = scf::IfOp::create(rewriter, loc, TypeRange{index, index},
                                isResident, /*withElseRegion=*/true);
  {
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPointToStart(ifOp.thenBlock());
    auto one = scf::IfOp::create(rewriter, loc, counts,
                                 /*withElseRegion=*/false);
    rewriter.setInsertionPointToStart(one.thenBlock());
    waitForPieces(i, meet, counter);
    rewriter.setInsertionPointAfter(one);
    ptx::syncNamedBarrier(rewriter, loc, barrier, kWarpgroupThreads);
    scf::YieldOp::create(rewriter, loc,
                         ValueRange{meet.getPiece(), i.get(meet.getPieces())});

    rewriter.setInsertionPointToStart(ifOp.elseBlock());
    auto last = scf::IfOp::create(rewriter, loc, rewriter.getI1Type(), counts,
                                  /*withElseRegion=*/true);
    rewriter.setInsertionPointToStart(last.thenBlock());
    scf::YieldOp::create(rewriter, loc, arriveAsLast(i, meet, counter));
    rewriter.setInsertionPointToStart(last.elseBlock());
    Value no =
        arith::ConstantOp::create(rewriter, loc, rewriter.getBoolAttr(false));
    scf::YieldOp::create(rewriter, loc, no);
    rewriter.setInsertionPointAfter(last);
    Value isLast = ptx::anyAtNamedBarrier(rewriter, loc, barrier,
                                          kWarpgroupThreads, last.getResult(0));
    // No tile has as many rows as this.
    Value none = i.get(int64_t(1) << 20);
    Value first =
        arith::SelectOp::create(rewriter, loc, isLast, i.get(0), none);
    scf::YieldOp::create(rewriter, loc, ValueRange{first, i.get(1)});
  }
  rewriter.replaceOp(meet, ifOp.getResults());
}

//===----------------------------------------------------------------------===//
// Storing and adding
//===----------------------------------------------------------------------===//

/// Stores the elements of a transposed tile one by one: eight lanes fill a
/// sector.
static void storeTransposedPartial(IndexBuilder i, StorePartialOp op,
                                   ValueRange values) {
  int64_t columns = op.getValue().getType().getDimSize(1);
  int64_t width = cast<MemRefType>(op.getLike().getType()).getDimSize(3);
  TransposedPlace at = getTransposedPlace(i.b, i.loc, op.getLike(), op.getRow(),
                                          Value(), columns);
  Value address = getPartial(i, op.getPartials(), op.getPiece(), op.getBatch(),
                             op.getHead(), at.rows.front().index, op.getLike());
  Value pointer = i.toPointer(i.add(address, i.mul(at.column, sizeof(float))));
  for (auto [n, value] : llvm::enumerate(values)) {
    FragmentPlace place = getFragmentPlace(n, columns);
    Value stores = at.getRow(place).inside;
    if (Value inside = at.isColumnInside(i.b, i.loc, op.getLike(), place))
      stores = arith::AndIOp::create(i.b, i.loc, stores, inside);
    int64_t offset = place.column * width + place.row;
    ptx::storeVectorIf(i.b, i.loc, i.offset(pointer, offset * sizeof(float)),
                       value, stores);
  }
}

namespace {
struct StoresOfPartial : OpConversionPattern<StorePartialOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(StorePartialOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    IndexBuilder i{rewriter, loc};
    ValueRange values = adaptor.getValue();
    if (op.getTransposed()) {
      storeTransposedPartial(i, op, values);
      rewriter.eraseOp(op);
      return success();
    }
    if (op.getExcept()) {
      storeShares(i, op, values);
      rewriter.eraseOp(op);
      return success();
    }
    auto rows = getFragmentRows(rewriter, loc, op.getLike(), op.getRow());
    // Two lanes share 8 columns of each row: with one of two groups of 8 for
    // either, each stores 16 bytes.
    Value lane = getLane(rewriter, loc);
    auto isBit = [&](int64_t bit) -> Value {
      auto constant = [&](int64_t value) -> Value {
        return getI32(rewriter, loc, value);
      };
      return arith::CmpIOp::create(
          rewriter, loc, arith::CmpIPredicate::ne,
          arith::AndIOp::create(rewriter, loc, lane, constant(bit)),
          constant(0));
    };
    Value isOdd = isBit(1);
    auto select = [&](Value condition, int64_t value) -> Value {
      return arith::SelectOp::create(rewriter, loc, condition, i.get(value),
                                     i.get(0));
    };
    Value column = i.add(select(isOdd, 8), select(isBit(2), 4));
    for (auto [half, row] : llvm::enumerate(rows)) {
      Value address =
          getPartial(i, op.getPartials(), op.getPiece(), op.getBatch(),
                     op.getHead(), row.index, op.getLike());
      Value pointer = i.toPointer(i.add(address, i.mul(column, sizeof(float))));
      // Of each 8 columns, two elements of the first row and two of the second.
      for (size_t group = 0; group < values.size() / 4; group += 2) {
        auto getPair = [&, first = 2 * half](size_t g) {
          return values.slice(4 * g + first, 2);
        };
        ptx::storeVectorIf(rewriter, loc,
                           i.offset(pointer, group * 8 * sizeof(float)),
                           pairColumns(rewriter, loc, isOdd, getPair(group),
                                       getPair(group + 1)),
                           row.inside);
      }
    }
    rewriter.eraseOp(op);
    return success();
  }
};

struct SumsOfPartials : OpConversionPattern<SumPartialsOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(SumPartialsOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override;

private:
  static SmallVector<Value> sum(OpBuilder &b, Location loc, int64_t pieces,
                                Value pointer, Value bytesOfPiece);
};
} // namespace

/// The sum of 4 columns over the pieces, of which that at `pointer` is the
/// first.
SmallVector<Value> SumsOfPartials::sum(OpBuilder &b, Location loc,
                                       int64_t pieces, Value address,
                                       Value bytesOfPiece) {
  IndexBuilder i{b, loc};
  SmallVector<Value> total;
  for (int64_t begin = 0; begin < pieces; begin += kLoadsAhead) {
    SmallVector<SmallVector<Value>> loaded;
    for (int64_t p = begin; p < std::min(begin + kLoadsAhead, pieces); ++p) {
      loaded.push_back(ptx::loadShared4(b, loc, i.toPointer(address)));
      address = i.add(address, bytesOfPiece);
    }
    for (ArrayRef<Value> values : loaded)
      addTo(b, loc, total, values);
  }
  return total;
}

void hopper::addTo(OpBuilder &b, Location loc, SmallVector<Value> &total,
                   ArrayRef<Value> values) {
  if (total.empty()) {
    total.assign(values.begin(), values.end());
    return;
  }
  for (auto [sum, value] : llvm::zip(total, values))
    sum = arith::AddFOp::create(b, loc, sum, value);
}

void hopper::storeSum(OpBuilder &b, Location loc, Value dest, Value batch,
                      Value head, Value row, Value column,
                      MutableArrayRef<Value> values, bool accumulate) {
  IndexBuilder i{b, loc};
  Type element = cast<MemRefType>(dest.getType()).getElementType();
  SmallVector<SmallVector<Value, 4>> at;
  for (int64_t k = 0; k < kSumColumns; ++k)
    at.push_back({batch, head, row, i.add(column, i.get(k))});
  if (accumulate)
    for (auto [value, indices] : llvm::zip(values, at)) {
      Value old = memref::LoadOp::create(b, loc, dest, indices);
      if (!element.isF32())
        old = arith::ExtFOp::create(b, loc, b.getF32Type(), old);
      value = arith::AddFOp::create(b, loc, old, value);
    }
  if (element.isF32()) {
    for (auto [value, indices] : llvm::zip(values, at))
      memref::StoreOp::create(b, loc, value, dest, indices);
    return;
  }
  Value words[] = {ptx::pack(b, loc, values[0], values[1], element),
                   ptx::pack(b, loc, values[2], values[3], element)};
  Value always = arith::ConstantOp::create(b, loc, b.getBoolAttr(true));
  ptx::storeVectorIf(b, loc,
                     getAddress(b, loc, dest, {batch, head}, row, column),
                     words, always);
}

LogicalResult
SumsOfPartials::matchAndRewrite(SumPartialsOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const {
  Location loc = op.getLoc();
  IndexBuilder i{rewriter, loc};
  Value dest = op.getDest();
  int64_t width = cast<MemRefType>(dest.getType()).getDimSize(3);
  int64_t groups = width / kSumColumns;
  Value thread =
      i.rem(gpu::ThreadIdOp::create(rewriter, loc, gpu::Dimension::x),
            kWarpgroupThreads);
  // Row first + k * step, for the k-th `groups` of items.
  Value zero = i.get(0);
  Value tokens = i.dim(dest, 2);
  Value end = arith::MinUIOp::create(
      rewriter, loc, i.add(op.getRow(), i.get(op.getRows())), tokens);
  Value begin = i.add(op.getRow(), op.getFirst());
  Value left = arith::SelectOp::create(
      rewriter, loc, i.less(begin, end),
      arith::SubIOp::create(rewriter, loc, end, begin), zero);
  Value up = arith::SubIOp::create(rewriter, loc, op.getStep(), i.get(1));
  // A division of 32 bits: this is in the way of the very last bytes.
  auto toI32 = [&](Value value) -> Value {
    return arith::IndexCastOp::create(rewriter, loc, rewriter.getI32Type(),
                                      value);
  };
  Value rows = arith::IndexCastUIOp::create(
      rewriter, loc, rewriter.getIndexType(),
      arith::DivUIOp::create(rewriter, loc, toI32(i.add(left, up)),
                             toI32(op.getStep())));
  Value bytesOfPiece =
      i.mul(i.mul(i.dim(dest, 0), i.dim(dest, 1)), i.mul(tokens, 4 * width));
  auto loop = scf::ForOp::create(rewriter, loc, thread, i.mul(rows, groups),
                                 i.get(kWarpgroupThreads));
  rewriter.setInsertionPointToStart(loop.getBody());
  Value item = loop.getInductionVar();
  Value row = i.add(begin, i.mul(i.div(item, groups), op.getStep()));
  Value column = i.mul(i.rem(item, groups), kSumColumns);
  Value address = i.add(getPartial(i, op.getPartials(), zero, op.getBatch(),
                                   op.getHead(), row, dest),
                        i.mul(column, sizeof(float)));
  SmallVector<Value> values =
      sum(rewriter, loc, op.getPieces(), address, bytesOfPiece);
  storeSum(rewriter, loc, dest, op.getBatch(), op.getHead(), row, column,
           values, op.getAccumulate());
  rewriter.eraseOp(op);
  return success();
}

void hopper::populatePiecePatterns(const TypeConverter &converter,
                                   RewritePatternSet &patterns) {
  patterns.add<StoresOfPartial, SumsOfPartials>(converter,
                                                patterns.getContext());
  populateSharePatterns(converter, patterns);
}
