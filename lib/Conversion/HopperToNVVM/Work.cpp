//===- Work.cpp - Items of work to arithmetic -----------------------------===//
//
/// \file
/// computeWork of StreamK.h for a block, in 32 bits. Whole tiles, which are
/// nearly all, wait for one division, and where none are shared that is all.
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
  Value compare(arith::CmpIPredicate how, Value x, Value y) {
    return arith::CmpIOp::create(b, loc, how, x, y);
  }
  Value less(Value x, Value y) {
    return compare(arith::CmpIPredicate::slt, x, y);
  }
  /// 1 where `condition` holds, else 0.
  Value count(Value condition) {
    return arith::ExtUIOp::create(b, loc, b.getI32Type(), condition);
  }
  Value select(Value condition, Value yes, Value no) {
    return arith::SelectOp::create(b, loc, condition, yes, no);
  }
};

/// What remains of whole waves, and who has a part of it; names are those of
/// StreamWork.
struct Rest {
  Value steps, sharers;
  /// Where the share of a block begins.
  Value getStart(Words w, Value block) const {
    return w.div(w.mul(w.min(block, sharers), steps), sharers);
  }
};
} // namespace

static Value getBlocks(Words w) {
  return w.take(gpu::GridDimOp::create(w.b, w.loc, gpu::Dimension::x));
}

static Value getBlock(Words w) {
  return w.take(gpu::BlockIdOp::create(w.b, w.loc, gpu::Dimension::x));
}

/// Of `left` tiles, which are shared if any are.
static Rest getRest(Words w, Value left, int64_t steps, Value blocks) {
  return {w.mul(left, w.get(steps)),
          w.min(blocks, w.mul(left, w.get(std::min(kMaxStreamParts, steps))))};
}

static void replaceWithIndices(PatternRewriter &rewriter, Operation *op,
                               ValueRange words) {
  SmallVector<Value> results;
  for (Value word : words)
    results.push_back(arith::IndexCastOp::create(
        rewriter, op->getLoc(), rewriter.getIndexType(), word));
  rewriter.replaceOp(op, results);
}

namespace {
struct ArithOfWorkRange : OpRewritePattern<WorkRangeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(WorkRangeOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Words w{rewriter, loc};
    int64_t steps = op.getSteps();
    Value blocks = getBlocks(w), block = getBlock(w), zero = w.get(0);
    Value tiles = w.take(op.getTiles()), whole = w.div(tiles, blocks);
    Value left = w.sub(tiles, w.mul(whole, blocks));
    Rest rest = getRest(w, left, steps, blocks);
    // countSharers is not 0; nothing left is 2^32 - 1.
    Value isResident =
        w.compare(arith::CmpIPredicate::ne, w.take(op.getResident()), zero);
    Value most = w.select(isResident, rest.sharers, zero);
    Value limit =
        w.mul(most, w.get(std::max<int64_t>(steps - kLeastStreamGain, 0)));
    Value shares = w.compare(arith::CmpIPredicate::ult,
                             w.sub(rest.steps, w.get(1)), limit);

    Type word = rewriter.getI32Type();
    auto ifOp = scf::IfOp::create(rewriter, loc, TypeRange{word, word, word},
                                  shares, /*withElseRegion=*/true);
    rewriter.setInsertionPointToStart(ifOp.thenBlock());
    Value from = rest.getStart(w, block);
    Value to = rest.getStart(w, w.add(block, w.get(1)));
    Value begun = w.div(to, w.get(steps));
    Value first = w.max(from, w.mul(begun, w.get(steps)));
    Value begin = w.sub(zero, w.count(w.less(first, to)));
    Value ends = w.count(w.less(w.div(from, w.get(steps)), begun));
    scf::YieldOp::create(rewriter, loc,
                         ValueRange{begin, whole, w.add(whole, ends)});

    rewriter.setInsertionPointToStart(ifOp.elseBlock());
    Value all = w.add(whole, w.count(w.less(block, left)));
    scf::YieldOp::create(rewriter, loc, ValueRange{zero, all, all});

    rewriter.setInsertionPointAfter(ifOp);
    replaceWithIndices(rewriter, op, ifOp.getResults());
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
    Value isWhole = w.compare(arith::CmpIPredicate::ult, item, whole);
    Type word = rewriter.getI32Type();
    auto ifOp =
        scf::IfOp::create(rewriter, loc, TypeRange{word, word, word, word},
                          isWhole, /*withElseRegion=*/true);
    rewriter.setInsertionPointToStart(ifOp.thenBlock());
    Value own = w.add(block, w.mul(item, blocks));
    scf::YieldOp::create(rewriter, loc, ValueRange{own, zero, steps, zero});

    rewriter.setInsertionPointToStart(ifOp.elseBlock());
    Value taken = w.mul(whole, blocks);
    Rest rest =
        getRest(w, w.sub(w.take(op.getTiles()), taken), op.getSteps(), blocks);
    // A loop may ask for what is behind its last item: no division by 0.
    rest = {w.max(rest.steps, w.get(1)), w.max(rest.sharers, w.get(1))};
    Value begins = w.less(item, zero);
    Value from = rest.getStart(w, block);
    Value to = rest.getStart(w, w.add(block, w.get(1)));
    Value tile = w.div(w.select(begins, to, from), steps);
    Value start = w.mul(tile, steps);
    // The end of a tile begins at from, or it is all of one.
    Value first = w.sub(w.max(from, start), start);
    // The first block whose share goes beyond the first step of the tile.
    Value past = w.mul(w.add(start, w.get(1)), rest.sharers);
    Value before = w.div(w.sub(w.add(past, rest.steps), w.get(1)), rest.steps);
    Value hasGivers = w.less(zero, w.select(begins, zero, first));
    Value givers =
        w.select(hasGivers, w.sub(w.add(block, w.get(1)), before), zero);
    scf::YieldOp::create(rewriter, loc,
                         ValueRange{w.add(taken, tile), first,
                                    w.select(begins, w.sub(to, start), steps),
                                    givers});

    rewriter.setInsertionPointAfter(ifOp);
    replaceWithIndices(rewriter, op, ifOp.getResults());
    return success();
  }
};
} // namespace

void hopper::populateWorkPatterns(RewritePatternSet &patterns) {
  patterns.add<ArithOfWorkRange, ArithOfWorkItem>(patterns.getContext());
}
