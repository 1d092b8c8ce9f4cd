//===- Passes.h - Passes of the flashmhf dialect ----------------*- C++ -*-===//
//
/// \file
/// Creation and registration of the passes of the dialect.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_DIALECT_FLASHMHF_TRANSFORMS_PASSES_H
#define FLASHMHF_DIALECT_FLASHMHF_TRANSFORMS_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::flashmhf {

#define GEN_PASS_DECL
#include "flashmhf/Dialect/FlashMHF/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "flashmhf/Dialect/FlashMHF/Transforms/Passes.h.inc"

} // namespace mlir::flashmhf

#endif // FLASHMHF_DIALECT_FLASHMHF_TRANSFORMS_PASSES_H
