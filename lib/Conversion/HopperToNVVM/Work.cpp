//===- Work.cpp - Items of work to arithmetic -----------------------------===//
//
/// \file
/// computeWork of StreamK.h for a block, in 32 bits. Whole tiles, which are
/// nearly all, are not to wait for divisions.
//
//===----------------------------------------------------------------------===//

#include "Work.h"

#include "Constants.h"
#include "flashmhf/Dialect/Hopper/IR/Hopper.h"
#include "flashmhf/Dialect/Hopper/IR/StreamK.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::hopper;

namespace {
/// Builds arithmetic on i32.
struct Words {
  OpBuilder &b;
  Location loc;

  Value get(int64_t value) { return getI32(b, loc, value); }
  Value take(Value index) { return toI32(b, loc, index); }
  Value add(Value x, Value y) { return arith::AddIOp::create(b, loc, x, y); }
  Value sub(Value x, Value y) { return arith::SubIOp::create(b, loc, x, y); }
  Value mul(Value x, Value y) { return arith::MulIOp::create(b, loc, x, y); }
  Value div(Value x, Value y) { return arith::DivUIOp::create(b, loc, x, y); }
  Value min(Value x, Value y) { return arith::MinUIOp::create(b, loc, x, y); }
  Value max(Value x, Value y) { return arith::MaxSIOp::create(b, loc, x, y); }
  Value less(Value x, Value y) {
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, x, y);
  }
  Value select(Value condition, Value yes, Value no) {
    return arith::SelectOp::create(b, loc, condition, yes, no);
  }
  Value toIndex(Value word) {
    return arith::IndexCastOp::create(b, loc, b.getIndexType(), word);
  }
};

/// The share of a block; names are those of StreamWork.
struct Share {
  Value from, sharers, all;
  Value ended, endFirst, begun, beginFirst, beginLast;
  Value ends, begins; ///< i1
};
} // namespace

static Value getBlocks(Words w) {
  return w.take(gpu::GridDimOp::create(w.b, w.loc, gpu::Dimension::x));
}

static Value getBlock(Words w) {
  return w.take(gpu::BlockIdOp::create(w.b, w.loc, gpu::Dimension::x));
}

/// Of `left` tiles (i32), at most as many as `blocks`.
static Share getShare(Words w, Value left, int64_t steps, Value blocks,
                      Value block, Value resident) {
  Share share;
  Value isResident = arith::CmpIOp::create(w.b, w.loc, arith::CmpIPredicate::ne,
                                           w.take(resident), w.get(0));
  Value n = w.get(steps);
  share.all = w.mul(left, n);
  // countSharers.
  Value most =
      w.min(blocks, w.mul(left, w.get(std::min(kMaxStreamParts, steps))));
  Value pays =
      arith::CmpIOp::create(w.b, w.loc, arith::CmpIPredicate::sle, share.all,
                            w.mul(w.get(steps - kLeastStreamGain), most));
  Value shares = arith::AndIOp::create(w.b, w.loc, isResident, pays);
  share.sharers = w.max(w.select(shares, most, left), w.get(1));
  auto getStart = [&](Value block) {
    return w.div(w.mul(w.min(block, share.sharers), share.all), share.sharers);
  };
  share.from = getStart(block);
  Value to = getStart(w.add(block, w.get(1)));
  share.ended = w.div(share.from, n);
  share.endFirst = w.sub(share.from, w.mul(share.ended, n));
  share.begun = w.div(to, n);
  Value begun = w.mul(share.begun, n);
  share.beginFirst = w.max(w.sub(share.from, begun), w.get(0));
  share.beginLast = w.sub(to, begun);
  share.ends = w.less(share.ended, share.begun);
  share.begins = w.less(share.beginFirst, share.beginLast);
  return share;
}

namespace {
struct ArithOfWorkRange : OpRewritePattern<WorkRangeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(WorkRangeOp op,
                                PatternRewriter &rewriter) const override {
    Words w{rewriter, op.getLoc()};
    Value tiles = w.take(op.getTiles()), blocks = getBlocks(w);
    Value whole = w.div(tiles, blocks);
    Share share = getShare(w, w.sub(tiles, w.mul(whole, blocks)), op.getSteps(),
                           blocks, getBlock(w), op.getResident());
    auto count = [&](Value holds) -> Value {
      return arith::ExtUIOp::create(rewriter, op.getLoc(),
                                    rewriter.getI32Type(), holds);
    };
    rewriter.replaceOp(op, {w.toIndex(w.sub(w.get(0), count(share.begins))),
                            w.toIndex(whole),
                            w.toIndex(w.add(whole, count(share.ends)))});
    return success();
  }
};

struct ArithOfWorkItem : OpRewritePattern<WorkItemOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(WorkItemOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Words w{rewriter, loc};
    Value item = w.take(op.getItem()), whole = w.take(op.getWhole());
    Value blocks = getBlocks(w), block = getBlock(w), zero = w.get(0);
    Value steps = w.get(op.getSteps());
    // -1 is more than any number of tiles.
    Value isWhole = arith::CmpIOp::create(
        rewriter, loc, arith::CmpIPredicate::ult, item, whole);
    Type word = rewriter.getI32Type();
    auto ifOp =
        scf::IfOp::create(rewriter, loc, TypeRange{word, word, word, word},
                          isWhole, /*withElseRegion=*/true);
    rewriter.setInsertionPointToStart(ifOp.thenBlock());
    Value own = w.add(block, w.mul(item, blocks));
    scf::YieldOp::create(rewriter, loc, ValueRange{own, zero, steps, zero});

    rewriter.setInsertionPointToStart(ifOp.elseBlock());
    Value taken = w.mul(whole, blocks);
    Share share = getShare(w, w.sub(w.take(op.getTiles()), taken),
                           op.getSteps(), blocks, block, op.getResident());
    Value begins = w.less(item, zero);
    // The first block whose share goes beyond the first step of the tile.
    Value past =
        w.mul(w.add(w.mul(share.ended, steps), w.get(1)), share.sharers);
    Value up = w.sub(w.add(past, share.all), w.get(1));
    Value before = w.div(up, w.max(share.all, w.get(1)));
    Value givers = w.select(w.less(zero, share.endFirst),
                            w.sub(w.add(block, w.get(1)), before), zero);
    scf::YieldOp::create(
        rewriter, loc,
        ValueRange{w.add(taken, w.select(begins, share.begun, share.ended)),
                   w.select(begins, share.beginFirst, share.endFirst),
                   w.select(begins, share.beginLast, steps),
                   w.select(begins, zero, givers)});

    rewriter.setInsertionPointAfter(ifOp);
    SmallVector<Value> results;
    for (Value result : ifOp.getResults())
      results.push_back(w.toIndex(result));
    rewriter.replaceOp(op, results);
    return success();
  }
};
} // namespace

void hopper::populateWorkPatterns(RewritePatternSet &patterns) {
  patterns.add<ArithOfWorkRange, ArithOfWorkItem>(patterns.getContext());
}
