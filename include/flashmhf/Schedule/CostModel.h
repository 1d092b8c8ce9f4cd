//===- CostModel.h - How long a kernel will take ----------------*- C++ -*-===//
//
/// \file
/// An analytic estimate of a kernel's time from the operator's sizes, its
/// schedule and the chip: no compilation, a microsecond of work. It is meant to
/// rank schedules; docs/performance.md says how far off it is.
///
/// A block takes one step after another; a step takes what its busiest unit
/// needs (tensor cores, activation, ring of a tile), and what of the others is
/// not hidden. Blocks take tiles in waves over the multiprocessors. On top come
/// launch, start and the stores of a tile; power and device memory bound the
/// whole from below.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_SCHEDULE_COSTMODEL_H
#define FLASHMHF_SCHEDULE_COSTMODEL_H

#include "flashmhf/Schedule/Chip.h"
#include "flashmhf/Schedule/Rules.h"

namespace mlir::flashmhf {

/// What a kernel does and how long that takes.
struct Prediction {
  double microseconds = 0;
  /// What the time goes to: "tensor cores", "activation", "shared-memory
  /// rings", "one consumer", "power", "device memory" or "launch".
  StringRef limit;

  int64_t tiles = 0;    ///< Of tokens, over batch and heads.
  int64_t blocks = 0;   ///< Running at once.
  int64_t waves = 0;    ///< Tiles that the busiest multiprocessor computes.
  int64_t steps = 0;    ///< Of one tile.
  int64_t sharers = 0;  ///< Blocks that share the tiles of the last wave.
  double occupancy = 0; ///< Tiles over waves * multiprocessors.

  double stepCycles = 0;    ///< One step, all in all,
  double tensorCycles = 0;  ///< of which the tensor cores need these,
  double specialCycles = 0; ///< the special functions these,
  double memoryCycles = 0;  ///< and these are lost to others' traffic to L2.
  double launchMicroseconds = 0; ///< Launch, start and the last stores.
  double powerMicroseconds = 0;  ///< Least time at the sustained rate.
  double memoryMicroseconds = 0; ///< Least time to read and write it all.
  double l2Bytes = 0;            ///< Read from L2 into shared memory.

  int64_t sharedMemory = 0; ///< Bytes of a block.
  int64_t accumulators = 0; ///< Registers of a consumer thread.
};

/// `op` with likely sizes where they are not known: many tokens, 8 heads, 8
/// sub-networks of 256, and the widest head that there is a schedule for. None
/// is above 2^18.
OperatorFacts assumeSizes(OperatorFacts op);

/// The time of `op` under a schedule that findFault has nothing against.
Prediction predict(const OperatorFacts &op, const ScheduleFields &schedule,
                   const Chip &chip);

} // namespace mlir::flashmhf

#endif // FLASHMHF_SCHEDULE_COSTMODEL_H
