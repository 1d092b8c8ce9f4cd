//===- GPU.h - The pipelines to Hopper --------------------------*- C++ -*-===//
//
/// \file
/// mhffn to the hopper dialect, to NVVM and to PTX.
///
/// Every `flashmhf.mhffn` of a function becomes a kernel in a gpu.module and a
/// `hopper.launch` in its place; with `max-variants` above 1 one whose number
/// of tokens is dynamic may become several, and a switch over their launches.
/// The function's tensors become memrefs with innermost stride 1 and other
/// strides free; a result that is an argument written in place is dropped. A
/// caller launches the kernel by the launch contract
/// (flashmhf/Target/LaunchContract.h).
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_PIPELINES_GPU_H
#define FLASHMHF_PIPELINES_GPU_H

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"

namespace mlir::flashmhf {

struct ToNVVMOptions : public PassPipelineOptions<ToNVVMOptions> {
  Option<std::string> chip{*this, "chip",
                           llvm::cl::desc("GPU to compile for: sm_90a"),
                           llvm::cl::init("sm_90a")};
  Option<std::string> features{*this, "features",
                               llvm::cl::desc("features of the NVPTX target"),
                               llvm::cl::init("+ptx84")};
  Option<std::string> gpu{*this, "gpu",
                          llvm::cl::desc("GPU that schedules are chosen for"),
                          llvm::cl::init("h100-sxm")};
  Option<std::string> database{*this, "database",
                               llvm::cl::desc("tuning database to ask first"),
                               llvm::cl::init("")};
  Option<bool> tuned{
      *this, "tuned",
      llvm::cl::desc("whether to ask tuning databases, or the cost model only"),
      llvm::cl::init(true)};
  Option<bool> programmatic{
      *this, "programmatic",
      llvm::cl::desc("whether kernels may start before the one in front of "
                     "them ends, see flashmhf-assign-schedule"),
      llvm::cl::init(false)};
  Option<int64_t> maxVariants{
      *this, "max-variants",
      llvm::cl::desc("schedules of an mhffn of any number of tokens, see "
                     "flashmhf-version-tokens"),
      llvm::cl::init(1)};
  Option<unsigned> optLevel{
      *this, "opt-level", llvm::cl::desc("optimisation level of LLVM, 0 to 3"),
      llvm::cl::init(3)};
};

/// Writes a schedule onto each mhffn that has none, in several variants as
/// `maxVariants` allows. Runs on a module.
void buildToSchedulePipeline(OpPassManager &manager,
                             const ToNVVMOptions &options);

/// From mhffn to kernels in the hopper dialect, pipelined but not lowered; what
/// an emulator runs. Runs on a module.
void buildToHopperPipeline(OpPassManager &manager,
                           const ToNVVMOptions &options);

/// From mhffn to kernels in the LLVM and NVVM dialects. Runs on a module.
void buildToNVVMPipeline(OpPassManager &manager, const ToNVVMOptions &options);

/// The steps of `buildToNVVMPipeline` after `buildToHopperPipeline`.
void buildHopperToNVVMPipeline(OpPassManager &manager,
                               const ToNVVMOptions &options);

/// From mhffn to a gpu.binary that holds PTX. Runs on a module.
void buildToPTXPipeline(OpPassManager &manager, const ToNVVMOptions &options);

/// Registers flashmhf-to-hopper, flashmhf-to-nvvm and flashmhf-to-ptx.
void registerGPUPipelines();

} // namespace mlir::flashmhf

#endif // FLASHMHF_PIPELINES_GPU_H
