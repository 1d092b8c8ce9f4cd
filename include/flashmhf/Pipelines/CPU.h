//===- CPU.h - The pipeline to the host CPU ---------------------*- C++ -*-===//
//
/// \file
/// mhffn to the LLVM dialect for a CPU.
///
/// Calling convention. Every public function `f` of the module with a body gets
/// a wrapper `_mlir_ciface_f` that takes, for each memref or tensor argument, a
/// pointer to MLIR's descriptor (allocated pointer, aligned pointer, offset,
/// sizes, strides; counts of elements, 64 bits each) and scalars as they are.
/// The innermost stride must be 1, the others are free, also for arguments of
/// static shape; an output must not overlap an input. A result that is one of
/// the arguments written in place is dropped, so that
///
///     func.func @mhffn(%q, %k, %u, %v, %r, %out) -> tensor<..>
///
/// becomes `void _mlir_ciface_mhffn(q *, k *, u *, v *, r *, out *)`.
///
/// At run time the code calls `malloc`, `free`, the mathematical library of C
/// (f64, or sizes that fill no vectors), `memcpy`/`memset`, and
/// `flashmhf_parallel_for` of flashmhf/Runtime/ParallelFor.h, which a JIT has
/// to define under that name. Scratch memory is a few tiles for each thread
/// that runs, on the heap; it does not grow with L or d_ff.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_PIPELINES_CPU_H
#define FLASHMHF_PIPELINES_CPU_H

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"

namespace mlir::flashmhf {

struct ToCPUOptions : public PassPipelineOptions<ToCPUOptions> {
  Option<unsigned> vectorBits{
      *this, "vector-bits",
      llvm::cl::desc("bits of a vector register: 128, 256 or 512"),
      llvm::cl::init(512)};
  Option<bool> parallel{
      *this, "parallel",
      llvm::cl::desc("run token tiles through flashmhf_parallel_for"),
      llvm::cl::init(true)};

  /// Blocks for the widest vectors of the machine that this runs on.
  void setHost();
};

/// From `flashmhf.mhffn` on tensors or memrefs to the LLVM dialect. Runs on a
/// module. Of a schedule only the two tile sizes matter here; an op without one
/// gets tiles that suit the caches of a CPU.
void buildToCPUPipeline(OpPassManager &manager, const ToCPUOptions &options);

/// Registers `flashmhf-to-cpu`.
void registerCPUPipelines();

} // namespace mlir::flashmhf

#endif // FLASHMHF_PIPELINES_CPU_H
