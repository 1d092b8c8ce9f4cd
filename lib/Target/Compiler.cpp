//===- Compiler.cpp - The compile driver ----------------------------------===//
//
/// \file
/// One compilation from source text to the asked stage. In: MLIR text or
/// bytecode; out: bytes and, for what a GPU can load, the launch contract.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Target/Compiler.h"

#include "Compilation.h"
#include "flashmhf/Emulate/Emulator.h"
#include "flashmhf/Pipelines/Pipelines.h"
#include "flashmhf/Target/ContractBuilder.h"
#include "flashmhf/Target/Explanation.h"
#include "flashmhf/Target/HostCodeGen.h"
#include "flashmhf/Target/KernelCodeGen.h"
#include "flashmhf/Target/Ptxas.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;
using namespace mlir::flashmhf;
using llvm::Error;
using llvm::Expected;

HostProgram::HostProgram() = default;
HostProgram::HostProgram(HostProgram &&) = default;
HostProgram::~HostProgram() = default;

//===----------------------------------------------------------------------===//
// CPU
//===----------------------------------------------------------------------===//

static Error lowerForHost(Compilation &compilation) {
  // The entry point calls through MLIR's C interface of the function.
  auto function =
      compilation.getModule().lookupSymbol<func::FuncOp>(compilation.function);
  function->setAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName(),
                    UnitAttr::get(function.getContext()));
  ToCPUOptions target;
  target.setHost();
  return compilation.run(
      [&](OpPassManager &passes) { buildToCPUPipeline(passes, target); });
}

static Expected<HostProgram> makeHostProgram(Compilation &compilation) {
  if (Error error = lowerForHost(compilation))
    return std::move(error);
  int optLevel = compilation.options.optLevel;
  HostProgram program;
  auto machine = createHostTargetMachine(optLevel);
  if (!machine)
    return machine.takeError();
  program.machine = std::move(*machine);
  program.context = std::make_unique<llvm::LLVMContext>();
  auto module = translateForHost(compilation.getModule(), compilation.function,
                                 compilation.arguments.size(), *program.context,
                                 *program.machine, optLevel);
  if (!module)
    return module.takeError();
  program.module = std::move(*module);
  program.function = compilation.function;
  program.arguments = compilation.arguments;
  return program;
}

static Expected<Artifact> compileHost(Compilation &compilation, EmitKind kind) {
  Artifact artifact;
  if (kind == EmitKind::CPUMLIR) {
    if (Error error = lowerForHost(compilation))
      return std::move(error);
    artifact.data = compilation.print();
    return artifact;
  }
  Expected<HostProgram> program = makeHostProgram(compilation);
  if (!program)
    return program.takeError();
  if (kind == EmitKind::CPULLVM) {
    llvm::raw_string_ostream os(artifact.data);
    program->module->print(os, nullptr);
    return artifact;
  }
  Expected<std::string> object =
      emitObject(*program->module, *program->machine);
  if (!object)
    return object.takeError();
  artifact.data = std::move(*object);
  return artifact;
}

//===----------------------------------------------------------------------===//
// GPU
//===----------------------------------------------------------------------===//

static void setOptions(const CompileOptions &options, ToNVVMOptions &target) {
  target.chip = options.chip;
  if (!options.features.empty())
    target.features = options.features;
  target.optLevel = options.optLevel;
  target.gpu = options.gpu;
  target.database = options.database;
  target.tuned = options.tuned;
  target.programmatic = options.programmatic;
  target.maxVariants = options.maxVariants;
}

/// Says which schedules would be chosen, and why.
static Expected<Artifact> explain(Compilation &compilation) {
  const CompileOptions &options = compilation.options;
  FailureOr<ChooseOptions> choose = readChooseOptions(
      options.gpu, options.database, options.tuned, options.programmatic,
      UnknownLoc::get(compilation.getModule().getContext()));
  if (failed(choose))
    return compilation.takeError(ErrorKind::Compile);
  VersionOptions versions;
  versions.maxVariants = options.maxVariants;
  return Artifact{explainSchedules(compilation.getModule(), *choose, versions,
                                   options.runnersUp),
                  std::nullopt, ""};
}

/// Replaces PTX by what ptxas makes of it and reports its complaints.
static Error assemble(Compilation &compilation, Artifact &artifact) {
  const CompileOptions &options = compilation.options;
  Expected<std::string> ptxas = findPtxas(options.ptxasPath);
  if (!ptxas)
    return ptxas.takeError();
  TimingScope timing = compilation.time("ptxas");
  Expected<PtxasResult> result =
      runPtxas(*ptxas, artifact.data, options.chip, options.optLevel);
  if (!result)
    return result.takeError();
  if (!result->complaints.empty()) {
    std::string complaint =
        "ptxas: " + llvm::join(result->complaints, "\nptxas: ");
    if (options.ptxasPolicy == PtxasPolicy::Error)
      return makeError(ErrorKind::Compile, complaint);
    if (options.ptxasPolicy == PtxasPolicy::Warn)
      compilation.warn(complaint);
  }
  artifact.data = std::move(result->cubin);
  artifact.ptxasLog = std::move(result->log);
  return Error::success();
}

/// From NVVM to LLVM IR, PTX or a cubin.
static Expected<Artifact> emitKernel(Compilation &compilation,
                                     const ToNVVMOptions &target,
                                     EmitKind kind) {
  auto function =
      compilation.getModule().lookupSymbol<func::FuncOp>(compilation.function);
  FailureOr<LaunchContract> contract =
      buildContract(function, compilation.arguments, target.chip);
  if (failed(contract))
    return compilation.takeError(ErrorKind::Compile);

  auto kernels = *compilation.getModule().getOps<gpu::GPUModuleOp>().begin();
  bool isLLVM = kind == EmitKind::LLVM;
  TimingScope timing = compilation.time("Code generation");
  FailureOr<std::string> text =
      translateKernels(kernels, target.chip, target.features, target.optLevel,
                       isLLVM ? KernelText::LLVM : KernelText::PTX, timing);
  timing.stop();
  if (failed(text))
    return compilation.takeError(ErrorKind::Compile);
  Artifact artifact;
  artifact.data = std::move(*text);
  if (isLLVM)
    return artifact;
  artifact.contract = std::move(*contract);
  if (kind == EmitKind::Cubin)
    if (Error error = assemble(compilation, artifact))
      return std::move(error);
  return artifact;
}

/// Predicts the time of the module's kernel on tensors of zeros.
static Expected<Artifact> predictTimeline(Compilation &compilation) {
  auto emulator = hopper::Emulator::create(compilation.getModule());
  if (!emulator)
    return makeError(ErrorKind::Compile, toString(emulator.takeError()));
  std::vector<std::vector<char>> memory;
  SmallVector<hopper::TensorRef> tensors;
  for (const ContractArgument &argument : compilation.arguments) {
    hopper::TensorRef &tensor = tensors.emplace_back();
    int64_t count = 1;
    for (std::optional<int64_t> size : argument.shape) {
      if (!size)
        return makeError(ErrorKind::Compile,
                         "a timeline needs the sizes of all arguments, but '" +
                             argument.name + "' has dynamic ones");
      tensor.sizes.push_back(*size);
      if (llvm::MulOverflow(count, *size, count) || count > int64_t(1) << 32)
        return makeError(ErrorKind::Compile,
                         "argument '" + argument.name +
                             "' is too large for a timeline");
    }
    tensor.strides.assign(tensor.sizes.size(), 1);
    for (size_t i = tensor.sizes.size(); i-- > 1;)
      tensor.strides[i - 1] = tensor.strides[i] * tensor.sizes[i];
    memory.emplace_back(count * getElementSize(argument.dtype));
    tensor.data = memory.back().data();
  }
  hopper::Timeline timeline;
  hopper::EmulateOptions options;
  options.timeline = &timeline;
  options.timelineOnly = true;
  if (Error error = (*emulator)->run(tensors, options))
    return makeError(ErrorKind::Compile, toString(std::move(error)));
  return Artifact{timeline.toText(options.multiprocessors), std::nullopt, ""};
}

static Expected<Artifact> compileDevice(Compilation &compilation,
                                        EmitKind kind) {
  if (kind == EmitKind::Schedule)
    return explain(compilation);
  ToNVVMOptions target;
  setOptions(compilation.options, target);
  if (Error error = compilation.run([&](OpPassManager &passes) {
        if (kind == EmitKind::Hopper || kind == EmitKind::Timeline)
          buildToHopperPipeline(passes, target);
        else
          buildToNVVMPipeline(passes, target);
      }))
    return std::move(error);
  if (kind == EmitKind::Timeline)
    return predictTimeline(compilation);
  if (kind == EmitKind::Hopper || kind == EmitKind::NVVM)
    return Artifact{compilation.print(), std::nullopt, ""};
  return emitKernel(compilation, target, kind);
}

//===----------------------------------------------------------------------===//
// The driver
//===----------------------------------------------------------------------===//

Expected<Artifact> mlir::flashmhf::compile(StringRef source, StringRef name,
                                           const CompileOptions &options,
                                           EmitKind kind) {
  auto compilation = Compilation::create(source, name, options);
  if (!compilation)
    return compilation.takeError();
  switch (kind) {
  case EmitKind::MLIR:
    return Artifact{(*compilation)->print(), std::nullopt, ""};
  case EmitKind::CPUMLIR:
  case EmitKind::CPULLVM:
  case EmitKind::CPUObject:
    return compileHost(**compilation, kind);
  default:
    return compileDevice(**compilation, kind);
  }
}

Expected<HostProgram>
mlir::flashmhf::compileForHost(StringRef source, StringRef name,
                               const CompileOptions &options) {
  auto compilation = Compilation::create(source, name, options);
  if (!compilation)
    return compilation.takeError();
  return makeHostProgram(**compilation);
}

Expected<DeviceProgram>
mlir::flashmhf::compileToHopper(StringRef source, StringRef name,
                                const CompileOptions &options) {
  auto compilation = Compilation::create(source, name, options);
  if (!compilation)
    return compilation.takeError();
  Expected<Artifact> artifact = compileDevice(**compilation, EmitKind::Hopper);
  if (!artifact)
    return artifact.takeError();
  return DeviceProgram{(*compilation)->function, (*compilation)->arguments,
                       std::move(artifact->data)};
}
