//===- PushedShares.cpp - Shares of partial sums through shared memory ----===//
//
/// \file
/// push_shares and sum_pushed_shares on the threads of a consumer. A part of an
/// inbox of shares lies in memory as [sender, unit of the share, thread], where
/// senders are the other pieces in their order: what a thread sends goes to the
/// thread of its number.
//
//===----------------------------------------------------------------------===//

#include "Constants.h"
#include "PTX.h"
#include "Pieces.h"
#include "Pushes.h"
#include "Units.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::hopper;

/// i32: the address of what this thread is sent by the sender of that number
/// (i32).
static Value getPlaceOfSender(IndexBuilder i, InboxType type, Value inbox,
                              Value sender) {
  Value thread = toI32(i.b, i.loc, getThreadOfWarpgroup(i));
  return mulAdd(i.b, i.loc, sender, type.getPieceBytes(),
                mulAdd(i.b, i.loc, thread, kThreadUnitBytes, inbox));
}

static Value compare(IndexBuilder i, arith::CmpIPredicate predicate, Value lhs,
                     int64_t rhs) {
  return arith::CmpIOp::create(i.b, i.loc, predicate, lhs,
                               getI32(i.b, i.loc, rhs));
}

namespace {
struct StoresOfPushedShares : OpConversionPattern<PushSharesOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(PushSharesOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    IndexBuilder i{rewriter, loc};
    InboxType type = op.getInbox().getType();
    ValueRange values = adaptor.getValue(), inbox = adaptor.getInbox();
    int64_t pieces = type.getPieces(), units = countUnits(type.getColumns());
    Value piece = toI32(rewriter, loc, op.getPiece());
    for (int64_t owner = 0; owner < std::min(pieces, units); ++owner) {
      // Without its owner, later pieces move up.
      Value isLater = compare(i, arith::CmpIPredicate::ugt, piece, owner);
      Value sender = arith::SubIOp::create(
          rewriter, loc, piece,
          arith::ExtUIOp::create(rewriter, loc, rewriter.getI32Type(),
                                 isLater));
      Value rank = getI32(rewriter, loc, owner);
      Value address = ptx::mapToBlock(
          rewriter, loc, getPlaceOfSender(i, type, inbox[0], sender), rank);
      Value barrier = ptx::mapToBlock(rewriter, loc, inbox[1], rank);
      Value isOther = compare(i, arith::CmpIPredicate::ne, piece, owner);
      for (int64_t unit = owner; unit < units; unit += pieces)
        ptx::storeAsyncIf(rewriter, loc, address, unit / pieces * kUnitBytes,
                          getUnit(values, unit), barrier, isOther);
    }
    rewriter.eraseOp(op);
    return success();
  }
};

struct SumsOfPushedShares : OpConversionPattern<SumPushedSharesOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(SumPushedSharesOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override;
};
} // namespace

/// One thread says how much others send: as many units as the share has, each.
static void expectShares(IndexBuilder i, InboxType type, Value piece,
                         Value barrier) {
  Value up = arith::SubIOp::create(
      i.b, i.loc,
      getI32(i.b, i.loc, countUnits(type.getColumns()) + type.getPieces() - 1),
      piece);
  Value own = arith::DivUIOp::create(i.b, i.loc, up,
                                     getI32(i.b, i.loc, type.getPieces()));
  Value bytes = i.mul(own, getI32(i.b, i.loc, type.getSenders() * kUnitBytes));
  ptx::expectIf(i.b, i.loc, barrier, bytes,
                i.equal(getThreadOfWarpgroup(i), i.get(0)));
}

LogicalResult
SumsOfPushedShares::matchAndRewrite(SumPushedSharesOp op,
                                    OneToNOpAdaptor adaptor,
                                    ConversionPatternRewriter &rewriter) const {
  Location loc = op.getLoc();
  IndexBuilder i{rewriter, loc};
  InboxType type = op.getInbox().getType();
  ValueRange values = adaptor.getValue(), inbox = adaptor.getInbox();
  int64_t pieces = type.getPieces(), units = countUnits(type.getColumns());
  Value piece = toI32(rewriter, loc, op.getPiece());
  expectShares(i, type, piece, inbox[1]);
  UnitStore result(i, op.getDest(), op.getBatch(), op.getHead(), op.getRow(),
                   op.getAccumulate());
  // Of each piece, whether it is this one, and where its units are if not.
  SmallVector<Value> isOwn, places;
  for (int64_t p = 0; p < pieces; ++p) {
    isOwn.push_back(compare(i, arith::CmpIPredicate::eq, piece, p));
    Value isLater = compare(i, arith::CmpIPredicate::ult, piece, p);
    // The last of all may be this one, which has no place.
    Value sender =
        i.select(isLater, getI32(rewriter, loc, p - 1),
                 getI32(rewriter, loc, std::min(p, type.getSenders() - 1)));
    places.push_back(getPlaceOfSender(i, type, inbox[0], sender));
  }
  ptx::awaitSent(rewriter, loc, inbox[1]);
  for (int64_t k = 0; k * pieces < units; ++k) {
    UnitOfShare unit = getUnitOfShare(i, values, op.getPiece(), pieces, k);
    SmallVector<Value> total;
    for (int64_t p = 0; p < pieces; ++p) {
      SmallVector<Value> sent =
          ptx::loadSent4(rewriter, loc, places[p], k * kUnitBytes);
      for (auto [value, own] : llvm::zip(sent, unit.own))
        value = i.select(isOwn[p], own, value);
      addTo(rewriter, loc, total, sent);
    }
    result.store(unit.number, result.getRow(unit.number, unit.exists), total);
  }
  rewriter.eraseOp(op);
  return success();
}

void hopper::populatePushedSharePatterns(const TypeConverter &converter,
                                         RewritePatternSet &patterns) {
  patterns.add<StoresOfPushedShares, SumsOfPushedShares>(converter,
                                                         patterns.getContext());
}
