//===- Activation.cpp - Activations by few hardware functions -------------===//

#include "Activation.h"

#include "flashmhf/Schedule/Rules.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <cmath>

using namespace mlir;
using flashmhf::Activation;

Value hopper::createActivation(OpBuilder &b, Location loc,
                               Activation activation, Value x, bool isHalved) {
  auto constant = [&](double value) -> Value {
    auto type = cast<VectorType>(x.getType());
    return arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(type, static_cast<float>(value)));
  };
  auto mul = [&](Value lhs, Value rhs) -> Value {
    return arith::MulFOp::create(b, loc, lhs, rhs);
  };
  auto fma = [&](Value lhs, Value rhs, Value addend) -> Value {
    return math::FmaOp::create(b, loc, lhs, rhs, addend);
  };
  auto tanh = [&](Value value) -> Value {
    return math::TanhOp::create(b, loc, value);
  };
  assert((!isHalved || flashmhf::canHalveQ(activation)) &&
         "the activation is no function of x / 2");
  switch (activation) {
  case Activation::Silu: {
    // x sig(x) = h + h tanh(h) with h = x / 2.
    Value half = isHalved ? x : mul(x, constant(0.5));
    return fma(half, tanh(half), half);
  }
  case Activation::Sigmoid: {
    Value half = constant(0.5);
    return fma(half, tanh(isHalved ? x : mul(x, half)), half);
  }
  case Activation::Gelu: {
    double c = std::sqrt(2.0 / M_PI);
    Value square = mul(x, x);
    Value inner = mul(x, fma(square, constant(0.044715 * c), constant(c)));
    Value half = mul(x, constant(0.5));
    return fma(half, tanh(inner), half);
  }
  case Activation::Relu:
    return arith::MaximumFOp::create(b, loc, x, constant(0));
  case Activation::Relu2: {
    Value positive = arith::MaximumFOp::create(b, loc, x, constant(0));
    return mul(positive, positive);
  }
  case Activation::Identity:
    return x;
  }
  llvm_unreachable("unknown activation");
}
