//===- Passes.h - Passes of the CPU path ------------------------*- C++ -*-===//
//
/// \file
/// Creation and registration of the passes that take tiles of mhffn to
/// vectorised loops and parallel functions.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_CONVERSION_CPU_PASSES_H
#define FLASHMHF_CONVERSION_CPU_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::flashmhf {

#define GEN_PASS_DECL
#include "flashmhf/Conversion/CPU/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "flashmhf/Conversion/CPU/Passes.h.inc"

/// Emits an error on `op` unless `bits` is a size of vector registers that the
/// passes can block for.
LogicalResult verifyVectorBits(Operation *op, unsigned bits);

} // namespace mlir::flashmhf

#endif // FLASHMHF_CONVERSION_CPU_PASSES_H
