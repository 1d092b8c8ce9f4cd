//===- Passes.h - Passes that run a program ---------------------*- C++ -*-===//

#ifndef FLASHMHF_EMULATE_PASSES_H
#define FLASHMHF_EMULATE_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::hopper {

#define GEN_PASS_DECL
#include "flashmhf/Emulate/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "flashmhf/Emulate/Passes.h.inc"

} // namespace mlir::hopper

#endif // FLASHMHF_EMULATE_PASSES_H
