//===- FlashMHFDialect.cpp - The flashmhf dialect -------------------------===//
//
/// \file
/// Registers the operations and attributes of the dialect.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFDialect.h"
#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::flashmhf;

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFDialect.cpp.inc"

void FlashMHFDialect::initialize() {
  registerAttributes();
  addOperations<
#define GET_OP_LIST
#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.cpp.inc"
      >();
}

Operation *FlashMHFDialect::materializeConstant(OpBuilder &builder,
                                                Attribute value, Type type,
                                                Location loc) {
  return arith::ConstantOp::materialize(builder, value, type, loc);
}
