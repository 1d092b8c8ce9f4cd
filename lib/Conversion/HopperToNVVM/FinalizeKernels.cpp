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
/// Threads that a block can have.
static constexpr int64_t kMaxThreads = 1024;

namespace {
struct HopperFinalizeKernels
    : hopper::impl::HopperFinalizeKernelsBase<HopperFinalizeKernels> {
  void runOnOperation() override {
    Builder b(&getContext());
    for (auto func : getOperation().getOps<LLVM::LLVMFuncOp>()) {
      if (!func->hasAttr(NVVM::NVVMDialect::getKernelFuncAttrName()))
        continue;
      // Tensor maps are read where the launch put them.
      auto attr = func->getAttrOfType<IntegerAttr>(kTensorMapsAttrName);
      int64_t maps = attr ? attr.getInt() : 0;
      if (maps > func.getNumArguments()) {
        func.emitOpError("takes ")
            << func.getNumArguments() << " arguments, but the first " << maps
            << " are said to be tensor maps";
        return signalPassFailure();
      }
      for (int64_t i = 0; i < maps; ++i) {
        func.setArgAttr(i, LLVM::LLVMDialect::getByValAttrName(),
                        TypeAttr::get(LLVM::LLVMArrayType::get(
                            b.getIntegerType(8), kTensorMapBytes)));
        func.setArgAttr(i, LLVM::LLVMDialect::getAlignAttrName(),
                        b.getI64IntegerAttr(kTensorMapAlignment));
        func.setArgAttr(i, NVVM::NVVMDialect::getGridConstantAttrName(),
                        b.getUnitAttr());
      }
      // Without a register cap at entry ptxas ignores setmaxnreg.
      // Upstream's conversion writes the known block size as a maximum.
      auto block = func->getAttrOfType<DenseI32ArrayAttr>(
          NVVM::NVVMDialect::getReqntidAttrName());
      if (!block)
        block = func->getAttrOfType<DenseI32ArrayAttr>(
            NVVM::NVVMDialect::getMaxntidAttrName());
      int64_t threads = 1;
      for (int32_t extent : block ? block.asArrayRef() : ArrayRef<int32_t>())
        threads *= extent;
      if (!block || threads < 1 || threads > kMaxThreads)
        continue;
      auto registers =
          func->getAttrOfType<IntegerAttr>(kLaunchRegistersAttrName);
      if (!registers)
        registers = b.getI32IntegerAttr(getLaunchRegisters(threads));
      func->setAttr(NVVM::NVVMDialect::getMaxnregAttrName(), registers);
    }
  }
};
} // namespace
