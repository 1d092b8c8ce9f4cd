//===- Compiler.h - The compile driver --------------------------*- C++ -*-===//
//
/// \file
/// The driver: source text in, the artifact of one stage out. Tools, the C API
/// and the CPU JIT all compile through here.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_TARGET_COMPILER_H
#define FLASHMHF_TARGET_COMPILER_H

#include "flashmhf/Schedule/Versions.h"
#include "flashmhf/Target/LaunchContract.h"
#include "mlir/IR/Diagnostics.h"
#include <functional>
#include <memory>

namespace llvm {
class LLVMContext;
class Module;
class TargetMachine;
} // namespace llvm

namespace mlir {
class TimingScope;
} // namespace mlir

namespace mlir::flashmhf {

/// How far to compile; include/flashmhf-c/flashmhf.h says what each is.
enum class EmitKind {
  MLIR,
  Schedule,
  Hopper,
  NVVM,
  LLVM,
  PTX,
  Cubin,
  CPUMLIR,
  CPULLVM,
  CPUObject,
  Timeline
};

/// What to do about spills and serialised wgmma.
enum class PtxasPolicy { Warn, Error, Ignore };

struct CompileOptions {
  std::string chip = "sm_90a";
  /// Features of the NVPTX target; empty: the pipeline's default.
  std::string features;
  int optLevel = 3;
  /// Text of a schedule attribute for every operator; empty: their own.
  std::string schedule;
  /// See findPtxas.
  std::string ptxasPath;
  PtxasPolicy ptxasPolicy = PtxasPolicy::Warn;
  /// What schedules are chosen for and by; see flashmhf-assign-schedule.
  std::string gpu = "h100-sxm";
  std::string database;
  bool tuned = true;
  bool programmatic = false;
  /// Kernels for one operator of any number of tokens, see
  /// flashmhf-version-tokens.
  int maxVariants = kMaxVariants;
  /// Schedules that EmitKind::Schedule names beside the chosen one.
  int runnersUp = 8;
  /// Sees each diagnostic with its location in front.
  std::function<void(DiagnosticSeverity, llvm::StringRef)> diagnosticHandler;
  /// Gets a timer for each stage and pass, if there is one.
  TimingScope *timing = nullptr;
};

struct Artifact {
  std::string data;
  /// For PTX and cubin.
  std::optional<LaunchContract> contract;
  std::string ptxasLog;
};

/// Compiles the one public function of `source`; `name` stands in locations.
/// The error holds all error diagnostics, one a line.
llvm::Expected<Artifact> compile(llvm::StringRef source, llvm::StringRef name,
                                 const CompileOptions &options, EmitKind kind);

/// A function compiled to optimised LLVM IR for the host, see translateForHost.
struct HostProgram {
  std::string function;
  std::vector<ContractArgument> arguments;
  std::unique_ptr<llvm::TargetMachine> machine;
  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::Module> module; // dies before its context

  HostProgram();
  HostProgram(HostProgram &&);
  ~HostProgram();
};

llvm::Expected<HostProgram> compileForHost(llvm::StringRef source,
                                           llvm::StringRef name,
                                           const CompileOptions &options);

/// A function with its kernels in the hopper dialect, as MLIR text.
struct DeviceProgram {
  std::string function;
  std::vector<ContractArgument> arguments;
  std::string text;
};

llvm::Expected<DeviceProgram> compileToHopper(llvm::StringRef source,
                                              llvm::StringRef name,
                                              const CompileOptions &options);

} // namespace mlir::flashmhf

#endif // FLASHMHF_TARGET_COMPILER_H
