//===- ActivationBuilder.h - Activations as arith and math ------*- C++ -*-===//
//
/// \file
/// The definition of the activation functions on values.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_DIALECT_FLASHMHF_IR_ACTIVATIONBUILDER_H
#define FLASHMHF_DIALECT_FLASHMHF_IR_ACTIVATIONBUILDER_H

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFDialect.h"

#include "mlir/IR/Builders.h"

namespace mlir::flashmhf {

/// What an activation is written with.
enum class ActivationForm {
  /// The definition: exp, and division.
  Exp,
  /// tanh as the only transcendental function, and fma: each is one instruction
  /// on a GPU.
  Tanh,
  /// The same as a function of x / 2, for silu and sigmoid.
  HalvedTanh,
};

/// Creates `activation(x)` from arith and math operations in the type of `x`: a
/// float, or a vector or tensor of them with a static shape.
Value createActivation(OpBuilder &b, Location loc, Activation activation,
                       Value x, ActivationForm form = ActivationForm::Exp);

} // namespace mlir::flashmhf

#endif // FLASHMHF_DIALECT_FLASHMHF_IR_ACTIVATIONBUILDER_H
