//===- ScheduleFields.h - The keys of a schedule ----------------*- C++ -*-===//
//
/// \file
/// The schedule as a plain structure that can be changed key by key. The
/// attribute's documentation says what each key means.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_DIALECT_FLASHMHF_IR_SCHEDULEFIELDS_H
#define FLASHMHF_DIALECT_FLASHMHF_IR_SCHEDULEFIELDS_H

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/SmallVector.h"

namespace mlir::flashmhf {

/// The keys of a schedule with their defaults.
struct ScheduleFields {
  int64_t tokenTile = 128;
  int64_t dffTile = 128;
  SmallVector<int64_t> stages = {2, 2, 2}; ///< K, U, V
  int64_t consumers = 2;
  SmallVector<int64_t> registers = {24, 240}; ///< producer, consumer
  int64_t cluster = 1;
  bool persistent = false;
  bool overlap = false;
  bool rotate = false;
  int64_t split = 1;
  int64_t producers = 1;
  bool fuseTiles = false;
  bool halveQ = false;
  bool turns = true;
  bool programmatic = false;
  bool push = false;
  bool exchange = false;
  bool scaleSums = false;
  int64_t lateColumns = 0;
  bool paced = false;
  bool holdQ = false;
  bool streamK = false;
};

} // namespace mlir::flashmhf

#endif // FLASHMHF_DIALECT_FLASHMHF_IR_SCHEDULEFIELDS_H
