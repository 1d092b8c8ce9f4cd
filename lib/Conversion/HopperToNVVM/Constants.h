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

/// `a * factor + b`, i32.
inline Value mulAdd(OpBuilder &builder, Location loc, Value a, int64_t factor,
                    Value b) {
  return arith::AddIOp::create(
      builder, loc,
      arith::MulIOp::create(builder, loc, a, getI32(builder, loc, factor)), b);
}

/// Named barrier of the threads of consumer 0, behind those of turns, at most
/// 7, and that of the block; the next consumer's follows.
inline constexpr int64_t kConsumerBarrier = 8;

/// That of the consumer with the number `consumer`, i32.
inline Value getConsumerBarrier(OpBuilder &b, Location loc, Value consumer) {
  return arith::AddIOp::create(b, loc, consumer,
                               getI32(b, loc, kConsumerBarrier));
}

} // namespace mlir::hopper

#endif // FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_CONSTANTS_H
