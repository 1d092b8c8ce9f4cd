//===- HostCodeGen.h - Machine code for this CPU ----------------*- C++ -*-===//
//
/// \file
/// From the LLVM dialect to machine code for the CPU that this runs on.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_TARGET_HOSTCODEGEN_H
#define FLASHMHF_TARGET_HOSTCODEGEN_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <string>

namespace llvm {
class LLVMContext;
class Module;
class TargetMachine;
} // namespace llvm

namespace mlir::flashmhf {

/// A target machine with the host's own features.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createHostTargetMachine(int optLevel);

/// The name of the entry point of `function`: void(void **), whose elements
/// point to the memref descriptors of the arguments in order.
std::string getPackedName(llvm::StringRef function);

/// Translates `module`, which holds LLVM dialect only, adds the packed entry of
/// `function` (compiled with llvm.emit_c_interface) and optimises for
/// `machine`.
llvm::Expected<std::unique_ptr<llvm::Module>>
translateForHost(ModuleOp module, llvm::StringRef function,
                 unsigned numArguments, llvm::LLVMContext &context,
                 llvm::TargetMachine &machine, int optLevel);

/// A relocatable object.
llvm::Expected<std::string> emitObject(llvm::Module &module,
                                       llvm::TargetMachine &machine);

} // namespace mlir::flashmhf

#endif // FLASHMHF_TARGET_HOSTCODEGEN_H
