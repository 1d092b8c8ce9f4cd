//===- RunLaunch.h - The grid of an emulated launch -------------*- C++ -*-===//
//
/// \file
/// What Emulator::run does for each of its launches.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_LIB_EMULATE_RUNLAUNCH_H
#define FLASHMHF_LIB_EMULATE_RUNLAUNCH_H

#include "flashmhf/Emulate/Emulator.h"

#include "Program.h"

namespace mlir::hopper::emulation {

/// Fails where `tensor`, argument number `index`, is not of `type`, or nobody
/// can emulate that.
llvm::Error checkTensor(Type type, const TensorRef &tensor, unsigned index);

/// Runs all blocks of `launch`, or those that its timeline needs. `tensors` are
/// the function's.
llvm::Error runLaunch(const Launch &launch, ArrayRef<TensorRef> tensors,
                      const EmulateOptions &options);

} // namespace mlir::hopper::emulation

#endif // FLASHMHF_LIB_EMULATE_RUNLAUNCH_H
