//===- CudaPrepare.cpp - What a launch on a GPU needs ---------------------===//
//
/// \file
/// From tensors to all of a launch but its stream. Everything that can be wrong
/// with the caller's tensors is found by checkTensors and planLaunch before the
/// driver is asked for anything.
//
//===----------------------------------------------------------------------===//

#include "CudaKernelImpl.h"
#include "flashmhf/Target/Errors.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir::flashmhf;
using namespace mlir::flashmhf::cuda;
using llvm::Error;
using llvm::Expected;

/// The numbers of a plan that another plan may have others of.
static LaunchKey makeMapKey(const TensorMapPlan &plan) {
  LaunchKey key = {reinterpret_cast<uintptr_t>(plan.address),
                   uint64_t(plan.dtype), plan.swizzle};
  key.append(plan.dims.begin(), plan.dims.end());
  key.append(plan.strides.begin(), plan.strides.end());
  key.append(plan.box.begin(), plan.box.end());
  return key;
}

Error CudaKernel::Impl::getTensorMap(const TensorMapPlan &plan,
                                     TensorMap &map) {
  LaunchKey key = makeMapKey(plan);
  std::lock_guard<std::mutex> lock(mutex);
  if (const TensorMap *known = maps.find(key)) {
    map = *known;
    return Error::success();
  }

  int dataType = plan.dtype == ElementKind::BF16  ? BFloat16
                 : plan.dtype == ElementKind::F16 ? Float16
                 : plan.dtype == ElementKind::F32 ? Float32
                                                  : Float64;
  int swizzle = plan.swizzle == 128  ? Swizzle128B
                : plan.swizzle == 64 ? Swizzle64B
                                     : Swizzle32B;
  const uint32_t elementStrides[5] = {1, 1, 1, 1, 1};
  if (Error error = driver.check(
          driver.tensorMapEncodeTiled(
              &map, dataType, 5, const_cast<void *>(plan.address),
              plan.dims.data(), plan.strides.data(), plan.box.data(),
              elementStrides, /*interleave=*/0, swizzle, L2Promotion256B,
              /*oobFill=*/0),
          "encode a tensor map"))
    return error;
  maps.insert(key, map);
  return Error::success();
}

Expected<PreparedPtr>
CudaKernel::Impl::prepare(llvm::ArrayRef<const DLTensor *> tensors) {
  auto views = checkTensors(contract.arguments, tensors);
  if (!views)
    return views.takeError();
  for (auto [argument, view] : llvm::zip_equal(contract.arguments, *views)) {
    bool isDevice =
        view.device.device_type == kDLCUDA && view.device.device_id == ordinal;
    if (!isDevice && view.device.device_type != kDLCUDAManaged)
      return makeError(
          ErrorKind::InvalidArgument,
          llvm::formatv("argument '{0}' is on {1}, but the kernel is loaded on "
                        "cuda:{2}",
                        argument.name, printDevice(view.device), ordinal));
  }
  foldBatch(contract.arguments, *views);
  unsigned variant = pickVariant(contract, *views);
  Expected<LaunchPlan> plan =
      planLaunch(contract, variant, *views, multiprocessors,
                 variants[variant].blocksAtOnce);
  if (!plan)
    return plan.takeError();

  auto launch = std::make_shared<PreparedLaunch>();
  launch->plan = std::move(*plan);
  launch->maps.resize(launch->plan.parameters.size());
  for (auto [map, parameter] :
       llvm::zip_equal(launch->maps, launch->plan.parameters)) {
    if (const auto *mapPlan = std::get_if<TensorMapPlan>(&parameter)) {
      if (Error error = getTensorMap(*mapPlan, map))
        return std::move(error);
      launch->parameters.push_back(&map);
      continue;
    }
    if (std::holds_alternative<PiecePlan>(parameter)) {
      launch->parameters.push_back(nullptr); // Known with the stream.
      continue;
    }
    for (uint64_t &word : std::get<MemRefPlan>(parameter))
      launch->parameters.push_back(&word);
  }
  return launch;
}

Expected<Workspace> CudaKernel::Impl::getWorkspace(const LaunchPlan &plan,
                                                   void *stream,
                                                   const WorkspaceView *given) {
  if (plan.partialBytes == 0)
    return Workspace();
  if (!given)
    return workspaces->get(static_cast<Stream>(stream),
                           std::max(plan.partialBytes, most.partialBytes),
                           std::max(plan.counterBytes, most.counterBytes));
  constexpr uintptr_t alignment = 16;
  auto check = [&](llvm::StringRef name, const void *address, uint64_t bytes,
                   uint64_t needed) -> Error {
    if (bytes < needed)
      return makeError(ErrorKind::InvalidArgument,
                       llvm::formatv("the workspace has {0} bytes of {1}, but "
                                     "the launch needs {2}",
                                     bytes, name, needed));
    if (!address || reinterpret_cast<uintptr_t>(address) % alignment != 0)
      return makeError(ErrorKind::InvalidArgument,
                       llvm::formatv("the {0} of the workspace are at address "
                                     "{1}, but need {2}-byte alignment",
                                     name, address, alignment));
    return Error::success();
  };
  if (Error error = check("partials", given->partials, given->partialBytes,
                          plan.partialBytes))
    return std::move(error);
  if (Error error = check("counters", given->counters, given->counterBytes,
                          plan.counterBytes))
    return std::move(error);
  return Workspace{reinterpret_cast<uintptr_t>(given->partials),
                   reinterpret_cast<uintptr_t>(given->counters),
                   given->partialBytes, given->counterBytes};
}

/// So that one launch of any size prepares a stream for capture.
Error CudaKernel::Impl::reserveWorkspace(void *stream) {
  if (most.partialBytes == 0)
    return Error::success();
  ContextGuard guard(driver, context);
  if (Error error = guard.check())
    return error;
  return workspaces
      ->get(static_cast<Stream>(stream), most.partialBytes, most.counterBytes)
      .takeError();
}

Expected<WorkspaceView> CudaKernel::Impl::getMostWorkspace() {
  for (auto [i, kernel] : llvm::enumerate(contract.variants))
    if (kernel.hasMeetings() && !contract.getBounds(i))
      return makeError(ErrorKind::InvalidArgument,
                       "kernel '" + kernel.kernel +
                           "' serves any number of tokens: its workspace "
                           "depends on the tensors, but none are given");
  return most;
}
