//===- CPU.cpp - The pipeline to the host CPU -----------------------------===//
//
/// \file
/// In: mhffn and project on tensors or memrefs. Out: the LLVM dialect, with the
/// calling convention of CPU.h. Tiles of S, T and A live in registers and in
/// scratch of the size of one tile; nothing of size L x d_ff exists at any
/// level.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Pipelines/CPU.h"

#include "flashmhf/Conversion/CPU/Passes.h"
#include "flashmhf/Dialect/FlashMHF/Transforms/Passes.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/Pipelines/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/Transforms/RequestCWrappers.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/SCF/Transforms/Passes.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/TargetParser/Host.h"

using namespace mlir;
using namespace mlir::flashmhf;

void ToCPUOptions::setHost() {
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  vectorBits = features.lookup("avx512f") ? 512
               : features.lookup("avx")   ? 256
                                          : 128;
}

static void addCleanup(OpPassManager &manager) {
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
}

/// mhffn to linalg on tiles of static size.
static void addTiling(OpPassManager &manager, const ToCPUOptions &options) {
  FlashMHFPadTilesOptions padding;
  padding.vectorBits = options.vectorBits;
  // Before anything looks at views; below, before it looks at those of slices.
  manager.addPass(createFlashMHFExpandReducedViews());
  manager.addPass(createFlashMHFRaiseToTensors());
  // Empty sums go here; no tile could be cut from them.
  addCleanup(manager);
  manager.addPass(createFlashMHFAssignCPUSchedule());
  manager.addPass(createFlashMHFTileTokens());
  // Tokens and D before the loops over d_ff, so that these carry a padded sum.
  manager.addPass(createFlashMHFPadTiles(padding));
  manager.addPass(createFlashMHFTileDff());
  manager.addPass(createFlashMHFPadTiles(padding));
  manager.addPass(createFlashMHFTilesToLinalg());
  // Projections, as scalar loops.
  manager.addPass(createFlashMHFDecompose());
}

/// linalg to vectors, accumulators in registers.
static void addVectorization(OpPassManager &manager,
                             const ToCPUOptions &options) {
  FlashMHFVectorizeTilesOptions vectorization;
  vectorization.vectorBits = options.vectorBits;
  manager.addNestedPass<func::FuncOp>(
      createFlashMHFVectorizeTiles(vectorization));
  addCleanup(manager);
  manager.addPass(createLoopInvariantCodeMotionPass());
  manager.addPass(createLoopInvariantSubsetHoistingPass());
  addCleanup(manager);
}

static void addBufferization(OpPassManager &manager,
                             const ToCPUOptions &options) {
  manager.addPass(createFlashMHFBufferize());
  manager.addPass(createFlashMHFExpandReducedViews());
  // Before functions are outlined, which need no wrapper.
  manager.addNestedPass<func::FuncOp>(LLVM::createLLVMRequestCWrappersPass());
  addCleanup(manager);
  // Scratch is allocated once for a tile of tokens.
  manager.addNestedPass<func::FuncOp>(
      bufferization::createBufferLoopHoistingPass());
  bufferization::buildBufferDeallocationPipeline(manager);
  manager.addPass(createConvertBufferizationToMemRefPass());
  addCleanup(manager);
  if (options.parallel)
    manager.addPass(createFlashMHFOutlineParallel());
  manager.addNestedPass<func::FuncOp>(createForallToForLoopPass());
}

static void addLowering(OpPassManager &manager) {
  manager.addPass(createFlashMHFApproximateMath());
  manager.addPass(createFlashMHFCopiesToLinalg());
  manager.addNestedPass<func::FuncOp>(createConvertLinalgToLoopsPass());
  manager.addPass(memref::createFoldMemRefAliasOpsPass());
  manager.addPass(createLoopInvariantCodeMotionPass());
  manager.addPass(createConvertVectorToSCFPass(
      VectorTransferToSCFOptions().enableFullUnroll().setTargetRank(1)));
  addCleanup(manager);
  manager.addPass(memref::createExpandStridedMetadataPass());
  manager.addPass(createLowerAffinePass());
  // Hosts without bf16 instructions have no conversion in their runtime.
  arith::ArithExpandOpsPassOptions expansion;
  expansion.includeBf16 = true;
  manager.addPass(arith::createArithExpandOpsPass(expansion));
  manager.addPass(createSCFToControlFlowPass());
  manager.addPass(createConvertVectorToLLVMPass());
  manager.addPass(createConvertMathToLLVMPass());
  manager.addPass(createConvertMathToLibmPass());
  // Before arith: a memref.dim of a constant index needs no stack.
  manager.addPass(createFinalizeMemRefToLLVMConversionPass());
  manager.addPass(createArithToLLVMConversionPass());
  manager.addPass(createConvertFuncToLLVMPass());
  manager.addPass(createConvertControlFlowToLLVMPass());
  manager.addPass(createUBToLLVMConversionPass());
  manager.addPass(createConvertIndexToLLVMPass());
  manager.addPass(createReconcileUnrealizedCastsPass());
  addCleanup(manager);
}

void flashmhf::buildToCPUPipeline(OpPassManager &manager,
                                  const ToCPUOptions &options) {
  addTiling(manager, options);
  addVectorization(manager, options);
  addBufferization(manager, options);
  addLowering(manager);
}

void flashmhf::registerCPUPipelines() {
  PassPipelineRegistration<ToCPUOptions>(
      "flashmhf-to-cpu",
      "mhffn to the LLVM dialect: vectorised, parallel over token tiles",
      buildToCPUPipeline);
}
