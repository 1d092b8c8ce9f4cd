//===- Pieces.h - Partial sums of several blocks ----------------*- C++ -*-===//

#ifndef FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_PIECES_H
#define FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_PIECES_H

#include "IndexBuilder.h"

#include "flashmhf/Dialect/Hopper/IR/Hopper.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/DialectConversion.h"

namespace mlir::hopper {

/// Columns that a thread adds up at a time: a 16-byte load for each piece.
inline constexpr int64_t kSumColumns = 4;

/// Loads of one thread that are under way together.
inline constexpr int64_t kLoadsAhead = 16;

/// The address of `partials[piece, batch, head, row, 0]`, where the sizes are
/// those of `like`.
Value getPartial(IndexBuilder i, Value partials, Value piece, Value batch,
                 Value head, Value row, Value like);

/// Stores the thread's part `values` of a tile less that of a share.
void storeShares(IndexBuilder i, StorePartialOp op, ValueRange values);

/// Adds the columns of one more piece to their sums; the first is no addition.
void addTo(OpBuilder &b, Location loc, SmallVector<Value> &total,
           ArrayRef<Value> values);

/// Stores the sums `values` of the columns from `column` on to a row of `dest`,
/// added to what is there if `accumulate`, rounded once.
void storeSum(OpBuilder &b, Location loc, Value dest, Value batch, Value head,
              Value row, Value column, MutableArrayRef<Value> values,
              bool accumulate);

/// Part of hopper-lower-warpgroups: one thread of the consumer with the number
/// `consumer` (i32), one of `consumers`, reads its counter.
void lowerArrivals(IRRewriter &rewriter, ArrivalsOp arrivals, int64_t consumers,
                   Value consumer);

/// The same: that thread counts for all of `consumer` and waits.
void lowerMeet(IRRewriter &rewriter, MeetOp meet, int64_t consumers,
               Value consumer);

/// Part of hopper-distribute: partial sums are stored and added up by the
/// threads of a warpgroup.
void populatePiecePatterns(const TypeConverter &converter,
                           RewritePatternSet &patterns);

/// The same for hopper.sum_shares.
void populateSharePatterns(const TypeConverter &converter,
                           RewritePatternSet &patterns);

/// The same for what blocks that share tiles leave and add.
void populatePartPatterns(const TypeConverter &converter,
                          RewritePatternSet &patterns);

} // namespace mlir::hopper

#endif // FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_PIECES_H
