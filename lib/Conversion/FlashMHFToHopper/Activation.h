//===- Activation.h - Activations by few hardware functions -----*- C++ -*-===//

#ifndef FLASHMHF_LIB_CONVERSION_FLASHMHFTOHOPPER_ACTIVATION_H
#define FLASHMHF_LIB_CONVERSION_FLASHMHFTOHOPPER_ACTIVATION_H

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"

namespace mlir::hopper {

/// `activation(x)` of an f32 vector, in arith and math. tanh is the only
/// transcendental function: it is one instruction on the GPU. With `isHalved`,
/// for silu and sigmoid, the vector is x / 2.
Value createActivation(OpBuilder &b, Location loc,
                       flashmhf::Activation activation, Value x,
                       bool isHalved = false);

} // namespace mlir::hopper

#endif // FLASHMHF_LIB_CONVERSION_FLASHMHFTOHOPPER_ACTIVATION_H
