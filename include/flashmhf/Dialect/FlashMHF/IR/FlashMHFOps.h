//===- FlashMHFOps.h - flashmhf operations ----------------------*- C++ -*-===//
//
/// \file
/// The operations of the dialect.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_DIALECT_FLASHMHF_IR_FLASHMHFOPS_H
#define FLASHMHF_DIALECT_FLASHMHF_IR_FLASHMHFOPS_H

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFDialect.h"
#include "flashmhf/Dialect/FlashMHF/IR/VariantRule.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Linalg/IR/LinalgInterfaces.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/TilingInterface.h"

#define GET_OP_CLASSES
#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h.inc"

#endif // FLASHMHF_DIALECT_FLASHMHF_IR_FLASHMHFOPS_H
