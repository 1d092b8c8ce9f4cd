//===- Compilation.h - A module on its way down -----------------*- C++ -*-===//
//
/// \file
/// What all ways through the compile driver share: options that have been
/// checked, the parsed module, its interface and its diagnostics.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_LIB_TARGET_COMPILATION_H
#define FLASHMHF_LIB_TARGET_COMPILATION_H

#include "flashmhf/Target/Compiler.h"
#include "flashmhf/Target/Errors.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/Timing.h"

namespace mlir::flashmhf {

/// A module on its way down, with the diagnostics that it has caused.
class Compilation {
public:
  /// Checks `options` and parses; `name` stands in locations. `options` must
  /// outlive the result.
  static llvm::Expected<std::unique_ptr<Compilation>>
  create(StringRef source, StringRef name, const CompileOptions &options);

  /// Runs a pipeline.
  llvm::Error run(llvm::function_ref<void(OpPassManager &)> build);
  /// Prints the module.
  std::string print();
  /// The error of `kind` with the messages so far.
  llvm::Error takeError(ErrorKind kind);

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
  explicit Compilation(const CompileOptions &options);
  llvm::Error parse(StringRef source, StringRef name);
  LogicalResult record(Diagnostic &diagnostic);
  llvm::Error findFunction();
  llvm::Error replaceSchedules();

  MLIRContext context;
  std::string errors;
  ScopedDiagnosticHandler handler;
  OwningOpRef<ModuleOp> module;
};

} // namespace mlir::flashmhf

#endif // FLASHMHF_LIB_TARGET_COMPILATION_H
