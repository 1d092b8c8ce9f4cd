//===- Compiler.cpp - The compile driver ----------------------------------===//
//
/// \file
/// One compilation from source text to the asked stage. In: MLIR text or
/// bytecode; out: bytes and, for what a GPU can load, the launch contract.
/// Every diagnostic made on the way ends up in the error that is returned.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Target/Compiler.h"
#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"
#include "flashmhf/Emulate/Emulator.h"
#include "flashmhf/InitAll.h"
#include "flashmhf/Pipelines/Pipelines.h"
#include "flashmhf/Target/ContractBuilder.h"
#include "flashmhf/Target/Errors.h"
#include "flashmhf/Target/Explanation.h"
#include "flashmhf/Target/HostCodeGen.h"
#include "flashmhf/Target/KernelCodeGen.h"
#include "flashmhf/Target/Ptxas.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;
using namespace mlir::flashmhf;
using llvm::Error;
using llvm::Expected;

HostProgram::HostProgram() = default;
HostProgram::HostProgram(HostProgram &&) = default;
HostProgram::~HostProgram() = default;

namespace {
/// A module on its way down, with the diagnostics that it has caused.
class Compilation {
public:
  explicit Compilation(const CompileOptions &options)
      : options(options),
        context(makeRegistry(), MLIRContext::Threading::DISABLED),
        handler(&context,
                [this](Diagnostic &diagnostic) { return record(diagnostic); }) {
    // A diagnostic names the operation and the sizes; the operation itself may
    // be a whole kernel.
    context.printOpOnDiagnostic(false);
  }

  Error parse(StringRef source, StringRef name);
  /// Runs a pipeline.
  Error run(llvm::function_ref<void(OpPassManager &)> build);
  /// Prints the module.
  std::string print();
  /// The error of `kind` with the messages so far.
  Error takeError(ErrorKind kind);

  ModuleOp getModule() { return *module; }
  void warn(StringRef message);
  /// A timer for a stage; it runs until it is destroyed.
  TimingScope time(StringRef stage) {
    return options.timing ? options.timing->nest(stage) : TimingScope();
  }

  const CompileOptions &options;
  std::string function;
  std::vector<ContractArgument> arguments;

private:
  static DialectRegistry makeRegistry() {
    DialectRegistry registry;
    flashmhf::registerAllDialects(registry);
    return registry;
  }
  LogicalResult record(Diagnostic &diagnostic);
  Error findFunction();
  Error replaceSchedules();

  MLIRContext context;
  std::string errors;
  ScopedDiagnosticHandler handler;
  OwningOpRef<ModuleOp> module;
};
} // namespace

static void printDiagnostic(Diagnostic &diagnostic, llvm::raw_ostream &os) {
  if (auto location =
          diagnostic.getLocation()->findInstanceOf<FileLineColLoc>())
    os << location.getFilename().getValue() << ":" << location.getLine() << ":"
       << location.getColumn() << ": ";
  os << diagnostic;
}

LogicalResult Compilation::record(Diagnostic &diagnostic) {
  auto report = [&](Diagnostic &each, bool isError) {
    std::string message;
    llvm::raw_string_ostream os(message);
    printDiagnostic(each, os);
    if (options.diagnosticHandler)
      options.diagnosticHandler(each.getSeverity(), message);
    if (isError)
      errors += (errors.empty() ? "" : "\n") + message;
  };
  bool isError = diagnostic.getSeverity() == DiagnosticSeverity::Error;
  report(diagnostic, isError);
  for (Diagnostic &note : diagnostic.getNotes())
    report(note, isError);
  return success();
}

Error Compilation::takeError(ErrorKind kind) {
  if (errors.empty())
    errors = "compilation failed";
  return makeError(kind, std::exchange(errors, ""));
}

void Compilation::warn(StringRef message) {
  if (options.diagnosticHandler)
    options.diagnosticHandler(DiagnosticSeverity::Warning, message);
}

Error Compilation::parse(StringRef source, StringRef name) {
  TimingScope timing = time("Parser");
  llvm::SourceMgr sourceManager;
  sourceManager.AddNewSourceBuffer(
      llvm::MemoryBuffer::getMemBufferCopy(source, name), llvm::SMLoc());
  module = parseSourceFile<ModuleOp>(sourceManager, &context);
  if (!module)
    return takeError(ErrorKind::Parse);
  if (Error error = findFunction())
    return error;
  return replaceSchedules();
}

/// The one public function with a body is what gets compiled.
Error Compilation::findFunction() {
  SmallVector<func::FuncOp> functions;
  for (auto candidate : module->getOps<func::FuncOp>())
    if (candidate.isPublic() && !candidate.isDeclaration())
      functions.push_back(candidate);
  if (functions.size() != 1) {
    module->emitError("expected one public function with a body, found ")
        << functions.size();
    return takeError(ErrorKind::Parse);
  }
  function = functions.front().getName().str();
  FailureOr<std::vector<ContractArgument>> described =
      describeArguments(functions.front());
  if (failed(described))
    return takeError(ErrorKind::Parse);
  arguments = std::move(*described);
  return Error::success();
}

Error Compilation::replaceSchedules() {
  if (options.schedule.empty())
    return Error::success();
  auto schedule = dyn_cast_or_null<ScheduleAttr>(
      parseAttribute(options.schedule, &context));
  if (!schedule) {
    std::string detail = errors.empty() ? "" : ":\n" + errors;
    return makeError(ErrorKind::Parse, "'" + options.schedule +
                                           "' is not a #flashmhf.schedule<...> "
                                           "attribute" +
                                           detail);
  }
  module->walk([&](MHFFNOp op) { op.setScheduleAttr(schedule); });
  // The operators' verifiers relate sizes and schedule.
  if (failed(verify(*module)))
    return takeError(ErrorKind::Compile);
  return Error::success();
}

Error Compilation::run(llvm::function_ref<void(OpPassManager &)> build) {
  PassManager passes(&context);
  if (options.timing)
    passes.enableTiming(*options.timing);
  build(passes);
  if (failed(passes.run(*module)))
    return takeError(ErrorKind::Compile);
  return Error::success();
}

std::string Compilation::print() {
  std::string text;
  llvm::raw_string_ostream os(text);
  module->print(os);
  os << "\n";
  return text;
}

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
}

/// Says which schedules would be chosen, and why.
static Expected<Artifact> explain(Compilation &compilation) {
  const CompileOptions &options = compilation.options;
  Expected<DatabaseChoice> databases =
      DatabaseChoice::get(options.database, options.tuned);
  if (!databases)
    return makeError(ErrorKind::Compile, toString(databases.takeError()));
  ChooseOptions choose;
  choose.chip = &getChip(options.gpu);
  choose.databases = databases->get();
  return Artifact{
      explainSchedules(compilation.getModule(), choose, options.runnersUp),
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
  options.firstClusterOnly = true;
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

static Error checkOptions(const CompileOptions &options) {
  if (options.optLevel < 0 || options.optLevel > 3)
    return makeError(ErrorKind::InvalidArgument, "optimisation level " +
                                                     Twine(options.optLevel) +
                                                     " is not in 0..3");
  if (options.chip != "sm_90a")
    return makeError(ErrorKind::InvalidArgument,
                     "unsupported chip '" + options.chip +
                         "': only sm_90a can be compiled for");
  if (options.runnersUp < 0)
    return makeError(ErrorKind::InvalidArgument, "runners-up are " +
                                                     Twine(options.runnersUp) +
                                                     ", expected at least 0");
  return Error::success();
}

Expected<Artifact> mlir::flashmhf::compile(StringRef source, StringRef name,
                                           const CompileOptions &options,
                                           EmitKind kind) {
  if (Error error = checkOptions(options))
    return std::move(error);
  Compilation compilation(options);
  if (Error error = compilation.parse(source, name))
    return std::move(error);
  switch (kind) {
  case EmitKind::MLIR:
    return Artifact{compilation.print(), std::nullopt, ""};
  case EmitKind::CPUMLIR:
  case EmitKind::CPULLVM:
  case EmitKind::CPUObject:
    return compileHost(compilation, kind);
  default:
    return compileDevice(compilation, kind);
  }
}

Expected<HostProgram>
mlir::flashmhf::compileForHost(StringRef source, StringRef name,
                               const CompileOptions &options) {
  if (Error error = checkOptions(options))
    return std::move(error);
  Compilation compilation(options);
  if (Error error = compilation.parse(source, name))
    return std::move(error);
  return makeHostProgram(compilation);
}

Expected<DeviceProgram>
mlir::flashmhf::compileToHopper(StringRef source, StringRef name,
                                const CompileOptions &options) {
  if (Error error = checkOptions(options))
    return std::move(error);
  Compilation compilation(options);
  if (Error error = compilation.parse(source, name))
    return std::move(error);
  Expected<Artifact> artifact = compileDevice(compilation, EmitKind::Hopper);
  if (!artifact)
    return artifact.takeError();
  return DeviceProgram{compilation.function, compilation.arguments,
                       std::move(artifact->data)};
}
