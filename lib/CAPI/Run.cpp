//===- Run.cpp - C API: running -------------------------------------------===//
//
/// \file
/// The C API from artifacts and sources to running code, on the CPU and on a
/// GPU.
//
//===----------------------------------------------------------------------===//

#include "Kernel.h"
#include "Status.h"
#include "flashmhf/Runtime/CPUJit.h"
#include "flashmhf/Runtime/EmulatedKernel.h"
#include "flashmhf/Runtime/LaunchPlan.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir::flashmhf;
using llvm::Expected;

struct FlashmhfJit {
  std::unique_ptr<CPUJit> jit;
  std::string contract;
};

struct FlashmhfEmulator {
  std::unique_ptr<EmulatedKernel> kernel;
  std::string contract;
};

/// The caller's array, or an error where it cannot be one.
static Expected<llvm::ArrayRef<const DLTensor *>>
unwrap(const DLTensor *const *tensors, int32_t count) {
  if (count < 0 || (count > 0 && !tensors))
    return makeError(ErrorKind::InvalidArgument,
                     "tensors is null or count is negative");
  return llvm::ArrayRef<const DLTensor *>(tensors, size_t(count));
}

/// What of a contract a function that runs on the CPU has.
static std::string describe(llvm::StringRef function,
                            llvm::ArrayRef<ContractArgument> arguments) {
  llvm::json::Array described;
  for (const ContractArgument &argument : arguments)
    described.push_back(toJSON(argument));
  llvm::json::Value contract = llvm::json::Object{
      {"kernel", function}, {"arguments", std::move(described)}};
  return llvm::formatv("{0:2}\n", contract).str();
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

  std::string contract =
      describe((*created)->getFunction(), (*created)->getArguments());
  *jit = new FlashmhfJit{std::move(*created), std::move(contract)};
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
// Emulation
//===----------------------------------------------------------------------===//

FlashmhfStatus flashmhfEmulatorCreate(const char *source, size_t sourceSize,
                                      const FlashmhfCompileOptions *options,
                                      FlashmhfEmulator **emulator) {
  if (!source || !emulator)
    return setError(FLASHMHF_INVALID_ARGUMENT, "source or emulator is null");
  Expected<CompileOptions> unwrapped = unwrap(options);
  if (!unwrapped)
    return toStatus(unwrapped.takeError());
  auto created = EmulatedKernel::create(llvm::StringRef(source, sourceSize),
                                        "source", *unwrapped);
  if (!created)
    return toStatus(created.takeError());
  std::string contract =
      describe((*created)->getFunction(), (*created)->getArguments());
  *emulator = new FlashmhfEmulator{std::move(*created), std::move(contract)};
  return FLASHMHF_OK;
}

FlashmhfStatus flashmhfEmulatorRun(const FlashmhfEmulator *emulator,
                                   const DLTensor *const *tensors,
                                   int32_t count, int32_t multiprocessors) {
  if (!emulator)
    return setError(FLASHMHF_INVALID_ARGUMENT, "emulator is null");
  auto unwrapped = unwrap(tensors, count);
  if (!unwrapped)
    return toStatus(unwrapped.takeError());
  mlir::hopper::EmulateOptions options;
  options.multiprocessors = multiprocessors;
  return toStatus(emulator->kernel->run(*unwrapped, options));
}

FlashmhfStatus flashmhfEmulatorTrace(const FlashmhfEmulator *emulator,
                                     const DLTensor *const *tensors,
                                     int32_t count, int32_t multiprocessors,
                                     char **trace) {
  if (!emulator || !trace)
    return setError(FLASHMHF_INVALID_ARGUMENT, "emulator or trace is null");
  auto unwrapped = unwrap(tensors, count);
  if (!unwrapped)
    return toStatus(unwrapped.takeError());
  mlir::hopper::Timeline timeline;
  mlir::hopper::EmulateOptions options;
  options.multiprocessors = multiprocessors;
  options.timeline = &timeline;
  if (llvm::Error error = emulator->kernel->run(*unwrapped, options))
    return toStatus(std::move(error));
  *trace = copyString(timeline.toJSON());
  return FLASHMHF_OK;
}

const char *flashmhfEmulatorContract(const FlashmhfEmulator *emulator) {
  return emulator->contract.c_str();
}

void flashmhfEmulatorDestroy(FlashmhfEmulator *emulator) { delete emulator; }

//===----------------------------------------------------------------------===//
// GPU
//===----------------------------------------------------------------------===//

FlashmhfStatus flashmhfCudaAvailable(void) {
  return toStatus(checkCudaAvailable());
}

FlashmhfStatus flashmhfCudaDeviceName(int32_t device, char **name) {
  if (!name)
    return setError(FLASHMHF_INVALID_ARGUMENT, "name is null");
  Expected<std::string> found = getGpuName(device);
  if (!found)
    return toStatus(found.takeError());
  *name = copyString(*found);
  return FLASHMHF_OK;
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
  foldBatch(parsed->arguments, *views);
  Expected<LaunchPlan> result = planLaunch(
      *parsed, pickVariant(*parsed, *views), *views, multiprocessors);
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

FlashmhfStatus flashmhfKernelWorkspace(FlashmhfKernel *kernel,
                                       const DLTensor *const *tensors,
                                       int32_t count,
                                       FlashmhfWorkspace *workspace) {
  if (!kernel || !workspace)
    return setError(FLASHMHF_INVALID_ARGUMENT, "kernel or workspace is null");
  auto unwrapped = unwrap(tensors, count);
  if (!unwrapped)
    return toStatus(unwrapped.takeError());
  Expected<WorkspaceView> sizes = kernel->kernel->getWorkspaceSizes(*unwrapped);
  if (!sizes)
    return toStatus(sizes.takeError());
  *workspace = {nullptr, size_t(sizes->partialBytes), nullptr,
                size_t(sizes->counterBytes)};
  return FLASHMHF_OK;
}

FlashmhfStatus flashmhfKernelLaunchWithWorkspace(
    FlashmhfKernel *kernel, const DLTensor *const *tensors, int32_t count,
    const FlashmhfWorkspace *workspace, void *stream) {
  if (!kernel || !workspace)
    return setError(FLASHMHF_INVALID_ARGUMENT, "kernel or workspace is null");
  auto unwrapped = unwrap(tensors, count);
  if (!unwrapped)
    return toStatus(unwrapped.takeError());
  WorkspaceView view;
  view.partials = workspace->partials;
  view.partialBytes = workspace->partialsSize;
  view.counters = workspace->counters;
  view.counterBytes = workspace->countersSize;
  return toStatus(kernel->kernel->launch(*unwrapped, stream, &view));
}

void flashmhfKernelDestroy(FlashmhfKernel *kernel) { delete kernel; }
