//===- FinalizeKernels.cpp - Attributes of kernels in LLVM ----------------===//
//
/// \file
/// In: kernels as llvm.func. Out: the same with the attributes that only NVVM
/// kernels may have.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Conversion/Passes.h"
#include "flashmhf/Dialect/Hopper/IR/Hopper.h"
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

namespace mlir::hopper {
#define GEN_PASS_DEF_HOPPERFINALIZEKERNELS
#include "flashmhf/Conversion/Passes.h.inc"
} // namespace mlir::hopper

using namespace mlir;
using namespace mlir::hopper;

/// A CUtensorMap of the CUDA driver.
static constexpr int64_t kTensorMapBytes = 128;
static constexpr int64_t kTensorMapAlignment = 64;

namespace {
struct HopperFinalizeKernels
    : hopper::impl::HopperFinalizeKernelsBase<HopperFinalizeKernels> {
  void runOnOperation() override {
    Builder b(&getContext());
    for (auto func : getOperation().getOps<LLVM::LLVMFuncOp>()) {
      if (!func->hasAttr(NVVM::NVVMDialect::getKernelFuncAttrName()))
        continue;
      // Tensor maps are read where the launch put them.
      auto maps = func->getAttrOfType<IntegerAttr>(kTensorMapsAttrName);
      for (int64_t i = 0; maps && i < maps.getInt(); ++i) {
        func.setArgAttr(i, LLVM::LLVMDialect::getByValAttrName(),
                        TypeAttr::get(LLVM::LLVMArrayType::get(
                            b.getIntegerType(8), kTensorMapBytes)));
        func.setArgAttr(i, LLVM::LLVMDialect::getAlignAttrName(),
                        b.getI64IntegerAttr(kTensorMapAlignment));
        func.setArgAttr(i, NVVM::NVVMDialect::getGridConstantAttrName(),
                        b.getUnitAttr());
      }
      // Without a register cap at entry ptxas ignores setmaxnreg.
      auto block = func->getAttrOfType<DenseI32ArrayAttr>(
          NVVM::NVVMDialect::getReqntidAttrName());
      if (block)
        func->setAttr(NVVM::NVVMDialect::getMaxnregAttrName(),
                      b.getI32IntegerAttr(getLaunchRegisters(block[0])));
    }
  }
};
} // namespace
