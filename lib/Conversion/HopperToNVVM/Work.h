//===- Work.h - What a persistent block has to do ---------------*- C++ -*-===//

#ifndef FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_WORK_H
#define FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_WORK_H

#include "mlir/IR/PatternMatch.h"

namespace mlir::hopper {

/// Part of hopper-lower-tiles: work_range and work_item.
void populateWorkPatterns(RewritePatternSet &patterns);

} // namespace mlir::hopper

#endif // FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_WORK_H
