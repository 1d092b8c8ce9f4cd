//===- Shares.cpp - Shares of partial sums --------------------------------===//
//
/// \file
/// sum_shares, and store_partial that leaves out a share, on the threads of a
/// consumer: shares through global memory.
//
//===----------------------------------------------------------------------===//

#include "Constants.h"
#include "Fragment.h"
#include "IndexBuilder.h"
#include "PTX.h"
#include "Pieces.h"
#include "Units.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::hopper;

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
  Value thread = getThreadOfWarpgroup(i);
  Value at = getPartial(i, partials, piece, batch, head,
                        i.select(isWhole, row, rowOfThread), like);
  first = i.add(
      at, i.mul(i.select(isWhole, thread, i.rem(thread, 4)), kThreadUnitBytes));
  toSecond = i.select(isWhole, i.get(kUnitBytes), i.get(8 * rowBytes));
  toNext = i.select(isWhole, i.get(2 * kUnitBytes),
                    i.get(kUnitColumns * sizeof(float)));
}

Value UnitPlaces::get(int64_t unit) {
  Value at = unit % 2 ? i.add(first, toSecond) : first;
  return unit < 2 ? at : i.add(at, i.mul(toNext, unit / 2));
}

Value UnitPlaces::get(Value column, Value isSecond) {
  Value at = i.add(first, i.mul(column, toNext));
  return i.add(at, i.select(isSecond, toSecond, i.get(0)));
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
                       i.both(rows[unit % 2].inside, stored[unit % pieces]));
}

namespace {
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

  /// All in memory where they have no `own`.
  void sum(ArrayRef<UnitOfShare> units);

private:
  IndexBuilder i;
  SumSharesOp op;
  UnitStore result;
  UnitPlaces places;  ///< In piece 0.
  Value bytesOfPiece; ///< From one piece to the next.
};
} // namespace

UnitSum::UnitSum(OpBuilder &b, SumSharesOp op)
    : i{b, op.getLoc()}, op(op),
      result(i, op.getDest(), op.getBatch(), op.getHead(), op.getRow(),
             op.getAccumulate()),
      places(i, op.getPartials(), i.get(0), op.getBatch(), op.getHead(),
             op.getRow(), op.getDest(), op.getValue().getType().getDimSize(0),
             result.getRow(0).index) {
  Value dest = op.getDest();
  int64_t width = cast<MemRefType>(dest.getType()).getDimSize(3);
  bytesOfPiece = i.mul(i.mul(i.dim(dest, 0), i.dim(dest, 1)),
                       i.mul(i.dim(dest, 2), 4 * width));
}

void UnitSum::sum(ArrayRef<UnitOfShare> units) {
  OpBuilder &b = i.b;
  int64_t pieces = op.getPieces();
  SmallVector<FragmentRow> rowOf;
  SmallVector<Value> addresses;
  for (const UnitOfShare &unit : units) {
    rowOf.push_back(result.getRow(unit.number, unit.exists));
    Value isSecond = i.equal(i.rem(unit.number, 2), i.get(1));
    addresses.push_back(places.get(i.div(unit.number, 2), isSecond));
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
          loads = i.both(loads, isOther);
          values = unit.own;
        }
        loaded.push_back(ptx::loadShared4If(b, i.loc, i.toPointer(addresses[n]),
                                            values, loads));
        addresses[n] = i.add(addresses[n], bytesOfPiece);
      }
    for (auto [n, values] : llvm::enumerate(loaded))
      addTo(b, i.loc, totals[n / (end - begin)], values);
  }
  for (auto [n, unit] : llvm::enumerate(units))
    result.store(unit.number, rowOf[n], totals[n]);
}

LogicalResult
SumsOfShares::matchAndRewrite(SumSharesOp op, OneToNOpAdaptor adaptor,
                              ConversionPatternRewriter &rewriter) const {
  Location loc = op.getLoc();
  IndexBuilder i{rewriter, loc};
  ValueRange values = adaptor.getValue();
  UnitSum sum(rewriter, op);
  int64_t pieces = op.getPieces(), units = values.size() / 4;
  auto ifOp =
      scf::IfOp::create(rewriter, loc, i.equal(op.getStep(), i.get(pieces)),
                        /*withElseRegion=*/true);
  // One share: as many units together as the loads of all their pieces allow.
  rewriter.setInsertionPointToStart(ifOp.thenBlock());
  int64_t most = llvm::divideCeil(units, pieces);
  int64_t together = std::max<int64_t>(kLoadsAhead / pieces, 1);
  for (int64_t begin = 0; begin < most; begin += together) {
    SmallVector<UnitOfShare> batch;
    for (int64_t k = begin; k < std::min(begin + together, most); ++k)
      batch.push_back(getUnitOfShare(i, values, op.getFirst(), pieces, k));
    sum.sum(batch);
  }
  // All of them, or none, when all are in memory.
  rewriter.setInsertionPointToStart(ifOp.elseBlock());
  auto loop = scf::ForOp::create(rewriter, loc, op.getFirst(), i.get(units),
                                 op.getStep());
  rewriter.setInsertionPointToStart(loop.getBody());
  sum.sum(UnitOfShare{loop.getInductionVar(), Value(), {}});
  rewriter.eraseOp(op);
  return success();
}

void hopper::populateSharePatterns(const TypeConverter &converter,
                                   RewritePatternSet &patterns) {
  patterns.add<SumsOfShares>(converter, patterns.getContext());
}
