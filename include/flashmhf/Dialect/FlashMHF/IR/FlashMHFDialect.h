//===- FlashMHFDialect.h - The flashmhf dialect -----------------*- C++ -*-===//
//
/// \file
/// The dialect class and its attributes.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_DIALECT_FLASHMHF_IR_FLASHMHFDIALECT_H
#define FLASHMHF_DIALECT_FLASHMHF_IR_FLASHMHFDIALECT_H

#include "mlir/IR/Attributes.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Dialect.h"

#include "flashmhf/Dialect/FlashMHF/IR/ScheduleFields.h"

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFDialect.h.inc"

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFAttrs.h.inc"

#endif // FLASHMHF_DIALECT_FLASHMHF_IR_FLASHMHFDIALECT_H
