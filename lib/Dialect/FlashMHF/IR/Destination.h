//===- Destination.h - Ops that accumulate into an init ---------*- C++ -*-===//
//
/// \file
/// What the destination-style operations of the dialect have in common: one
/// init, operands of rank 4, tensors or memrefs.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_LIB_DIALECT_FLASHMHF_IR_DESTINATION_H
#define FLASHMHF_LIB_DIALECT_FLASHMHF_IR_DESTINATION_H

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"

namespace mlir::flashmhf {

/// One size of an operator: its name and where it is first read.
struct NamedSize {
  char name;
  int64_t size;
  StringRef operand;
};

/// Checks that each size of `value`, operand `name` if not null, is what
/// `expected` says wherever both are static.
LogicalResult verifySizes(Operation *op, StringRef name, Value value,
                          ArrayRef<NamedSize> expected);

/// Checks that all `operands`, some of them null, are tensors, like the result,
/// or all memrefs, with strided layouts.
LogicalResult verifyDestination(DestinationStyleOpInterface op,
                                ArrayRef<std::pair<StringRef, Value>> operands);

/// Checks that the init holds one of two types.
LogicalResult verifyOutputType(DestinationStyleOpInterface op, Type input,
                               Type accumulator);

/// Memrefs are read, the init is written as well.
void addMemoryEffects(
    DestinationStyleOpInterface op,
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects);

/// The shape of the result, if there is one: that of the init.
LogicalResult reifyInitShape(OpBuilder &b, DestinationStyleOpInterface op,
                             ReifiedRankedShapedTypeDims &shapes);

} // namespace mlir::flashmhf

#endif // FLASHMHF_LIB_DIALECT_FLASHMHF_IR_DESTINATION_H
