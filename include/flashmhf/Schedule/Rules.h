//===- Rules.h - Which schedules a block can run ----------------*- C++ -*-===//
//
/// \file
/// The one place that says whether a kernel with a given schedule can be made
/// and fits a thread block: wgmma widths, divisibility of tiles, registers,
/// shared memory. The passes' diagnostics, the choice of a schedule and the
/// tuner all ask here.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_SCHEDULE_RULES_H
#define FLASHMHF_SCHEDULE_RULES_H

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"

#include <optional>
#include <string>

namespace mlir::hopper {
struct InboxSize;
} // namespace mlir::hopper

namespace mlir::flashmhf {

/// Inner dimension of one wgmma instruction on 16-bit types.
inline constexpr int64_t kProductStep = 16;
/// Rows of one TMA transfer, and columns of one wgmma instruction.
inline constexpr int64_t kMaxTile = 256;
/// What ptxas needs besides accumulators before it spills or serialises.
inline constexpr int64_t kSpareRegisters = 32;
/// Rows of a fragment of which a thread has elements.
inline constexpr int64_t kRowsOfThread = 2;

/// One mhffn as a schedule sees it. A size that is not static is
/// ShapedType::kDynamic.
struct OperatorFacts {
  int64_t batches = ShapedType::kDynamic;     ///< B
  int64_t heads = ShapedType::kDynamic;       ///< H
  int64_t groups = ShapedType::kDynamic;      ///< G
  int64_t tokens = ShapedType::kDynamic;      ///< L
  int64_t headWidth = ShapedType::kDynamic;   ///< D
  int64_t subNetworks = ShapedType::kDynamic; ///< E
  int64_t subWidth = ShapedType::kDynamic;    ///< F
  Type inputType;
  Type outputType;
  Activation activation = Activation::Silu;
  bool hasUp = true;
  bool hasRouter = true;
  /// A kernel serves other numbers of tokens than `tokens`, too.
  bool hasAnyTokens = false;

  static OperatorFacts get(MHFFNOp op);

  /// Products of one step that read Q: with K and, if present, U.
  int64_t getProducts() const { return hasUp ? 2 : 1; }
};

/// Whether `halve_q` does anything: SiLU and sigmoid are functions of x / 2.
bool canHalveQ(Activation activation);

/// Rows of K, U and V that one step works on: `rows` of the `subWidth` that
/// there are, rounded up to what a wgmma takes.
int64_t getStepRows(int64_t rows, const ScheduleFields &schedule);

/// Registers per consumer thread for f32 accumulators, of O and the products
/// with Q, for A where it is beside them, and for Q where it is kept.
int64_t getAccumulators(const OperatorFacts &op, int64_t stepRows,
                        const ScheduleFields &schedule);

/// Registers that a consumer thread has beside accumulators and what ptxas
/// needs; negative where there are too few.
int64_t countFreeRegisters(const OperatorFacts &op, int64_t stepRows,
                           const ScheduleFields &schedule);

/// Whether a consumer has the registers to keep Q, with whatever else
/// `schedule` asks for and the values of R that it loads ahead without Q.
bool canHoldQ(const OperatorFacts &op, ScheduleFields schedule);

/// One ring of a kernel's shared memory.
struct RingFacts {
  StringRef name; ///< Q, K, U, V, or A where roles are exchanged.
  int64_t slots;
  int64_t rows;
  int64_t bytes;        ///< Of one slot.
  int64_t parts = 1;    ///< Of one slot, each with barriers of its own.
  bool isLocal = false; ///< Filled by the consumer, without barriers.
  int64_t overrun = 0;  ///< Bytes behind the last slot that products read.

  /// Whether its tiles stream through it, one for each step: those of weights.
  bool isStreamed() const { return name != "Q" && !isLocal; }
};

/// Slots of the ring of A where roles are exchanged: one is read while the
/// other is written.
inline constexpr int64_t kExchangedSlots = 2;

/// Slots of the ring `name`: K, U or V, or W or X of a projection; 0 for any
/// other, which has its own.
int64_t getRingSlots(StringRef name, const ScheduleFields &schedule);

/// As many as a kernel has. Lists of them are in place, since thousands of
/// schedules are looked at.
inline constexpr unsigned kMaxRings = 5;
using RingList = SmallVector<RingFacts, kMaxRings>;

/// The rings of a kernel. `op` has a legal head width and input type.
RingList getRings(const OperatorFacts &op, const ScheduleFields &schedule);

/// Bytes of dynamic shared memory that its kernel asks for.
int64_t getSharedMemory(const OperatorFacts &op,
                        const ScheduleFields &schedule);

/// How many of its blocks a multiprocessor runs at once: 2 where both fit its
/// registers and its shared memory.
int64_t countBlocksAtOnce(const OperatorFacts &op,
                          const ScheduleFields &schedule);

/// Rules that hold for kernels of projections too. Each says why there is no
/// kernel, nothing if there may be one, and completes the name of an operation:
/// "needs .., has ..".
std::optional<std::string> findInputFault(Type inputType);
std::optional<std::string> findTokenTileFault(const ScheduleFields &schedule);
std::optional<std::string> findStagesFault(const ScheduleFields &schedule);
std::optional<std::string> findPiecesFault(const ScheduleFields &schedule);
std::optional<std::string> findSharedMemoryFault(int64_t bytes);

/// As hopper-push-partials makes it: room for the shares of each consumer's
/// tile, or with exchanged roles for its rows, at most `tokens` if that is
/// static, of `width` elements, dealt out to the pieces. None where they do not
/// push.
hopper::InboxSize getInbox(const ScheduleFields &schedule, int64_t tokens,
                           int64_t width);

/// Why no kernel can be made of `op` under any schedule; nothing if one can.
/// Completes the name of an operation: "needs .., has ..".
std::optional<std::string> findOperandFault(const OperatorFacts &op);

/// Why no step of `rows` rows of K can be computed under `schedule`; nothing if
/// it can. Completes the name of an operation: "needs .., has ..".
std::optional<std::string> findStepFault(const OperatorFacts &op, int64_t rows,
                                         const ScheduleFields &schedule);

/// The same for the whole kernel of `op`: its steps, the registers of all
/// warpgroups together, and shared memory.
std::optional<std::string> findFault(const OperatorFacts &op,
                                     const ScheduleFields &schedule);

} // namespace mlir::flashmhf

#endif // FLASHMHF_SCHEDULE_RULES_H
