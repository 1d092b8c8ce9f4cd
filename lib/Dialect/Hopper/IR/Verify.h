//===- Verify.h - Rules that several operations share -----------*- C++ -*-===//

#ifndef FLASHMHF_LIB_DIALECT_HOPPER_IR_VERIFY_H
#define FLASHMHF_LIB_DIALECT_HOPPER_IR_VERIFY_H

#include "flashmhf/Dialect/Hopper/IR/Hopper.h"

namespace mlir::hopper {

/// Every access to a rank-4 tensor gives one index per dimension.
LogicalResult verifyIndices(Operation *op, ValueRange indices);

/// The rows of a transposed tile are the columns of `tensor`, and what makes
/// them whole warpgroup tiles.
LogicalResult verifyTransposed(Operation *op, VectorType tile,
                               MemRefType tensor);

/// Some operations only make sense where a warpgroup has a number.
bool isInConsumer(Operation *op);

/// Those that a kernel without warpgroups has as well.
LogicalResult verifyInConsumerIfAny(Operation *op);

} // namespace mlir::hopper

#endif // FLASHMHF_LIB_DIALECT_HOPPER_IR_VERIFY_H
