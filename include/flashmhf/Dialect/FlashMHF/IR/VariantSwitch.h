//===- VariantSwitch.h - A program of several variants ----------*- C++ -*-===//
//
/// \file
/// What flashmhf-version-tokens leaves, read back from the IR.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_DIALECT_FLASHMHF_IR_VARIANTSWITCH_H
#define FLASHMHF_DIALECT_FLASHMHF_IR_VARIANTSWITCH_H

#include "flashmhf/Dialect/FlashMHF/IR/VariantRule.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::flashmhf {

/// An scf.index_switch over the variants of a flashmhf.pick_variant.
struct VariantSwitch {
  VariantRule rule;
  /// The argument of the function whose sizes 0 and 2 are B and L.
  unsigned argument = 0;
  /// By variant. That of variant 0 is the default region.
  SmallVector<Region *> regions;

  /// Reads `op`, whose function is on memrefs. Diagnoses where it is another
  /// switch.
  static FailureOr<VariantSwitch> get(scf::IndexSwitchOp op);
};

} // namespace mlir::flashmhf

#endif // FLASHMHF_DIALECT_FLASHMHF_IR_VARIANTSWITCH_H
