//===- Pieces.h - Partial sums of several blocks ----------------*- C++ -*-===//

#ifndef FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_PIECES_H
#define FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_PIECES_H

#include "flashmhf/Dialect/Hopper/IR/Hopper.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/DialectConversion.h"

namespace mlir::hopper {

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
