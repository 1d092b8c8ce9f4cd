//===- ContractBuilder.h - Contracts from IR --------------------*- C++ -*-===//
//
/// \file
/// What the IR says about a function's interface, as contract values.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_TARGET_CONTRACTBUILDER_H
#define FLASHMHF_TARGET_CONTRACTBUILDER_H

#include "flashmhf/Target/LaunchContract.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::flashmhf {

/// The arguments of `function`, tensors or memrefs of bf16, f16, f32 or f64, as
/// a caller must give them. They are named after the operator's operands where
/// the function applies one operator to them, else arg0, arg1, ... A tensor has
/// innermost stride 1; a memref what its layout says. An error is emitted on
/// the function for other arguments.
FailureOr<std::vector<ContractArgument>>
describeArguments(func::FuncOp function);

/// The contract of the one kernel that `function` launches, read from its
/// hopper.launch and the kernel's attributes in the NVVM dialect. `arguments`
/// are what describeArguments said before the function was lowered. Errors are
/// emitted: no kernel or several, or work that would be left to the host.
FailureOr<LaunchContract> buildContract(func::FuncOp function,
                                        std::vector<ContractArgument> arguments,
                                        llvm::StringRef chip);

} // namespace mlir::flashmhf

#endif // FLASHMHF_TARGET_CONTRACTBUILDER_H
