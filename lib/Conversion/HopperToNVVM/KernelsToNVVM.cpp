//===- KernelsToNVVM.cpp - Kernels in the LLVM and NVVM dialects ----------===//
//
/// \file
/// In: gpu.func of control flow between blocks. Out: llvm.func. The patterns
/// are upstream's, of the GPU dialect and of all others that have some. Its
/// pass, convert-gpu-to-nvvm, first rewrites reductions and other operations
/// that no kernel here has, which took half of its time.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Conversion/Passes.h"
#include "flashmhf/Dialect/Hopper/IR/Hopper.h"

#include "mlir/Conversion/ConvertToLLVM/ToLLVMInterface.h"
#include "mlir/Conversion/GPUToNVVM/GPUToNVVMPass.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Transforms/DialectConversion.h"

namespace mlir::hopper {
#define GEN_PASS_DEF_HOPPERKERNELSTONVVM
#include "flashmhf/Conversion/Passes.h.inc"
} // namespace mlir::hopper

using namespace mlir;
using namespace mlir::hopper;

namespace {
struct HopperKernelsToNVVM
    : hopper::impl::HopperKernelsToNVVMBase<HopperKernelsToNVVM> {
  void runOnOperation() override {
    gpu::GPUModuleOp module = getOperation();
    LLVMTypeConverter converter(
        &getContext(),
        LowerToLLVMOptions(
            &getContext(),
            DataLayout(cast<DataLayoutOpInterface>(module.getOperation()))));
    configureGpuToNVVMTypeConverter(converter);
    LLVMConversionTarget target(getContext());
    RewritePatternSet patterns(&getContext());
    // Before what dialects say of their operations for any target.
    populateGpuToNVVMConversionPatterns(converter, patterns, /*benefit=*/10);
    for (Dialect *dialect : getContext().getLoadedDialects())
      if (auto *interface = dyn_cast<ConvertToLLVMPatternInterface>(dialect))
        interface->populateConvertToLLVMConversionPatterns(target, converter,
                                                           patterns);
    configureGpuToNVVMConversionLegality(target);
    if (failed(applyPartialConversion(module, target, std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
