//===- Bufferize.cpp - Tensors of a module to memrefs ---------------------===//
//
/// \file
/// In: a module on tensors. Out: the same on memrefs, with the signature that
/// callers of compiled functions rely on: arguments of rank 1 or more have
/// innermost stride 1, other strides and the offset are free.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/FlashMHF/Transforms/Passes.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotAnalysis.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotModuleBufferize.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::flashmhf {
#define GEN_PASS_DEF_FLASHMHFBUFFERIZE
#include "flashmhf/Dialect/FlashMHF/Transforms/Passes.h.inc"
} // namespace mlir::flashmhf

using namespace mlir;
using namespace mlir::bufferization;

/// The memref that an argument of tensor type becomes.
static BufferLikeType getArgumentType(TensorLikeType type,
                                      Attribute memorySpace, func::FuncOp,
                                      const BufferizationOptions &) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return cast<BufferLikeType>(getMemRefTypeWithFullyDynamicLayout(
        cast<TensorType>(type), memorySpace));
  MemRefLayoutAttrInterface layout;
  if (tensor.getRank() > 0) {
    SmallVector<int64_t> strides(tensor.getRank(), ShapedType::kDynamic);
    strides.back() = 1;
    layout = StridedLayoutAttr::get(tensor.getContext(), ShapedType::kDynamic,
                                    strides);
  }
  return cast<BufferLikeType>(MemRefType::get(
      tensor.getShape(), tensor.getElementType(), layout, memorySpace));
}

/// Drops results of `func` that are one of its arguments. Upstream's pass
/// leaves public functions alone; here the dropped result is part of the
/// convention.
static void dropArgumentResults(func::FuncOp func) {
  func::ReturnOp ret;
  func.walk([&](func::ReturnOp op) { ret = op; });
  if (!ret || !func.getBody().hasOneBlock())
    return;
  BitVector dropped(func.getNumResults());
  for (auto [i, value] : llvm::enumerate(ret.getOperands())) {
    while (auto cast = value.getDefiningOp<memref::CastOp>())
      value = cast.getSource();
    if (isa<BaseMemRefType>(value.getType()) &&
        llvm::is_contained(func.getArguments(), value))
      dropped.set(i);
  }
  if (dropped.none())
    return;
  (void)func.eraseResults(dropped);
  ret->eraseOperands(dropped);
}

namespace {
struct FlashMHFBufferize
    : flashmhf::impl::FlashMHFBufferizeBase<FlashMHFBufferize> {
  void runOnOperation() override {
    OneShotBufferizationOptions options;
    options.bufferizeFunctionBoundaries = true;
    options.functionArgTypeConverterFn = getArgumentType;
    BufferizationState state;
    ModuleOp module = getOperation();
    if (failed(runOneShotModuleBufferize(module, options, state)))
      return signalPassFailure();
    // A function with callers keeps what they use.
    for (auto func : module.getOps<func::FuncOp>())
      if (!func.isExternal() && SymbolTable::symbolKnownUseEmpty(func, module))
        dropArgumentResults(func);
  }
};
} // namespace
