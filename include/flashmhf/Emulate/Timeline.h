//===- Timeline.h - When a block does what ----------------------*- C++ -*-===//
//
/// \file
/// A prediction of one block's time on an H100, from what its warpgroups did
/// when emulated and a table of costs: who waits, what overlaps, and how busy
/// the tensor cores, the copies and the special functions are.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_EMULATE_TIMELINE_H
#define FLASHMHF_EMULATE_TIMELINE_H

#include "flashmhf/Schedule/Chip.h"
#include "mlir/Support/LLVM.h"
#include <string>
#include <vector>

namespace mlir::hopper {

/// What one multiprocessor of an H100 (SXM) does in a cycle, as Chip.h has it.
/// `launch` and `load` were fitted to measured times (docs/predictions.md).
struct CostTable : flashmhf::MultiprocessorRates {
  double clockGHz = flashmhf::kChips[0].clockGHz;
  double launch = 3.0; ///< microseconds before and after the blocks run
  /// How much longer everything takes when every multiprocessor is busy: clocks
  /// fall at the power limit, and the L2 cache is shared.
  double load = 0.28;
  double memoryGBs = flashmhf::kChips[0].memoryGBs;
};

/// Something on one track, in cycles from the start of the block.
struct Slice {
  std::string track;
  std::string name;
  double begin;
  double end;
};

struct Timeline {
  std::string kernel;
  CostTable costs;
  int64_t blocks = 0;
  int64_t cluster = 1; ///< So many of them start together.
  int64_t block = 0;   ///< The number of the one that it is of.
  std::vector<Slice> slices;
  double cycles = 0;
  /// Bytes of all arguments, which device memory delivers or takes once.
  double bytes = 0;
  /// Fractions of `cycles` in which each unit is busy.
  double tensorBusy = 0, memoryBusy = 0, specialBusy = 0;

  /// In the trace-event format that Chrome and Perfetto open.
  std::string toJSON() const;
  /// From launch to end in microseconds, where `multiprocessors` run the
  /// blocks, one each at a time, as many clusters at once as fit.
  double getMicroseconds(int64_t multiprocessors) const;
  /// A few lines.
  std::string toText(int64_t multiprocessors) const;
};

} // namespace mlir::hopper

#endif // FLASHMHF_EMULATE_TIMELINE_H
