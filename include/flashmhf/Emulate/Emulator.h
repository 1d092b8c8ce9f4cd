//===- Emulator.h - Hopper kernels on any CPU -------------------*- C++ -*-===//
//
/// \file
/// Runs a module of kernels in the hopper dialect, as `buildToHopperPipeline`
/// leaves it, without a GPU: a thread for each warpgroup, rings as bounded
/// queues, products in f32. Whatever the hardware would do wrong or never
/// finish, such as a slot read after its release or a deadlock, is an error
/// that names the ring, the slot and the warpgroup.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_EMULATE_EMULATOR_H
#define FLASHMHF_EMULATE_EMULATOR_H

#include "flashmhf/Emulate/Timeline.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Location.h"
#include "llvm/Support/Error.h"
#include <memory>

namespace mlir::hopper {

/// A tensor of the caller; its element type is that of the argument. Strides
/// count elements.
struct TensorRef {
  void *data = nullptr;
  SmallVector<int64_t, 4> sizes;
  SmallVector<int64_t, 4> strides;
  StringRef name; ///< For messages; its number stands in for an empty one.
};

struct EmulateOptions {
  /// What limits the grid of a persistent kernel; an H100 has 132.
  int64_t multiprocessors = 132;
  /// Threads that the blocks are spread over; 0: enough for every core.
  unsigned threads = 0;
  /// Instructions that one warpgroup of one block may execute.
  int64_t maxSteps = int64_t(1) << 28;
  /// Where to write the predicted time of the last launch's first block or,
  /// where blocks share tiles, of one that adds partial sums if that is longer.
  Timeline *timeline = nullptr;
  CostTable costs;
  /// Runs only the clusters that the timeline needs, without what others leave
  /// for them.
  bool timelineOnly = false;
};

/// What an emulation found, and the operation at fault.
class EmulationFault : public llvm::ErrorInfo<EmulationFault> {
public:
  static char ID;

  EmulationFault(Location location, std::string message)
      : location(location), message(std::move(message)) {}

  Location getLocation() const { return location; }
  StringRef getMessage() const { return message; }
  void log(raw_ostream &os) const override { os << message; }
  std::error_code convertToErrorCode() const override {
    return llvm::inconvertibleErrorCode();
  }

private:
  Location location;
  std::string message;
};

namespace emulation {
struct Launch;
} // namespace emulation

/// The launches of one function, translated once. Keeps no IR but locations:
/// the context must outlive it.
class Emulator {
public:
  /// Translates the one public function of `module` that has a body. Gives
  /// rings their places in shared memory if they have none.
  static llvm::Expected<std::unique_ptr<Emulator>> create(ModuleOp module);
  ~Emulator();

  /// The function, and its arguments.
  Location getLocation() const { return location; }
  ArrayRef<Type> getArguments() const { return arguments; }

  /// Runs the launches in order. Safe from several threads.
  llvm::Error run(ArrayRef<TensorRef> tensors,
                  const EmulateOptions &options = {}) const;

private:
  explicit Emulator(Location location);

  Location location;
  SmallVector<Type> arguments;
  std::vector<std::unique_ptr<emulation::Launch>> launches;
};

/// `create` and `run`.
llvm::Error emulate(ModuleOp module, ArrayRef<TensorRef> tensors,
                    const EmulateOptions &options = {});

} // namespace mlir::hopper

#endif // FLASHMHF_EMULATE_EMULATOR_H
