//===- Compile.cpp - C API: compilation -----------------------------------===//
//
/// \file
/// The C API up to the artifact: problems, options, compilation.
//
//===----------------------------------------------------------------------===//

#include "Status.h"
#include "flashmhf/Target/Problem.h"

#include <cstring>

using namespace mlir::flashmhf;
using llvm::Expected;

struct FlashmhfArtifact {
  std::string data;
  std::string contract;
  std::string ptxasLog;
};

//===----------------------------------------------------------------------===//
// Problems
//===----------------------------------------------------------------------===//

static constexpr ElementKind elementKinds[] = {
    ElementKind::BF16, ElementKind::F16, ElementKind::F32, ElementKind::F64};
static constexpr const char *activations[] = {"silu",  "gelu",    "relu",
                                              "relu2", "sigmoid", "identity"};

/// The entry that a C enum stands for, null if it is none. A C program may have
/// put any number there, which C++ must not load as an enum.
template <typename T, size_t N, typename Enum>
static const T *lookUp(const T (&table)[N], const Enum &value) {
  unsigned number;
  static_assert(sizeof(Enum) == sizeof(number));
  std::memcpy(&number, &value, sizeof(number));
  return number < N ? &table[number] : nullptr;
}

FlashmhfStatus flashmhfProblemFromPreset(const char *name,
                                         FlashmhfProblem *problem) {
  if (!name || !problem)
    return setError(FLASHMHF_INVALID_ARGUMENT, "name or problem is null");
  std::optional<Problem> preset = getPreset(name);
  if (!preset)
    return setError(FLASHMHF_INVALID_ARGUMENT,
                    ("unknown preset '" + llvm::Twine(name) +
                     "': expected one of " + getPresetNames())
                        .str());
  problem->batch = preset->batch;
  problem->heads = preset->heads;
  problem->groups = preset->groups;
  problem->tokens = preset->tokens;
  problem->headDim = preset->headDim;
  problem->subnetworks = preset->subnetworks;
  problem->subnetworkWidth = preset->subnetworkWidth;
  problem->dtype = FLASHMHF_BF16;
  problem->outType = FLASHMHF_BF16;
  problem->activation = FLASHMHF_SILU;
  problem->hasUp = 1;
  problem->hasRouter = 1;
  return FLASHMHF_OK;
}

FlashmhfStatus flashmhfBuildModule(const FlashmhfProblem *problem,
                                   char **source) {
  if (!problem || !source)
    return setError(FLASHMHF_INVALID_ARGUMENT, "problem or source is null");
  const ElementKind *dtype = lookUp(elementKinds, problem->dtype);
  const ElementKind *outType = lookUp(elementKinds, problem->outType);
  const char *const *activation = lookUp(activations, problem->activation);
  if (!dtype || !outType)
    return setError(FLASHMHF_INVALID_ARGUMENT, "unknown element type");
  if (!activation)
    return setError(FLASHMHF_INVALID_ARGUMENT, "unknown activation");

  Problem converted;
  converted.batch = problem->batch;
  converted.heads = problem->heads;
  converted.groups = problem->groups;
  converted.tokens = problem->tokens;
  converted.headDim = problem->headDim;
  converted.subnetworks = problem->subnetworks;
  converted.subnetworkWidth = problem->subnetworkWidth;
  converted.dtype = *dtype;
  converted.outType = *outType;
  converted.activation = *activation;
  converted.hasUp = problem->hasUp != 0;
  converted.hasRouter = problem->hasRouter != 0;
  Expected<std::string> text = buildModule(converted);
  if (!text)
    return toStatus(text.takeError());
  *source = copyString(*text);
  return FLASHMHF_OK;
}

//===----------------------------------------------------------------------===//
// Compilation
//===----------------------------------------------------------------------===//

void flashmhfCompileOptionsInit(FlashmhfCompileOptions *options) {
  if (!options)
    return;
  *options = {};
  options->optLevel = 3;
  options->tuned = 1;
  options->runnersUp = 8;
  options->maxVariants = kMaxVariants;
}

Expected<CompileOptions>
mlir::flashmhf::unwrap(const FlashmhfCompileOptions *options) {
  CompileOptions result;
  if (!options)
    return result;
  static constexpr PtxasPolicy policies[] = {
      PtxasPolicy::Warn, PtxasPolicy::Error, PtxasPolicy::Ignore};
  const PtxasPolicy *policy = lookUp(policies, options->ptxasPolicy);
  if (!policy)
    return makeError(ErrorKind::InvalidArgument, "unknown ptxas policy");
  if (options->threads < 0)
    return makeError(ErrorKind::InvalidArgument,
                     "threads is " + llvm::Twine(options->threads) +
                         ", expected at least 0");
  result.ptxasPolicy = *policy;
  result.optLevel = options->optLevel;
  if (options->chip)
    result.chip = options->chip;
  if (options->features)
    result.features = options->features;
  if (options->schedule)
    result.schedule = options->schedule;
  result.tuned = options->tuned != 0;
  result.runnersUp = options->runnersUp;
  result.maxVariants = options->maxVariants;
  result.programmatic = options->programmatic != 0;
  if (options->gpu)
    result.gpu = options->gpu;
  if (options->database)
    result.database = options->database;
  if (options->ptxasPath)
    result.ptxasPath = options->ptxasPath;
  if (FlashmhfDiagnosticCallback callback = options->diagnosticCallback) {
    void *userData = options->diagnosticUserData;
    result.diagnosticHandler = [=](mlir::DiagnosticSeverity severity,
                                   llvm::StringRef message) {
      FlashmhfSeverity converted = FLASHMHF_ERROR;
      switch (severity) {
      case mlir::DiagnosticSeverity::Note:
        converted = FLASHMHF_NOTE;
        break;
      case mlir::DiagnosticSeverity::Remark:
        converted = FLASHMHF_REMARK;
        break;
      case mlir::DiagnosticSeverity::Warning:
        converted = FLASHMHF_WARNING;
        break;
      case mlir::DiagnosticSeverity::Error:
        break;
      }
      callback(converted, message.str().c_str(), userData);
    };
  }
  return result;
}

FlashmhfStatus flashmhfCompile(const char *source, size_t sourceSize,
                               const FlashmhfCompileOptions *options,
                               FlashmhfEmit emit, FlashmhfArtifact **artifact) {
  if (!source || !artifact)
    return setError(FLASHMHF_INVALID_ARGUMENT, "source or artifact is null");
  static constexpr EmitKind kinds[] = {
      EmitKind::MLIR,      EmitKind::Schedule, EmitKind::Hopper,
      EmitKind::NVVM,      EmitKind::LLVM,     EmitKind::PTX,
      EmitKind::Cubin,     EmitKind::CPUMLIR,  EmitKind::CPULLVM,
      EmitKind::CPUObject, EmitKind::Timeline};
  const EmitKind *kind = lookUp(kinds, emit);
  if (!kind)
    return setError(FLASHMHF_INVALID_ARGUMENT, "unknown kind of artifact");
  Expected<CompileOptions> unwrapped = unwrap(options);
  if (!unwrapped)
    return toStatus(unwrapped.takeError());
  Expected<Artifact> result =
      compile(llvm::StringRef(source, sourceSize), "source", *unwrapped, *kind);
  if (!result)
    return toStatus(result.takeError());
  *artifact = new FlashmhfArtifact{
      std::move(result->data),
      result->contract ? printContract(*result->contract) : "",
      std::move(result->ptxasLog)};
  return FLASHMHF_OK;
}

const char *flashmhfArtifactData(const FlashmhfArtifact *artifact) {
  return artifact->data.c_str();
}

size_t flashmhfArtifactSize(const FlashmhfArtifact *artifact) {
  return artifact->data.size();
}

const char *flashmhfArtifactContract(const FlashmhfArtifact *artifact) {
  return artifact->contract.c_str();
}

const char *flashmhfArtifactPtxasLog(const FlashmhfArtifact *artifact) {
  return artifact->ptxasLog.c_str();
}

void flashmhfArtifactDestroy(FlashmhfArtifact *artifact) { delete artifact; }
