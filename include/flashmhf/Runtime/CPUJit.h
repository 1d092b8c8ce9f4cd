//===- CPUJit.h - A function on this CPU ------------------------*- C++ -*-===//
//
/// \file
/// A function compiled for this process's CPU and ready to be called.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_RUNTIME_CPUJIT_H
#define FLASHMHF_RUNTIME_CPUJIT_H

#include "flashmhf/Runtime/Tensors.h"
#include <memory>

namespace llvm::orc {
class LLJIT;
} // namespace llvm::orc

namespace mlir::flashmhf {

struct HostProgram;

class CPUJit {
public:
  /// `threads` bounds the threads of one call; 0: one per core.
  static llvm::Expected<std::unique_ptr<CPUJit>> create(HostProgram program,
                                                        unsigned threads);
  ~CPUJit();

  /// Checks the tensors and calls the function. Safe from several threads.
  llvm::Error run(llvm::ArrayRef<const DLTensor *> tensors) const;

  llvm::StringRef getFunction() const { return function; }
  llvm::ArrayRef<ContractArgument> getArguments() const { return arguments; }

private:
  CPUJit();

  std::string function;
  std::vector<ContractArgument> arguments;
  unsigned threads = 0;
  std::unique_ptr<llvm::orc::LLJIT> jit;
  void (*entry)(void **) = nullptr;
};

} // namespace mlir::flashmhf

#endif // FLASHMHF_RUNTIME_CPUJIT_H
