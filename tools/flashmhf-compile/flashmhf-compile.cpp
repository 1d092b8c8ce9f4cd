//===- flashmhf-compile.cpp - The compiler as a tool ----------------------===//
//
/// \file
/// flashmhf-compile: a file or a preset in, one stage of its compilation out.
/// Output files appear whole or not at all; a kernel's launch contract goes
/// beside it as JSON.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Target/Compiler.h"
#include "flashmhf/Target/Problem.h"
#include "mlir/Support/Timing.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/WithColor.h"

using namespace mlir::flashmhf;
namespace cl = llvm::cl;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

static cl::OptionCategory category("flashmhf-compile options");

static cl::opt<std::string> inputFile(cl::Positional, cl::desc("[FILE.mlir]"),
                                      cl::cat(category));
static cl::opt<std::string> outputFile("o", cl::desc("Output file"),
                                       cl::value_desc("file"), cl::init("-"),
                                       cl::cat(category));
static cl::opt<EmitKind> emitKind(
    "emit", cl::desc("What to write:"), cl::init(EmitKind::PTX),
    cl::cat(category),
    cl::values(
        clEnumValN(EmitKind::MLIR, "mlir", "the verified input"),
        clEnumValN(EmitKind::Schedule, "schedule",
                   "which schedule is chosen and why, as JSON"),
        clEnumValN(EmitKind::Hopper, "hopper", "the hopper dialect"),
        clEnumValN(EmitKind::NVVM, "nvvm", "the LLVM and NVVM dialects"),
        clEnumValN(EmitKind::LLVM, "llvm", "LLVM IR of the kernel"),
        clEnumValN(EmitKind::PTX, "ptx", "PTX, and its launch contract"),
        clEnumValN(EmitKind::Cubin, "cubin",
                   "a cubin made by ptxas, and its launch contract"),
        clEnumValN(EmitKind::CPUMLIR, "cpu-mlir",
                   "the LLVM dialect for this CPU"),
        clEnumValN(EmitKind::CPULLVM, "cpu-llvm", "LLVM IR for this CPU"),
        clEnumValN(EmitKind::CPUObject, "cpu-object", "an object for this CPU"),
        clEnumValN(EmitKind::Timeline, "timeline",
                   "the predicted time on an H100")));

static cl::opt<std::string>
    preset("preset",
           cl::desc("Compile a configuration of the paper instead of a file: "
                    "128m, 370m or 1.3b"),
           cl::cat(category));
static cl::opt<std::string> dtype("dtype",
                                  cl::desc("Preset: bf16, f16, f32 or f64"),
                                  cl::init("bf16"), cl::cat(category));
static cl::opt<std::string>
    outType("out-dtype",
            cl::desc("Preset: element type of the output (default: --dtype)"),
            cl::cat(category));
static cl::opt<std::string> batch("batch",
                                  cl::desc("Preset: a number or dynamic"),
                                  cl::init("dynamic"), cl::cat(category));
static cl::opt<std::string> tokens("tokens",
                                   cl::desc("Preset: a number or dynamic"),
                                   cl::init("dynamic"), cl::cat(category));
static cl::opt<std::string>
    activation("activation",
               cl::desc("Preset: silu, gelu, relu, relu2, sigmoid or identity"),
               cl::init("silu"), cl::cat(category));
static cl::opt<bool> noUp("no-up", cl::desc("Preset: no U operand"),
                          cl::cat(category));
static cl::opt<bool> noRouter("no-router", cl::desc("Preset: no R operand"),
                              cl::cat(category));

static cl::opt<std::string> chip("chip", cl::desc("GPU to compile for"),
                                 cl::init(CompileOptions().chip),
                                 cl::cat(category));
static cl::opt<std::string>
    features("features",
             cl::desc("Features of the NVPTX target, such as +ptx80"),

             cl::cat(category));
static cl::opt<int> optLevel("opt-level",
                             cl::desc("Optimisation level of LLVM and ptxas"),
                             cl::init(CompileOptions().optLevel),
                             cl::cat(category));
static cl::opt<std::string>
    schedule("schedule",
             cl::desc("A #flashmhf.schedule<...> that replaces every other"),
             cl::cat(category));
static cl::opt<std::string>
    gpu("gpu",
        cl::desc("GPU to choose schedules for: h100-sxm, h200, h100-pcie, or "
                 "what its driver calls it"),
        cl::init(CompileOptions().gpu), cl::cat(category));
static cl::opt<std::string>
    database("database", cl::desc("Tuning database to ask first, JSON"),
             cl::value_desc("file"), cl::cat(category));
static cl::opt<bool>
    tuned("tuned", cl::desc("Ask tuning databases, not the cost model only"),
          cl::init(CompileOptions().tuned), cl::cat(category));
static cl::opt<bool> programmatic(
    "programmatic",
    cl::desc("Kernels may fetch K, U and V before the one in front of them in "
             "the stream ends, which must not write these"),
    cl::init(CompileOptions().programmatic), cl::cat(category));
static cl::opt<int>
    maxVariants("max-variants",
                cl::desc("Kernels for an operator of any number of tokens; 1 "
                         "for one that serves them all"),
                cl::init(CompileOptions().maxVariants), cl::cat(category));
static cl::opt<int> runnersUp(
    "runners-up",
    cl::desc("Schedules to name beside the chosen one, --emit=schedule"),
    cl::init(CompileOptions().runnersUp), cl::cat(category));
static cl::opt<std::string> ptxas("ptxas", cl::desc("The ptxas to run"),
                                  cl::cat(category));
static cl::opt<PtxasPolicy> ptxasPolicy(
    "ptxas-policy", cl::desc("On spills and serialised wgmma:"),
    cl::init(PtxasPolicy::Warn), cl::cat(category),
    cl::values(clEnumValN(PtxasPolicy::Warn, "warn", "warn"),
               clEnumValN(PtxasPolicy::Error, "error", "fail"),
               clEnumValN(PtxasPolicy::Ignore, "ignore", "say nothing")));
static cl::opt<bool> verbose("v", cl::desc("Print what ptxas said"),
                             cl::cat(category));

static Expected<int64_t> parseSize(StringRef option, StringRef text) {
  int64_t size;
  if (text == "dynamic")
    return Problem::dynamic;
  if (text.getAsInteger(10, size) || size < 1)
    return llvm::createStringError("--" + option + "=" + text +
                                   ": expected a positive number or dynamic");
  return size;
}

static Expected<ElementKind> parseElementKind(StringRef option,
                                              StringRef text) {
  if (std::optional<ElementKind> kind = symbolizeElementKind(text))
    return *kind;
  return llvm::createStringError("--" + option + "=" + text +
                                 ": expected bf16, f16, f32 or f64");
}

/// The module of --preset and the options that go with it.
static Expected<std::string> buildPreset() {
  std::optional<Problem> problem = getPreset(preset);
  if (!problem)
    return llvm::createStringError("unknown preset '" + preset +
                                   "': expected one of " + getPresetNames());
  static constexpr StringRef activations[] = {"silu",  "gelu",    "relu",
                                              "relu2", "sigmoid", "identity"};
  if (!llvm::is_contained(activations, activation))
    return llvm::createStringError("--activation=" + activation +
                                   ": expected silu, gelu, relu, relu2, "
                                   "sigmoid or identity");
  Expected<int64_t> batchSize = parseSize("batch", batch);
  if (!batchSize)
    return batchSize.takeError();
  Expected<int64_t> tokenCount = parseSize("tokens", tokens);
  if (!tokenCount)
    return tokenCount.takeError();
  Expected<ElementKind> inputKind = parseElementKind("dtype", dtype);
  if (!inputKind)
    return inputKind.takeError();
  Expected<ElementKind> outKind = outType.empty()
                                      ? parseElementKind("dtype", dtype)
                                      : parseElementKind("out-dtype", outType);
  if (!outKind)
    return outKind.takeError();
  problem->batch = *batchSize;
  problem->tokens = *tokenCount;
  problem->dtype = *inputKind;
  problem->outType = *outKind;
  problem->activation = activation;
  problem->hasUp = !noUp;
  problem->hasRouter = !noRouter;
  return buildModule(*problem);
}

/// The source and its name for diagnostics.
static Expected<std::pair<std::string, std::string>> readSource() {
  if (!preset.empty()) {
    if (!inputFile.empty())
      return llvm::createStringError("both a file and --preset are given");
    Expected<std::string> text = buildPreset();
    if (!text)
      return text.takeError();
    return std::pair(*text, "preset " + preset);
  }
  const cl::Option *presetOptions[] = {&dtype,      &outType, &batch,   &tokens,
                                       &activation, &noUp,    &noRouter};
  for (const cl::Option *option : presetOptions)
    if (option->getNumOccurrences() != 0)
      return llvm::createStringError("--" + option->ArgStr +
                                     " goes with --preset only");
  if (inputFile.empty())
    return llvm::createStringError("neither a file nor --preset is given");
  auto buffer = llvm::MemoryBuffer::getFileOrSTDIN(inputFile);
  if (!buffer)
    return llvm::createStringError("could not read '" + inputFile +
                                   "': " + buffer.getError().message());
  return std::pair((*buffer)->getBuffer().str(), inputFile.getValue());
}

/// Writes a file whole or not at all.
static Error writeFile(StringRef path, StringRef data) {
  Error error = llvm::writeToOutput(path, [&](llvm::raw_ostream &os) {
    os << data;
    return Error::success();
  });
  if (!error)
    return Error::success();
  return llvm::createStringError("could not write '" + path +
                                 "': " + llvm::toString(std::move(error)));
}

static Error writeArtifact(const Artifact &artifact) {
  if (!artifact.contract || outputFile == "-")
    return writeFile(outputFile, artifact.data);
  llvm::SmallString<128> contractFile(outputFile);
  llvm::sys::path::replace_extension(contractFile, "json");
  if (contractFile == outputFile)
    return llvm::createStringError("'" + outputFile +
                                   "' is the name of the kernel's contract");
  if (Error error = writeFile(outputFile, artifact.data))
    return error;
  Error error = writeFile(contractFile, printContract(*artifact.contract));
  if (!error)
    return Error::success();
  if (std::error_code code = llvm::sys::fs::remove(outputFile))
    error = llvm::joinErrors(std::move(error),
                             llvm::createStringError("could not remove '" +
                                                     outputFile +
                                                     "': " + code.message()));
  return error;
}

static Error run(bool &reported) {
  auto source = readSource();
  if (!source)
    return source.takeError();
  CompileOptions options;
  options.chip = chip;
  options.features = features;
  options.optLevel = optLevel;
  options.schedule = schedule;
  options.gpu = gpu;
  options.database = database;
  options.tuned = tuned;
  options.programmatic = programmatic;
  options.runnersUp = runnersUp;
  options.maxVariants = maxVariants;
  options.ptxasPath = ptxas;
  options.ptxasPolicy = ptxasPolicy;
  options.diagnosticHandler = [&](mlir::DiagnosticSeverity severity,
                                  StringRef message) {
    switch (severity) {
    case mlir::DiagnosticSeverity::Error:
      llvm::WithColor::error() << message << "\n";
      reported = true;
      break;
    case mlir::DiagnosticSeverity::Warning:
      llvm::WithColor::warning() << message << "\n";
      break;
    default:
      llvm::WithColor::note() << message << "\n";
    }
  };
  mlir::DefaultTimingManager timings; // prints when it goes
  mlir::applyDefaultTimingManagerCLOptions(timings);
  mlir::TimingScope timing = timings.getRootScope();
  options.timing = &timing;
  Expected<Artifact> artifact =
      compile(source->first, source->second, options, emitKind);
  if (!artifact)
    return artifact.takeError();
  if (verbose)
    llvm::errs() << artifact->ptxasLog;
  return writeArtifact(*artifact);
}

int main(int argc, char **argv) {
  llvm::InitLLVM initialize(argc, argv);
  mlir::registerDefaultTimingManagerCLOptions();
  cl::HideUnrelatedOptions(category);
  for (StringRef name : {"mlir-timing", "mlir-timing-display"})
    cl::getRegisteredOptions()[name]->setHiddenFlag(cl::NotHidden);
  cl::ParseCommandLineOptions(
      argc, argv,
      "flashmhf-compile: Flash Multi-Head FFN to GPU kernels and CPU code\n");
  bool reported = false;
  Error error = run(reported);
  if (!error)
    return 0;
  // Diagnostics have been printed as they came; the error repeats them.
  if (reported)
    llvm::consumeError(std::move(error));
  else
    llvm::WithColor::error() << llvm::toString(std::move(error)) << "\n";
  return 1;
}
