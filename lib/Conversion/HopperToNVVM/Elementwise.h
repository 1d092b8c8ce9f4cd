//===- Elementwise.h - Element-wise operations on fragments -----*- C++ -*-===//

#ifndef FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_ELEMENTWISE_H
#define FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_ELEMENTWISE_H

#include "mlir/Transforms/DialectConversion.h"

namespace mlir::hopper {

/// Part of hopper-distribute: what is done with each element by itself, in the
/// registers that `converter` gives a fragment.
void populateElementwisePatterns(const TypeConverter &converter,
                                 RewritePatternSet &patterns);

} // namespace mlir::hopper

#endif // FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_ELEMENTWISE_H
