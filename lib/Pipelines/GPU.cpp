//===- GPU.cpp - The pipelines to Hopper ----------------------------------===//
//
/// \file
/// The whole way of an mhffn to PTX, one altitude per function.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Pipelines/GPU.h"

#include "flashmhf/Conversion/Passes.h"
#include "flashmhf/Dialect/FlashMHF/Transforms/Passes.h"
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h"

#include "mlir/Conversion/AffineToStandard/AffineToStandard.h"
#include "mlir/Conversion/GPUToNVVM/GPUToNVVMPass.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Dialect/Affine/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

void flashmhf::buildToSchedulePipeline(OpPassManager &manager,
                                       const ToNVVMOptions &options) {
  if (options.maxVariants != 1) {
    FlashMHFVersionTokensOptions version;
    version.gpu = options.gpu;
    version.database = options.database;
    version.tuned = options.tuned;
    version.programmatic = options.programmatic;
    version.maxVariants = options.maxVariants;
    manager.addNestedPass<func::FuncOp>(createFlashMHFVersionTokens(version));
  }
  FlashMHFAssignScheduleOptions assign;
  assign.gpu = options.gpu;
  assign.database = options.database;
  assign.tuned = options.tuned;
  assign.programmatic = options.programmatic;
  manager.addNestedPass<func::FuncOp>(createFlashMHFAssignSchedule(assign));
}

void flashmhf::buildToHopperPipeline(OpPassManager &manager,
                                     const ToNVVMOptions &options) {
  // Before anything looks at views.
  manager.addPass(createFlashMHFExpandReducedViews());
  buildToSchedulePipeline(manager, options);
  manager.addNestedPass<func::FuncOp>(createFlashMHFSplitDff());
  manager.addNestedPass<func::FuncOp>(createFlashMHFTileTokens());
  manager.addNestedPass<func::FuncOp>(createFlashMHFTileDff());

  manager.addPass(createFlashMHFBufferize());
  manager.addPass(createCSEPass());

  manager.addPass(hopper::createFlashMHFFuseSwiGLU());
  manager.addPass(hopper::createFlashMHFLowerProject());
  OpPassManager &kernels =
      manager.nest<gpu::GPUModuleOp>().nest<gpu::GPUFuncOp>();
  kernels.addPass(hopper::createHopperWarpSpecialize());
  kernels.addPass(createCanonicalizerPass());
  kernels.addPass(createCSEPass());
  kernels.addPass(hopper::createHopperPersist());
  kernels.addPass(hopper::createHopperStreamK());
  kernels.addPass(hopper::createHopperSplitProducer());
  kernels.addPass(hopper::createHopperHoldQ());
  kernels.addPass(hopper::createHopperLoadAhead());
  kernels.addPass(hopper::createHopperSplitActivation());
  kernels.addPass(hopper::createHopperPipeline());
  kernels.addPass(hopper::createHopperFuseTiles());
  kernels.addPass(hopper::createHopperFoldSteps());
  kernels.addPass(hopper::createHopperPaceStart());
  kernels.addPass(hopper::createHopperStartEarly());
  manager.addPass(hopper::createHopperPushPartials());
  manager.nest<gpu::GPUModuleOp>().addNestedPass<gpu::GPUFuncOp>(
      hopper::createHopperPlaceWaits());
}

/// LLVM merges blocks, too, and faster. Rewrites bring what they touch back to
/// the worklist, so that a second round finds nothing.
static GreedyRewriteConfig inOneRound() {
  return GreedyRewriteConfig()
      .setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled)
      .setMaxIterations(1);
}

void flashmhf::buildHopperToNVVMPipeline(OpPassManager &manager,
                                         const ToNVVMOptions &options) {
  OpPassManager &modules = manager.nest<gpu::GPUModuleOp>();
  modules.addNestedPass<gpu::GPUFuncOp>(
      hopper::createHopperAllocateSharedMemory());
  modules.addNestedPass<gpu::GPUFuncOp>(hopper::createHopperLowerTiles());
  modules.addPass(hopper::createHopperLowerRings());
  modules.addNestedPass<gpu::GPUFuncOp>(hopper::createHopperLowerWarpgroups());
  // In front of hopper-distribute, which makes many operations of each.
  modules.addPass(memref::createExpandStridedMetadataPass());
  modules.addPass(affine::createAffineExpandIndexOpsPass());
  modules.addPass(createLowerAffinePass());
  modules.addNestedPass<gpu::GPUFuncOp>(hopper::createHopperDistribute());

  modules.addPass(createCanonicalizerPass(inOneRound()));
  modules.addPass(createCSEPass());
  modules.addPass(createSCFToControlFlowPass());
  modules.addPass(hopper::createHopperKernelsToNVVM());
  modules.addPass(createReconcileUnrealizedCastsPass());
  modules.addPass(hopper::createHopperFinalizeKernels());
  modules.addPass(createCanonicalizerPass(inOneRound()));
  modules.addPass(createCSEPass());
}

void flashmhf::buildToNVVMPipeline(OpPassManager &manager,
                                   const ToNVVMOptions &options) {
  buildToHopperPipeline(manager, options);
  buildHopperToNVVMPipeline(manager, options);
}

void flashmhf::buildToPTXPipeline(OpPassManager &manager,
                                  const ToNVVMOptions &options) {
  buildToNVVMPipeline(manager, options);
  hopper::FlashMHFKernelsToPTXOptions target;
  target.chip = options.chip;
  target.features = options.features;
  target.optLevel = options.optLevel;
  manager.addPass(hopper::createFlashMHFKernelsToPTX(target));
}

void flashmhf::registerGPUPipelines() {
  PassPipelineRegistration<ToNVVMOptions>(
      "flashmhf-to-hopper", "mhffn to kernels in the hopper dialect",
      buildToHopperPipeline);
  PassPipelineRegistration<ToNVVMOptions>(
      "flashmhf-to-nvvm", "mhffn to kernels in the NVVM dialect",
      buildToNVVMPipeline);
  PassPipelineRegistration<ToNVVMOptions>(
      "flashmhf-to-ptx", "mhffn to kernels as PTX", buildToPTXPipeline);
}
