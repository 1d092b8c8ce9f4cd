//===- Accumulation.h - Sums in the accumulation type -----------*- C++ -*-===//
//
/// \file
/// What every lowering of mhffn needs to keep its promise about rounding: an
/// accumulator of the accumulation type, and one store of it into `init`. All
/// of it works on tensors and on memrefs alike.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_DIALECT_FLASHMHF_IR_ACCUMULATION_H
#define FLASHMHF_DIALECT_FLASHMHF_IR_ACCUMULATION_H

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::flashmhf {

/// Creates a tensor or, if `onTensors` is false, a memref of the given sizes.
/// Nothing frees the memref: that is left to buffer deallocation.
Value createBuffer(OpBuilder &b, Location loc, bool onTensors,
                   ArrayRef<OpFoldResult> sizes, Type elementType);

/// Fills `buffer` with zeros. Returns the filled tensor, or `buffer` itself.
Value createZeroFill(OpBuilder &b, Location loc, Value buffer);

/// Stores `acc` into `out` of the same shape, rounding once if `out` is
/// narrower: `out = round(acc)`, or `out = round(extend(out) + acc)` if
/// `accumulate`. Returns the new tensor, or `out` itself.
Value createAccumulatorStore(OpBuilder &b, Location loc, Value acc, Value out,
                             bool accumulate);

/// The fill by which the one init of `op` is known to be zero, or null. On
/// tensors that is the producer of `init`; on memrefs it is a fill before `op`
/// with nothing in between that could see or change the memory, so a rewrite
/// that does not read it may erase the fill.
linalg::FillOp getZeroFillOfInit(DestinationStyleOpInterface op);

/// Replaces `op` by its init if a size is statically 0: the sum, or what it
/// would be stored to, is empty. Returns whether it was.
bool replaceIfEmpty(RewriterBase &rewriter, DestinationStyleOpInterface op);

} // namespace mlir::flashmhf

#endif // FLASHMHF_DIALECT_FLASHMHF_IR_ACCUMULATION_H
