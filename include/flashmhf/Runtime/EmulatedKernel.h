/// \file
/// A function whose kernels are emulated on this process's CPU.

#ifndef FLASHMHF_RUNTIME_EMULATEDKERNEL_H
#define FLASHMHF_RUNTIME_EMULATEDKERNEL_H

#include "flashmhf/Emulate/Emulator.h"
#include "flashmhf/Runtime/Tensors.h"
#include <memory>

namespace mlir::flashmhf {

struct CompileOptions;

class EmulatedKernel {
public:
  /// Compiles the one public function of `source` as for the GPU, down to the
  /// hopper dialect.
  static llvm::Expected<std::unique_ptr<EmulatedKernel>>
  create(llvm::StringRef source, llvm::StringRef name,
         const CompileOptions &options);
  ~EmulatedKernel();

  /// Checks the tensors and runs the kernels. Safe from several threads.
  llvm::Error run(llvm::ArrayRef<const DLTensor *> tensors,
                  const hopper::EmulateOptions &options) const;

  llvm::StringRef getFunction() const { return function; }
  llvm::ArrayRef<ContractArgument> getArguments() const { return arguments; }

private:
  EmulatedKernel();

  std::string function;
  std::vector<ContractArgument> arguments;
  /// What the emulator's locations live in.
  std::unique_ptr<MLIRContext> context;
  std::unique_ptr<hopper::Emulator> emulator;
};

} // namespace mlir::flashmhf

#endif // FLASHMHF_RUNTIME_EMULATEDKERNEL_H
