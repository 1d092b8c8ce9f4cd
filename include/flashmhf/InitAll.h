//===- InitAll.h - Register everything of flashmhf --------------*- C++ -*-===//
//
/// \file
/// What a compiler that embeds flashmhf calls once: the dialects with their
/// interface models, and the passes and pipelines under their names.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_INITALL_H
#define FLASHMHF_INITALL_H

#include "mlir/IR/DialectRegistry.h"

namespace mlir::flashmhf {

/// Registers the flashmhf and hopper dialects, the upstream dialects that the
/// pipelines use, and the interfaces that bufferization, translation to LLVM IR
/// and serialization to PTX need.
void registerAllDialects(DialectRegistry &registry);

/// Registers the passes and pipelines for textual pass pipelines.
void registerAllPasses();

} // namespace mlir::flashmhf

#endif // FLASHMHF_INITALL_H
