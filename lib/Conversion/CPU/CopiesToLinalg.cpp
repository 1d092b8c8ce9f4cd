//===- CopiesToLinalg.cpp - memref.copy as linalg -------------------------===//
//
/// \file
/// In: memref.copy. Out: linalg.generic that yields its input.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Conversion/CPU/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::flashmhf {
#define GEN_PASS_DEF_FLASHMHFCOPIESTOLINALG
#include "flashmhf/Conversion/CPU/Passes.h.inc"
} // namespace mlir::flashmhf

using namespace mlir;
using namespace mlir::flashmhf;

namespace {
struct CopiesToLinalg
    : public flashmhf::impl::FlashMHFCopiesToLinalgBase<CopiesToLinalg> {
  void runOnOperation() override {
    SmallVector<memref::CopyOp> copies;
    getOperation()->walk([&](memref::CopyOp copy) {
      // Unranked memrefs have no loops; none are made here.
      if (isa<MemRefType>(copy.getSource().getType()) &&
          isa<MemRefType>(copy.getTarget().getType()))
        copies.push_back(copy);
    });
    for (memref::CopyOp copy : copies) {
      OpBuilder builder(copy);
      linalg::makeMemRefCopyOp(builder, copy.getLoc(), copy.getSource(),
                               copy.getTarget());
      copy.erase();
    }
  }
};
} // namespace
