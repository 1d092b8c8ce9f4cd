//===- CudaKernelImpl.h - A kernel on a GPU ---------------------*- C++ -*-===//
//
/// \file
/// What a loaded kernel is made of: the driver's handles for each variant, and
/// what was computed of launches seen before.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_LIB_RUNTIME_CUDAKERNELIMPL_H
#define FLASHMHF_LIB_RUNTIME_CUDAKERNELIMPL_H

#include "CudaDriver.h"
#include "LaunchCache.h"
#include "Workspace.h"
#include "flashmhf/Runtime/CudaKernel.h"
#include "flashmhf/Runtime/LaunchPlan.h"

#include <mutex>
#include <vector>

namespace mlir::flashmhf {

namespace cuda {
/// Makes a context current, if it is not, and puts the caller's back.
class ContextGuard {
public:
  ContextGuard(const Driver &driver, Context context) : driver(driver) {
    Context current = nullptr;
    if (driver.ctxGetCurrent(&current) == 0 && current == context)
      return;
    result = driver.ctxPushCurrent(context);
    isPushed = result == 0;
  }
  ~ContextGuard() {
    Context popped;
    if (isPushed)
      driver.ctxPopCurrent(&popped);
  }
  llvm::Error check() const {
    return driver.check(result, "enter the CUDA context");
  }

private:
  const Driver &driver;
  Result result = 0;
  bool isPushed = false;
};

/// All of a launch but its stream. Does not move: it points into itself.
struct PreparedLaunch {
  LaunchPlan plan;
  std::vector<TensorMap> maps; // which aligns them, as the driver asks for
  llvm::SmallVector<void *, 64> parameters;
};
using PreparedPtr = std::shared_ptr<PreparedLaunch>;

/// One variant, loaded.
struct LoadedVariant {
  Function function = nullptr;
  int blocksAtOnce = 0; // on the GPU; known where it matters
};
} // namespace cuda

struct CudaKernel::Impl {
  const cuda::Driver &driver;
  LaunchContract contract;
  int ordinal;
  cuda::Device device = 0;
  cuda::Context context = nullptr;
  cuda::Module module = nullptr;
  llvm::SmallVector<cuda::LoadedVariant, 4> variants;
  int multiprocessors = 0;
  std::unique_ptr<cuda::WorkspacePool> workspaces;
  /// What any of several variants may need; 0 where that is not known.
  WorkspaceView most;

  /// Kept per kernel: the weights of many layers, each with a few activations.
  static constexpr size_t maxCachedMaps = 512;
  static constexpr size_t maxCachedLaunches = 512;
  std::mutex mutex; // guards the caches
  BoundedCache<cuda::TensorMap> maps{maxCachedMaps};
  BoundedCache<cuda::PreparedPtr> launches{maxCachedLaunches};

  Impl(const cuda::Driver &driver, LaunchContract contract, int ordinal)
      : driver(driver), contract(std::move(contract)), ordinal(ordinal) {}
  ~Impl();

  // CudaLoad.cpp
  llvm::Error openDevice();
  llvm::Error loadModule(llvm::StringRef image);
  llvm::Error loadVariant(const KernelContract &kernel,
                          cuda::LoadedVariant &variant);
  /// Asks the driver for variant.blocksAtOnce.
  llvm::Error countBlocksAtOnce(const KernelContract &kernel,
                                cuda::LoadedVariant &variant);

  // CudaPrepare.cpp
  llvm::Error getTensorMap(const TensorMapPlan &plan, cuda::TensorMap &map);
  /// Checks tensors and computes the launch.
  llvm::Expected<cuda::PreparedPtr>
  prepare(llvm::ArrayRef<const DLTensor *> tensors);
  /// The caller's workspace, if it will do, or one of the kernel's.
  llvm::Expected<cuda::Workspace> getWorkspace(const LaunchPlan &plan,
                                               void *stream,
                                               const WorkspaceView *given);

  /// Allocates for `stream`, unless it is being captured, what any launch may
  /// need.
  llvm::Error reserveWorkspace(void *stream);
  llvm::Expected<WorkspaceView> getMostWorkspace();

  /// `workspace` may be null: one of the kernel's own.
  llvm::Error enqueue(cuda::PreparedLaunch &launch, void *stream,
                      const WorkspaceView *workspace);
};

} // namespace mlir::flashmhf

#endif // FLASHMHF_LIB_RUNTIME_CUDAKERNELIMPL_H
