//===- KernelsToPTX.cpp - Kernel modules to binaries of PTX ---------------===//
//
/// \file
/// In: gpu.module in the NVVM dialect. Out: gpu.binary with its PTX, which is
/// that of the library, and so needs no CUDA either.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Conversion/Passes.h"
#include "flashmhf/Target/KernelCodeGen.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

namespace mlir::hopper {
#define GEN_PASS_DEF_FLASHMHFKERNELSTOPTX
#include "flashmhf/Conversion/Passes.h.inc"
} // namespace mlir::hopper

using namespace mlir;

namespace {
struct FlashMHFKernelsToPTX
    : hopper::impl::FlashMHFKernelsToPTXBase<FlashMHFKernelsToPTX> {
  using FlashMHFKernelsToPTXBase::FlashMHFKernelsToPTXBase;

  void runOnOperation() override {
    for (auto module :
         llvm::make_early_inc_range(getOperation().getOps<gpu::GPUModuleOp>()))
      if (failed(translate(module)))
        return signalPassFailure();
  }

  LogicalResult translate(gpu::GPUModuleOp module) {
    TimingScope untimed;
    FailureOr<std::string> ptx = flashmhf::translateKernels(
        module, chip, features, optLevel, flashmhf::KernelText::PTX, untimed);
    if (failed(ptx))
      return failure();
    OpBuilder b(module);
    auto target = NVVM::NVVMTargetAttr::get(
        b.getContext(), optLevel, flashmhf::kKernelTriple, chip, features);
    Attribute object = gpu::ObjectAttr::get(
        b.getContext(), target, gpu::CompilationTarget::Assembly,
        b.getStringAttr(*ptx), /*properties=*/nullptr, /*kernels=*/nullptr);
    gpu::BinaryOp::create(b, module.getLoc(), module.getName(),
                          /*offloadingHandler=*/nullptr, object);
    module.erase();
    return success();
  }
};
} // namespace
