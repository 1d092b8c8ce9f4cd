//===- Passes.h - Conversions between dialects ------------------*- C++ -*-===//

#ifndef FLASHMHF_CONVERSION_PASSES_H
#define FLASHMHF_CONVERSION_PASSES_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::hopper {

#define GEN_PASS_DECL
#include "flashmhf/Conversion/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "flashmhf/Conversion/Passes.h.inc"

} // namespace mlir::hopper

#endif // FLASHMHF_CONVERSION_PASSES_H
