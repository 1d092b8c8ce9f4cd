//===- Events.h - What a warpgroup did --------------------------*- C++ -*-===//
//
/// \file
/// The emulator's record of one warpgroup: everything that takes time or that
/// another one waits for.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_LIB_EMULATE_EVENTS_H
#define FLASHMHF_LIB_EMULATE_EVENTS_H

#include "flashmhf/Emulate/Timeline.h"

namespace mlir::hopper::emulation {

struct Kernel;

struct Event {
  enum class Kind {
    Put,      ///< `amount` bytes into a slot
    Get,      ///< waits for a slot
    Release,  ///< gives a slot back
    Product,  ///< issues `amount` FLOP
    Wait,     ///< for product `use` of this warpgroup
    Compute,  ///< `amount` float and `special` special operations
    Load,     ///< `amount` bytes, waited for
    Store,    ///< `amount` bytes
    Push,     ///< `amount` bytes to other blocks of the cluster
    Receive,  ///< waits for what they send
    TakeTurn, ///< waits for the turn of this consumer
    PassTurn,
  };

  Kind kind;
  int32_t ring = 0;
  int64_t slot = 0;
  int64_t use = 0; ///< of the slot
  double amount = 0;
  double special = 0;
};

using Record = std::vector<Event>;

/// The timeline of a block: one record for each of its warpgroups, that of the
/// producer first if the kernel has one.
Timeline predict(const Kernel &kernel, const std::vector<Record> &records,
                 const CostTable &costs);

} // namespace mlir::hopper::emulation

#endif // FLASHMHF_LIB_EMULATE_EVENTS_H
