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
  Value both(Value x, Value y) { return arith::AndIOp::create(b, loc, x, y); }
  Value select(Value condition, Value yes, Value no) {
    return arith::SelectOp::create(b, loc, condition, yes, no);
  }
};

/// What remains of whole waves, and who has a part of it; names are those of
/// StreamWork.
struct Rest {
  Value steps, sharers;
};

/// A cluster's part of it, in steps of the rest: of tile `ended` from `from`
/// on, and of tile `begun`, which starts at `beginStart`, from `beginFirst` to
/// `to`.
struct Share {
  Share(Words w, Rest rest, Value cluster, Value steps);

  Value from, to, begun, ended, beginStart, beginFirst;
};

/// The grid in clusters, which share as blocks would.
struct Clusters {
  Clusters(Words w, int64_t size);

  int64_t size;
  Value count, number, rank;
};
} // namespace

Share::Share(Words w, Rest rest, Value cluster, Value steps) {
  auto getStart = [&](Value cluster) {
    return w.div(w.mul(w.min(cluster, rest.sharers), rest.steps), rest.sharers);
  };
  from = getStart(cluster);
  to = getStart(w.add(cluster, w.get(1)));
  begun = w.div(to, steps);
  ended = w.div(from, steps);
  beginStart = w.mul(begun, steps);
  beginFirst = w.max(from, beginStart);
}

Clusters::Clusters(Words w, int64_t size) : size(size) {
  count = w.take(gpu::GridDimOp::create(w.b, w.loc, gpu::Dimension::x));
  number = w.take(gpu::BlockIdOp::create(w.b, w.loc, gpu::Dimension::x));
  if (size == 1)
    return;
  Value block = number;
  count = w.div(count, w.get(size));
  number = w.div(block, w.get(size));
  rank = w.sub(block, w.mul(number, w.get(size)));
}

/// Of `left` tiles, which are shared if any are.
static Rest getRest(Words w, Value left, int64_t steps, Value clusters) {
  return {
      w.mul(left, w.get(steps)),
      w.min(clusters, w.mul(left, w.get(std::min(kMaxStreamParts, steps))))};
}

/// Tiles for each cluster together, of so many in all.
static Value getTiles(Words w, Value tiles, int64_t cluster) {
  Value words = w.take(tiles);
  return cluster == 1 ? words : w.div(words, w.get(cluster));
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
    Clusters clusters(w, op.getCluster());
    Value own = clusters.number, zero = w.get(0);
    Value tiles = getTiles(w, op.getTiles(), clusters.size);
    Value whole = w.div(tiles, clusters.count);
    Value left = w.sub(tiles, w.mul(whole, clusters.count));
    Rest rest = getRest(w, left, steps, clusters.count);
    // countSharers is not 0; nothing left is 2^32 - 1.
    Value isResident =
        w.compare(arith::CmpIPredicate::ne, w.take(op.getResident()), zero);
    Value most = w.select(isResident, rest.sharers, zero);
    Value limit =
        w.mul(most, w.get(std::max<int64_t>(steps - kLeastStreamGain, 0)));
    Value shares = w.compare(arith::CmpIPredicate::ult,
                             w.sub(rest.steps, w.get(1)), limit);

    Type word = rewriter.getI32Type();
    auto ifOp = scf::IfOp::create(rewriter, loc, TypeRange{word, word}, shares,
                                  /*withElseRegion=*/true);
    rewriter.setInsertionPointToStart(ifOp.thenBlock());
    Share share(w, rest, own, w.get(steps));
    Value begins = w.less(share.beginFirst, share.to);
    Value ends = w.less(share.ended, share.begun);
    scf::YieldOp::create(
        rewriter, loc,
        ValueRange{whole, w.add(whole, w.add(w.count(begins), w.count(ends)))});

    rewriter.setInsertionPointToStart(ifOp.elseBlock());
    Value all = w.add(whole, w.count(w.less(own, left)));
    scf::YieldOp::create(rewriter, loc, ValueRange{all, all});

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
    Clusters clusters(w, op.getCluster());
    Value item = w.take(op.getItem()), whole = w.take(op.getWhole());
    Value own = clusters.number, zero = w.get(0), one = w.get(1);
    Value steps = w.get(op.getSteps());
    Value isWhole = w.less(item, whole);
    Type word = rewriter.getI32Type();
    auto ifOp =
        scf::IfOp::create(rewriter, loc, TypeRange{word, word, word, word},
                          isWhole, /*withElseRegion=*/true);
    rewriter.setInsertionPointToStart(ifOp.thenBlock());
    scf::YieldOp::create(
        rewriter, loc,
        ValueRange{w.add(own, w.mul(item, clusters.count)), zero, steps, zero});

    rewriter.setInsertionPointToStart(ifOp.elseBlock());
    Value taken = w.mul(whole, clusters.count);
    Value left = w.sub(getTiles(w, op.getTiles(), clusters.size), taken);
    Rest rest = getRest(w, left, op.getSteps(), clusters.count);
    // A loop may ask for what is behind its last item: no division by 0.
    rest = {w.max(rest.steps, one), w.max(rest.sharers, one)};
    Share share(w, rest, own, steps);
    Value endStart = w.mul(share.ended, steps);
    Value begins = w.both(w.less(share.beginFirst, share.to),
                          w.compare(arith::CmpIPredicate::eq, item, whole));
    Value endFirst = w.sub(share.from, endStart);
    // The first one whose share goes beyond the first step of the tile.
    Value past = w.mul(w.add(endStart, one), rest.sharers);
    Value giver = w.div(w.sub(w.add(past, rest.steps), one), rest.steps);
    Value hasGivers = w.less(zero, w.select(begins, zero, endFirst));
    scf::YieldOp::create(
        rewriter, loc,
        ValueRange{w.add(taken, w.select(begins, share.begun, share.ended)),
                   w.select(begins, w.sub(share.beginFirst, share.beginStart),
                            endFirst),
                   w.select(begins, w.sub(share.to, share.beginStart), steps),
                   w.select(hasGivers, w.sub(w.add(own, one), giver), zero)});

    rewriter.setInsertionPointAfter(ifOp);
    SmallVector<Value> results(ifOp.getResults());
    if (clusters.size > 1)
      results[0] =
          w.add(w.mul(results[0], w.get(clusters.size)), clusters.rank);
    replaceWithIndices(rewriter, op, results);
    return success();
  }
};
} // namespace

void hopper::populateWorkPatterns(RewritePatternSet &patterns) {
  patterns.add<ArithOfWorkRange, ArithOfWorkItem>(patterns.getContext());
}
