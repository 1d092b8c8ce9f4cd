//===- Constants.h - 32-bit integers ----------------------------*- C++ -*-===//
//
/// \file
/// Shared-memory addresses, barriers and tile numbers are 32 bits wide.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_CONSTANTS_H
#define FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_CONSTANTS_H

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace mlir::hopper {

inline Value getI32(OpBuilder &b, Location loc, int64_t value) {
  return arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(value));
}

/// `index` cut to 32 bits.
inline Value toI32(OpBuilder &b, Location loc, Value index) {
  return arith::IndexCastOp::create(b, loc, b.getI32Type(), index);
}

} // namespace mlir::hopper

#endif // FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_CONSTANTS_H
