//===- ActivationBuilder.cpp - Activations as arith and math --------------===//
//
/// \file
/// One function per activation, as the table of FlashMHFAttrs.td states it.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/FlashMHF/IR/ActivationBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mlir::flashmhf;

namespace {
/// Float arithmetic on values of one type.
struct FloatBuilder {
  OpBuilder &b;
  Location loc;
  Type type;

  Value constant(double value) {
    TypedAttr attr = b.getFloatAttr(getElementTypeOrSelf(type), value);
    if (auto shaped = dyn_cast<ShapedType>(type))
      attr = DenseElementsAttr::get(shaped, Attribute(attr));
    return arith::ConstantOp::create(b, loc, attr);
  }
  Value add(Value x, Value y) { return arith::AddFOp::create(b, loc, x, y); }
  Value mul(Value x, Value y) { return arith::MulFOp::create(b, loc, x, y); }
  Value div(Value x, Value y) { return arith::DivFOp::create(b, loc, x, y); }

  Value reciprocal(Value x) { return div(constant(1.0), x); }

  /// 1 + exp(-x): it overflows to infinity where sig(x) is zero, so that x / it
  /// and 1 / it are right there.
  Value sigmoidDenominator(Value x) {
    Value one = constant(1.0);
    Value minus = arith::NegFOp::create(b, loc, x);
    return add(one, math::ExpOp::create(b, loc, minus));
  }
  Value relu(Value x) {
    return arith::MaximumFOp::create(b, loc, x, constant(0.0));
  }
  Value gelu(Value x) {
    Value sqrtTwoOverPi = constant(0.79788456080286535588);
    Value half = constant(0.5), one = constant(1.0);
    Value cubic = mul(constant(0.044715), mul(mul(x, x), x));
    Value inner = mul(sqrtTwoOverPi, add(x, cubic));
    Value scale = add(one, math::TanhOp::create(b, loc, inner));
    return mul(mul(half, x), scale);
  }
};
} // namespace

Value flashmhf::createActivation(OpBuilder &b, Location loc,
                                 Activation activation, Value x) {
  FloatBuilder f{b, loc, x.getType()};
  switch (activation) {
  case Activation::Silu:
    return f.div(x, f.sigmoidDenominator(x));
  case Activation::Gelu:
    return f.gelu(x);
  case Activation::Relu:
    return f.relu(x);
  case Activation::Relu2: {
    Value relu = f.relu(x);
    return f.mul(relu, relu);
  }
  case Activation::Sigmoid:
    return f.reciprocal(f.sigmoidDenominator(x));
  case Activation::Identity:
    return x;
  }
  llvm_unreachable("unknown activation");
}
