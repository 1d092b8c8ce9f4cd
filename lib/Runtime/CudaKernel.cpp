//===- CudaKernel.cpp - A kernel on a GPU ---------------------------------===//
//
/// \file
/// Launching through the CUDA driver. A launch on tensors seen before is a
/// look-up and one call of the driver, which a stream being captured allows.
//
//===----------------------------------------------------------------------===//

#include "CudaKernelImpl.h"

using namespace mlir::flashmhf;
using namespace mlir::flashmhf::cuda;
using llvm::Error;
using llvm::Expected;

/// Puts what is known of `plan`'s pieces by now in the places left for it.
static void fillPieces(const LaunchPlan &plan, Workspace &workspace,
                       uint64_t &isResident,
                       llvm::MutableArrayRef<void *> parameters) {
  isResident = plan.isResident;
  size_t place = 0;
  for (const auto &parameter : plan.parameters) {
    if (const auto *piece = std::get_if<PiecePlan>(&parameter)) {
      using Kind = ContractParameter::Kind;
      parameters[place] = piece->kind == Kind::Partials   ? &workspace.partials
                          : piece->kind == Kind::Counters ? &workspace.counters
                                                          : &isResident;
    }
    const auto *memref = std::get_if<MemRefPlan>(&parameter);
    place += memref ? memref->size() : 1;
  }
}

/// The driver copies the parameters during the call.
Error CudaKernel::Impl::enqueue(PreparedLaunch &launch, void *stream,
                                const WorkspaceView *given) {
  const LaunchPlan &plan = launch.plan;
  if (plan.isEmpty)
    return Error::success();
  LaunchAttribute attributes[2] = {};
  attributes[0].id = LaunchAttribute::clusterDimension;
  llvm::copy(plan.cluster, attributes[0].clusterDim);
  attributes[1].id = LaunchAttribute::programmaticStreamSerialization;
  attributes[1].isProgrammatic = 1;
  LaunchConfig config = {};
  llvm::copy(plan.grid, config.gridDim);
  llvm::copy(plan.block, config.blockDim);
  config.sharedMemBytes = plan.sharedMemory;
  config.stream = static_cast<Stream>(stream);
  config.attributes = attributes;
  config.numAttributes = plan.isProgrammatic ? 2 : 1;

  ContextGuard guard(driver, context);
  if (Error error = guard.check())
    return error;
  void **parameters = launch.parameters.data();
  Workspace workspace;
  uint64_t isResident = 0;
  llvm::SmallVector<void *, 64> filled;
  if (plan.partialBytes != 0) {
    Expected<Workspace> found = getWorkspace(plan, stream, given);
    if (!found)
      return found.takeError();
    workspace = *found;
    workspace.counters += plan.countersOffset;
    // Other threads launch what is kept.
    filled = launch.parameters;
    fillPieces(plan, workspace, isResident, filled);
    parameters = filled.data();
  }
  Result result = driver.launchKernelEx(
      &config, variants[plan.variant].function, parameters, nullptr);
  if (LLVM_LIKELY(result == 0))
    return Error::success();
  return driver.check(result, "launch kernel '" + plan.kernel + "'");
}

CudaKernel::CudaKernel(std::unique_ptr<Impl> impl) : impl(std::move(impl)) {}
CudaKernel::~CudaKernel() = default;

Expected<std::unique_ptr<CudaKernel>>
CudaKernel::load(llvm::StringRef image, LaunchContract contract, int device) {
  Expected<const Driver &> driver = Driver::get();
  if (!driver)
    return driver.takeError();
  auto impl = std::make_unique<Impl>(*driver, std::move(contract), device);
  if (Error error = impl->openDevice())
    return std::move(error);
  if (Error error = impl->loadModule(image))
    return std::move(error);
  return std::unique_ptr<CudaKernel>(new CudaKernel(std::move(impl)));
}

Expected<WorkspaceView>
CudaKernel::getWorkspaceSizes(llvm::ArrayRef<const DLTensor *> tensors) {
  if (tensors.empty())
    return impl->getMostWorkspace();
  Expected<PreparedPtr> launch = impl->prepare(tensors);
  if (!launch)
    return launch.takeError();
  WorkspaceView sizes;
  sizes.partialBytes = (*launch)->plan.partialBytes;
  sizes.counterBytes = (*launch)->plan.counterBytes;
  return sizes;
}

Error CudaKernel::launch(llvm::ArrayRef<const DLTensor *> tensors, void *stream,
                         const WorkspaceView *workspace) {
  std::optional<LaunchKey> key = makeLaunchKey(tensors);
  if (LLVM_LIKELY(key.has_value())) {
    PreparedPtr known;
    {
      std::lock_guard<std::mutex> lock(impl->mutex);
      if (const PreparedPtr *found = impl->launches.find(*key))
        known = *found;
    }
    if (known)
      return impl->enqueue(*known, stream, workspace);
  }

  Expected<PreparedPtr> launch = impl->prepare(tensors);
  if (!launch)
    return launch.takeError();
  if (key) {
    std::lock_guard<std::mutex> lock(impl->mutex);
    impl->launches.insert(*key, *launch);
  }
  if (!workspace)
    if (Error error = impl->reserveWorkspace(stream))
      return error;
  return impl->enqueue(**launch, stream, workspace);
}
