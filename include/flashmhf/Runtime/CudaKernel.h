//===- CudaKernel.h - A kernel on a GPU -------------------------*- C++ -*-===//
//
/// \file
/// A compiled kernel on one NVIDIA GPU: load once, launch on any stream.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_RUNTIME_CUDAKERNEL_H
#define FLASHMHF_RUNTIME_CUDAKERNEL_H

#include "flashmhf/Runtime/Tensors.h"
#include <memory>
#include <string>

namespace mlir::flashmhf {

/// Success if there is a driver and a GPU of compute capability 9.0.
llvm::Error checkCudaAvailable();

/// What the driver calls GPU `device`, such as "NVIDIA H200". Unavailable where
/// there is no driver or no such GPU.
llvm::Expected<std::string> getGpuName(int device);

/// What a kernel whose tiles are summed by several blocks needs besides its
/// tensors, in bytes; docs/contract.md says what for.
struct WorkspaceView {
  void *partials = nullptr, *counters = nullptr;
  uint64_t partialBytes = 0, counterBytes = 0;
};

class CudaKernel {
public:
  /// Loads PTX or a cubin in the primary context of GPU `device`. `contract`
  /// has passed verify(). The current context is restored.
  static llvm::Expected<std::unique_ptr<CudaKernel>>
  load(llvm::StringRef image, LaunchContract contract, int device);

  /// Enqueues one launch; never waits for the GPU. Safe to call from several
  /// threads at once. Without `workspace` the kernel has one of its own for
  /// each stream, which it may have to allocate: where its variants bound what
  /// they need, on the first launch for all of them.
  llvm::Error launch(llvm::ArrayRef<const DLTensor *> tensors, void *stream,
                     const WorkspaceView *workspace = nullptr);

  /// The sizes that a launch on `tensors` needs; 0 for most kernels. Without
  /// tensors those that are enough for any launch, or an error where there are
  /// none.
  llvm::Expected<WorkspaceView>
  getWorkspaceSizes(llvm::ArrayRef<const DLTensor *> tensors);

  ~CudaKernel();

private:
  struct Impl;
  explicit CudaKernel(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl;
};

} // namespace mlir::flashmhf

#endif // FLASHMHF_RUNTIME_CUDAKERNEL_H
