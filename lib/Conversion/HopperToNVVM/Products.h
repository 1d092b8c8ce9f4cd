//===- Products.h - Products and the slots they read ------------*- C++ -*-===//

#ifndef FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_PRODUCTS_H
#define FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_PRODUCTS_H

#include "mlir/Transforms/DialectConversion.h"

namespace mlir::hopper {

/// Part of hopper-distribute: slots become addresses, wgmma and its waits
/// become instructions on the registers that `converter` gives a fragment.
void populateProductPatterns(const TypeConverter &converter,
                             RewritePatternSet &patterns);

} // namespace mlir::hopper

#endif // FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_PRODUCTS_H
