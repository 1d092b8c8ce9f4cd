//===- Pieces.h - Partial sums of several blocks ----------------*- C++ -*-===//

#ifndef FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_PIECES_H
#define FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_PIECES_H

#include "flashmhf/Dialect/Hopper/IR/Hopper.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/DialectConversion.h"

namespace mlir::hopper {

/// Columns that a thread adds up at a time: a 16-byte load for each piece.
inline constexpr int64_t kSumColumns = 4;

/// Adds the columns of one more piece to their sums; the first is no addition.
void addTo(OpBuilder &b, Location loc, SmallVector<Value> &total,
           ArrayRef<Value> values);

/// Stores the sums `values` of the columns from `column` on to a row of `dest`,
/// added to what is there if `accumulate`, rounded once.
void storeSum(OpBuilder &b, Location loc, Value dest, Value batch, Value head,
              Value row, Value column, MutableArrayRef<Value> values,
              bool accumulate);

/// Part of hopper-lower-warpgroups: the `consumers` warpgroups that run `meet`
/// meet at the named barrier `barrier`, and one thread counts for all.
void lowerMeet(IRRewriter &rewriter, MeetOp meet, int64_t consumers,
               int64_t barrier);

/// Part of hopper-distribute: partial sums are stored and added up by the
/// threads of a warpgroup.
void populatePiecePatterns(const TypeConverter &converter,
                           RewritePatternSet &patterns);

} // namespace mlir::hopper

#endif // FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_PIECES_H
