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

#include <cmath>

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
  Value fma(Value x, Value y, Value z) {
    return math::FmaOp::create(b, loc, x, y, z);
  }
  Value tanh(Value x) { return math::TanhOp::create(b, loc, x); }

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
    Value scale = add(one, tanh(inner));
    return mul(mul(half, x), scale);
  }

  /// x sig(x) = h + h tanh(h) with h = x / 2.
  Value siluOfHalf(Value half) { return fma(half, tanh(half), half); }
  Value geluByFma(Value x) {
    double c = std::sqrt(2.0 / M_PI);
    Value square = mul(x, x);
    Value inner = mul(x, fma(square, constant(0.044715 * c), constant(c)));
    Value half = mul(x, constant(0.5));
    return fma(half, tanh(inner), half);
  }
};
} // namespace

Value flashmhf::createActivation(OpBuilder &b, Location loc,
                                 Activation activation, Value x,
                                 ActivationForm form) {
  FloatBuilder f{b, loc, x.getType()};
  bool isExp = form == ActivationForm::Exp;
  bool isHalved = form == ActivationForm::HalvedTanh;
  assert((!isHalved || activation == Activation::Silu ||
          activation == Activation::Sigmoid) &&
         "the activation is no function of x / 2");
  switch (activation) {
  case Activation::Silu:
    if (isExp)
      return f.div(x, f.sigmoidDenominator(x));
    return f.siluOfHalf(isHalved ? x : f.mul(x, f.constant(0.5)));
  case Activation::Gelu:
    return isExp ? f.gelu(x) : f.geluByFma(x);
  case Activation::Relu:
    return f.relu(x);
  case Activation::Relu2: {
    Value relu = f.relu(x);
    return f.mul(relu, relu);
  }
  case Activation::Sigmoid: {
    if (isExp)
      return f.reciprocal(f.sigmoidDenominator(x));
    Value half = f.constant(0.5);
    return f.fma(half, f.tanh(isHalved ? x : f.mul(x, half)), half);
  }
  case Activation::Identity:
    return x;
  }
  llvm_unreachable("unknown activation");
}
