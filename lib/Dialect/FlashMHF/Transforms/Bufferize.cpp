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
#include "mlir/Dialect/SCF/IR/SCF.h"

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

/// Replaces a switch all of whose regions yield the same buffers, which are
/// defined outside of it, by one without results.
static void dropSwitchResults(scf::IndexSwitchOp op) {
  SmallVector<Region *> regions;
  for (Region &region : op->getRegions())
    regions.push_back(&region);
  auto getYield = [](Region *region) {
    return cast<scf::YieldOp>(region->front().getTerminator());
  };
  SmallVector<Value> yielded(getYield(regions.front())->getOperands());
  for (auto [i, value] : llvm::enumerate(yielded)) {
    auto strip = [](Value buffer) {
      while (auto cast = buffer.getDefiningOp<memref::CastOp>())
        buffer = cast.getSource();
      return buffer;
    };
    value = strip(value);
    for (Region *region : regions)
      if (region->isAncestor(value.getParentRegion()) ||
          strip(getYield(region)->getOperand(i)) != value)
        return;
    if (value.getType() != op.getResult(i).getType())
      return;
  }
  OpBuilder b(op);
  auto bare =
      scf::IndexSwitchOp::create(b, op.getLoc(), TypeRange(), op.getArg(),
                                 op.getCases(), op.getNumCases());
  for (auto [from, to] : llvm::zip_equal(regions, bare->getRegions())) {
    getYield(from)->setOperands({});
    to.takeBody(*from);
  }
  op->replaceAllUsesWith(yielded);
  op->erase();
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
    SmallVector<scf::IndexSwitchOp> switches;
    module.walk([&](scf::IndexSwitchOp op) {
      if (op.getNumResults() > 0 &&
          llvm::all_of(op.getResultTypes(), llvm::IsaPred<BaseMemRefType>))
        switches.push_back(op);
    });
    llvm::for_each(switches, dropSwitchResults);
    // A function with callers keeps what they use.
    for (auto func : module.getOps<func::FuncOp>())
      if (!func.isExternal() && SymbolTable::symbolKnownUseEmpty(func, module))
        dropArgumentResults(func);
  }
};
} // namespace
