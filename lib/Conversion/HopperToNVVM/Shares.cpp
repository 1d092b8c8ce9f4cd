//===- Shares.cpp - Shares of partial sums --------------------------------===//
//
/// \file
/// sum_shares, and store_partial that leaves out a share, on the threads of a
/// consumer. A unit is the four elements that a thread has of one of its rows
/// in 16 columns: two in each of two groups of 8. It lies in memory as 16
/// bytes, and is stored and loaded by threads of the same number: nothing is
/// traded between lanes but sums. Unit u = 2 * columns / 16 + row / 8 mod 2
/// belongs to share u mod P.
//
//===----------------------------------------------------------------------===//

#include "Constants.h"
#include "Fragment.h"
#include "IndexBuilder.h"
#include "PTX.h"
#include "Pieces.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::hopper;

static constexpr int64_t kUnitBytes = 16;
static constexpr int64_t kUnitColumns = 16;

static Value isEqual(IndexBuilder i, Value lhs, Value rhs) {
  return arith::CmpIOp::create(i.b, i.loc, arith::CmpIPredicate::eq, lhs, rhs);
}

static Value select(IndexBuilder i, Value condition, Value yes, Value no) {
  return arith::SelectOp::create(i.b, i.loc, condition, yes, no);
}

static Value both(IndexBuilder i, Value lhs, Value rhs) {
  return arith::AndIOp::create(i.b, i.loc, lhs, rhs);
}

/// Unit `unit` of the elements of a fragment.
static SmallVector<Value> getUnit(ValueRange values, int64_t unit) {
  int64_t group = unit / 2 * 2, row = unit % 2;
  SmallVector<Value> four(values.slice(4 * group + 2 * row, 2));
  llvm::append_range(four, values.slice(4 * (group + 1) + 2 * row, 2));
  return four;
}

namespace {
/// Where the units of a thread lie in the partial sums of a piece. A tile whose
/// rows all exist has its place to itself: units one after another, each of 128
/// times 16 bytes, so that warps fill whole lines. Of another tile, each row
/// lies where it does in the tensor.
class UnitPlaces {
public:
  /// Of the tile of `height` rows from row `row` on of piece `piece`.
  UnitPlaces(IndexBuilder i, Value partials, Value piece, Value batch,
             Value head, Value row, Value like, int64_t height,
             Value rowOfThread);

  /// The address of a unit, of the first or second row of the thread.
  Value get(Value column, Value isSecond);
  Value get(int64_t unit);

private:
  IndexBuilder i;
  Value first;    ///< Address of unit 0.
  Value toSecond; ///< Bytes to unit 1, in the second row of the thread.
  Value toNext;   ///< Bytes to unit 2, in the next 16 columns.
};
} // namespace

UnitPlaces::UnitPlaces(IndexBuilder i, Value partials, Value piece, Value batch,
                       Value head, Value row, Value like, int64_t height,
                       Value rowOfThread)
    : i(i) {
  int64_t rowBytes =
      cast<MemRefType>(like.getType()).getDimSize(3) * sizeof(float);
  Value end = i.add(row, i.get(height));
  Value isWhole = arith::CmpIOp::create(i.b, i.loc, arith::CmpIPredicate::ule,
                                        end, i.dim(like, 2));
  Value thread = i.rem(gpu::ThreadIdOp::create(i.b, i.loc, gpu::Dimension::x),
                       kWarpgroupThreads);
  Value at = getPartial(i, partials, piece, batch, head,
                        select(i, isWhole, row, rowOfThread), like);
  first = i.add(
      at, i.mul(select(i, isWhole, thread, i.rem(thread, 4)), kUnitBytes));
  constexpr int64_t bytesOfAll = kWarpgroupThreads * kUnitBytes;
  toSecond = select(i, isWhole, i.get(bytesOfAll), i.get(8 * rowBytes));
  toNext = select(i, isWhole, i.get(2 * bytesOfAll),
                  i.get(kUnitColumns * sizeof(float)));
}

Value UnitPlaces::get(int64_t unit) {
  Value at = unit % 2 ? i.add(first, toSecond) : first;
  return unit < 2 ? at : i.add(at, i.mul(toNext, unit / 2));
}

Value UnitPlaces::get(Value column, Value isSecond) {
  Value at = i.add(first, i.mul(column, toNext));
  return i.add(at, select(i, isSecond, toSecond, i.get(0)));
}

void hopper::storeShares(IndexBuilder i, StorePartialOp op, ValueRange values) {
  int64_t pieces = op.getPieces(), units = values.size() / 4;
  auto rows = getFragmentRows(i.b, i.loc, op.getLike(), op.getRow());
  UnitPlaces places(i, op.getPartials(), op.getPiece(), op.getBatch(),
                    op.getHead(), op.getRow(), op.getLike(),
                    op.getValue().getType().getDimSize(0), rows.front().index);
  // Of each share, whether it is stored.
  SmallVector<Value> stored;
  for (int64_t share = 0; share < std::min(pieces, units); ++share)
    stored.push_back(arith::CmpIOp::create(i.b, i.loc, arith::CmpIPredicate::ne,
                                           op.getExcept(), i.get(share)));
  for (int64_t unit = 0; unit < units; ++unit)
    ptx::storeVectorIf(i.b, i.loc, i.toPointer(places.get(unit)),
                       getUnit(values, unit),
                       both(i, rows[unit % 2].inside, stored[unit % pieces]));
}

namespace {
/// One unit that a thread adds up.
struct Unit {
  Value number;           ///< index
  Value exists;           ///< i1, or null: it does
  SmallVector<Value> own; ///< What the piece itself has, or empty.
};

struct SumsOfShares : OpConversionPattern<SumSharesOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(SumSharesOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override;
};

/// Adds up units of one hopper.sum_shares.
class UnitSum {
public:
  UnitSum(OpBuilder &b, SumSharesOp op);

  void sum(ArrayRef<Unit> units);
  int64_t countUnits() const { return width / kUnitColumns * 2; }

private:
  IndexBuilder i;
  SumSharesOp op;
  int64_t width;
  SmallVector<FragmentRow, 2> rows;
  UnitPlaces places;  ///< In piece 0.
  Value bytesOfPiece; ///< From one piece to the next.
  Value isOdd, column;
};
} // namespace

UnitSum::UnitSum(OpBuilder &b, SumSharesOp op)
    : i{b, op.getLoc()}, op(op),
      width(cast<MemRefType>(op.getDest().getType()).getDimSize(3)),
      rows(getFragmentRows(b, i.loc, op.getDest(), op.getRow())),
      places(i, op.getPartials(), i.get(0), op.getBatch(), op.getHead(),
             op.getRow(), op.getDest(), op.getValue().getType().getDimSize(0),
             rows.front().index) {
  Value dest = op.getDest();
  bytesOfPiece = i.mul(i.mul(i.dim(dest, 0), i.dim(dest, 1)),
                       i.mul(i.dim(dest, 2), 4 * width));
  // After a trade, see pairColumns.
  Value lane = arith::IndexCastUIOp::create(b, i.loc, b.getIndexType(),
                                            getLane(b, i.loc));
  isOdd = isEqual(i, i.rem(lane, 2), i.get(1));
  column = i.add(i.mul(i.rem(lane, 2), 8), i.mul(i.div(i.rem(lane, 4), 2), 4));
}

void UnitSum::sum(ArrayRef<Unit> units) {
  OpBuilder &b = i.b;
  int64_t pieces = op.getPieces();
  SmallVector<FragmentRow> rowOf;
  SmallVector<Value> addresses;
  for (const Unit &unit : units) {
    Value isSecond = isEqual(i, i.rem(unit.number, 2), i.get(1));
    FragmentRow row = {select(i, isSecond, rows[1].index, rows[0].index),
                       select(i, isSecond, rows[1].inside, rows[0].inside)};
    if (unit.exists)
      row.inside = both(i, row.inside, unit.exists);
    addresses.push_back(places.get(i.div(unit.number, 2), isSecond));
    rowOf.push_back(row);
  }
  Value zero = arith::ConstantOp::create(b, i.loc, b.getF32FloatAttr(0));
  SmallVector<SmallVector<Value>> totals(units.size());
  for (int64_t begin = 0; begin < pieces; begin += kLoadsAhead) {
    int64_t end = std::min(begin + kLoadsAhead, pieces);
    SmallVector<SmallVector<Value>> loaded;
    for (auto [n, unit] : llvm::enumerate(units))
      for (int64_t piece = begin; piece < end; ++piece) {
        Value loads = rowOf[n].inside;
        SmallVector<Value> values(4, zero);
        if (!unit.own.empty()) {
          Value isOther = arith::CmpIOp::create(
              b, i.loc, arith::CmpIPredicate::ne, op.getPiece(), i.get(piece));
          loads = both(i, loads, isOther);
          values = unit.own;
        }
        loaded.push_back(ptx::loadShared4If(b, i.loc, i.toPointer(addresses[n]),
                                            values, loads));
        addresses[n] = i.add(addresses[n], bytesOfPiece);
      }
    for (auto [n, values] : llvm::enumerate(loaded))
      addTo(b, i.loc, totals[n / (end - begin)], values);
  }
  for (auto [n, unit] : llvm::enumerate(units)) {
    ValueRange total = totals[n];
    SmallVector<Value> paired =
        pairColumns(b, i.loc, isOdd, total.take_front(2), total.drop_front(2));
    OpBuilder::InsertionGuard guard(b);
    auto ifOp = scf::IfOp::create(b, i.loc, rowOf[n].inside,
                                  /*withElseRegion=*/false);
    b.setInsertionPointToStart(ifOp.thenBlock());
    Value at = i.add(i.mul(i.div(unit.number, 2), kUnitColumns), column);
    storeSum(b, i.loc, op.getDest(), op.getBatch(), op.getHead(),
             rowOf[n].index, at, paired, op.getAccumulate());
  }
}

LogicalResult
SumsOfShares::matchAndRewrite(SumSharesOp op, OneToNOpAdaptor adaptor,
                              ConversionPatternRewriter &rewriter) const {
  Location loc = op.getLoc();
  IndexBuilder i{rewriter, loc};
  ValueRange values = adaptor.getValue();
  UnitSum sum(rewriter, op);
  int64_t pieces = op.getPieces(), units = sum.countUnits();
  auto ifOp =
      scf::IfOp::create(rewriter, loc, isEqual(i, op.getStep(), i.get(pieces)),
                        /*withElseRegion=*/true);
  // One share: as many units together as the loads of all their pieces allow.
  rewriter.setInsertionPointToStart(ifOp.thenBlock());
  int64_t most = llvm::divideCeil(units, pieces);
  int64_t together = std::max<int64_t>(kLoadsAhead / pieces, 1);
  SmallVector<Value> isPiece;
  for (int64_t piece = 0; piece < pieces; ++piece)
    isPiece.push_back(isEqual(i, op.getFirst(), i.get(piece)));
  for (int64_t begin = 0; begin < most; begin += together) {
    SmallVector<Unit> batch;
    for (int64_t k = begin; k < std::min(begin + together, most); ++k) {
      Unit unit;
      unit.number = i.add(op.getFirst(), i.get(k * pieces));
      if ((k + 1) * pieces > units)
        unit.exists = i.less(unit.number, i.get(units));
      unit.own = getUnit(values, k * pieces);
      for (int64_t n = k * pieces + 1; n < std::min(units, (k + 1) * pieces);
           ++n)
        for (auto [own, value] : llvm::zip(unit.own, getUnit(values, n)))
          own = select(i, isPiece[n % pieces], value, own);
      batch.push_back(std::move(unit));
    }
    sum.sum(batch);
  }
  // All of them, or none, when all are in memory.
  rewriter.setInsertionPointToStart(ifOp.elseBlock());
  auto loop = scf::ForOp::create(rewriter, loc, op.getFirst(), i.get(units),
                                 op.getStep());
  rewriter.setInsertionPointToStart(loop.getBody());
  Unit unit;
  unit.number = loop.getInductionVar();
  sum.sum(unit);
  rewriter.eraseOp(op);
  return success();
}

void hopper::populateSharePatterns(const TypeConverter &converter,
                                   RewritePatternSet &patterns) {
  patterns.add<SumsOfShares>(converter, patterns.getContext());
}
