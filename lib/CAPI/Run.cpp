//===- Run.cpp - C API: running -------------------------------------------===//
//
/// \file
/// The C API from artifacts and sources to running code, on the CPU and on a
/// GPU.
//
//===----------------------------------------------------------------------===//

#include "Status.h"
#include "flashmhf/Runtime/CPUJit.h"
#include "flashmhf/Runtime/CudaKernel.h"
#include "flashmhf/Runtime/LaunchPlan.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir::flashmhf;
using llvm::Expected;

struct FlashmhfJit {
  std::unique_ptr<CPUJit> jit;
  std::string contract;
};

struct FlashmhfKernel {
  std::unique_ptr<CudaKernel> kernel;
};

/// The caller's array, or an error where it cannot be one.
static Expected<llvm::ArrayRef<const DLTensor *>>
unwrap(const DLTensor *const *tensors, int32_t count) {
  if (count < 0 || (count > 0 && !tensors))
    return makeError(ErrorKind::InvalidArgument,
                     "tensors is null or count is negative");
  return llvm::ArrayRef<const DLTensor *>(tensors, size_t(count));
}

//===----------------------------------------------------------------------===//
// CPU
//===----------------------------------------------------------------------===//

FlashmhfStatus flashmhfJitCreate(const char *source, size_t sourceSize,
                                 const FlashmhfCompileOptions *options,
                                 FlashmhfJit **jit) {
  if (!source || !jit)
    return setError(FLASHMHF_INVALID_ARGUMENT, "source or jit is null");
  Expected<CompileOptions> unwrapped = unwrap(options);
  if (!unwrapped)
    return toStatus(unwrapped.takeError());
  Expected<HostProgram> program =
      compileForHost(llvm::StringRef(source, sourceSize), "source", *unwrapped);
  if (!program)
    return toStatus(program.takeError());
  Expected<std::unique_ptr<CPUJit>> created =
      CPUJit::create(std::move(*program), options ? options->threads : 0);
  if (!created)
    return toStatus(created.takeError());

  llvm::json::Array arguments;
  for (const ContractArgument &argument : (*created)->getArguments())
    arguments.push_back(toJSON(argument));
  llvm::json::Value contract =
      llvm::json::Object{{"kernel", (*created)->getFunction()},
                         {"arguments", std::move(arguments)}};
  *jit = new FlashmhfJit{std::move(*created),
                         llvm::formatv("{0:2}\n", contract).str()};
  return FLASHMHF_OK;
}

FlashmhfStatus flashmhfJitRun(const FlashmhfJit *jit,
                              const DLTensor *const *tensors, int32_t count) {
  if (!jit)
    return setError(FLASHMHF_INVALID_ARGUMENT, "jit is null");
  auto unwrapped = unwrap(tensors, count);
  if (!unwrapped)
    return toStatus(unwrapped.takeError());
  return toStatus(jit->jit->run(*unwrapped));
}

const char *flashmhfJitContract(const FlashmhfJit *jit) {
  return jit->contract.c_str();
}

void flashmhfJitDestroy(FlashmhfJit *jit) { delete jit; }

//===----------------------------------------------------------------------===//
// GPU
//===----------------------------------------------------------------------===//

FlashmhfStatus flashmhfCudaAvailable(void) {
  return toStatus(checkCudaAvailable());
}

FlashmhfStatus flashmhfPlanLaunch(const char *contract,
                                  const DLTensor *const *tensors, int32_t count,
                                  int32_t multiprocessors, char **plan) {
  if (!contract || !plan)
    return setError(FLASHMHF_INVALID_ARGUMENT, "contract or plan is null");
  if (multiprocessors < 1)
    return setError(FLASHMHF_INVALID_ARGUMENT,
                    "multiprocessors must be at least 1");
  Expected<LaunchContract> parsed = parseContract(contract);
  if (!parsed)
    return toStatus(parsed.takeError());
  auto unwrapped = unwrap(tensors, count);
  if (!unwrapped)
    return toStatus(unwrapped.takeError());
  auto views = checkTensors(parsed->arguments, *unwrapped);
  if (!views)
    return toStatus(views.takeError());
  Expected<LaunchPlan> result = planLaunch(*parsed, *views, multiprocessors);
  if (!result)
    return toStatus(result.takeError());
  *plan = copyString(llvm::formatv("{0:2}\n", toJSON(*result)).str());
  return FLASHMHF_OK;
}

FlashmhfStatus flashmhfKernelLoad(const void *image, size_t imageSize,
                                  const char *contract, int32_t device,
                                  FlashmhfKernel **kernel) {
  if (!image || !contract || !kernel)
    return setError(FLASHMHF_INVALID_ARGUMENT,
                    "image, contract or kernel is null");
  Expected<LaunchContract> parsed = parseContract(contract);
  if (!parsed)
    return toStatus(parsed.takeError());
  auto loaded = CudaKernel::load(
      llvm::StringRef(static_cast<const char *>(image), imageSize),
      std::move(*parsed), device);
  if (!loaded)
    return toStatus(loaded.takeError());
  *kernel = new FlashmhfKernel{std::move(*loaded)};
  return FLASHMHF_OK;
}

FlashmhfStatus flashmhfKernelLaunch(FlashmhfKernel *kernel,
                                    const DLTensor *const *tensors,
                                    int32_t count, void *stream) {
  if (!kernel)
    return setError(FLASHMHF_INVALID_ARGUMENT, "kernel is null");
  auto unwrapped = unwrap(tensors, count);
  if (!unwrapped)
    return toStatus(unwrapped.takeError());
  return toStatus(kernel->kernel->launch(*unwrapped, stream));
}

void flashmhfKernelDestroy(FlashmhfKernel *kernel) { delete kernel; }
