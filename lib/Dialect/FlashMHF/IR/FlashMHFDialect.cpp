//===- FlashMHFDialect.cpp - The flashmhf dialect -------------------------===//
//
/// \file
/// Registers the operations and attributes of the dialect.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFDialect.h"
#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"

using namespace mlir;
using namespace mlir::flashmhf;

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFDialect.cpp.inc"

void FlashMHFDialect::initialize() {
  registerAttributes();
  addOperations<
#define GET_OP_LIST
#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.cpp.inc"
      >();
}
