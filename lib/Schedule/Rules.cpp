//===- Rules.cpp - Which schedules a block can run ------------------------===//
//
/// \file
/// The limits of one thread block of sm_90 and of its instructions.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Schedule/Rules.h"

#include "flashmhf/Dialect/FlashMHF/IR/Split.h"
#include "flashmhf/Dialect/Hopper/IR/Hopper.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::flashmhf;
using llvm::formatv;

using Fault = std::optional<std::string>;

OperatorFacts OperatorFacts::get(MHFFNOp op) {
  OperatorFacts facts;
  facts.batches = op.getBatches();
  facts.heads = op.getHeads();
  facts.groups = op.getKVHeads();
  facts.tokens = op.getTokens();
  facts.headWidth = op.getHeadWidth();
  facts.subNetworks = op.getSubNetworks();
  facts.subWidth = op.getSubWidth();
  facts.inputType = op.getInputType();
  facts.outputType = getElementTypeOrSelf(op.getInit().getType());
  facts.activation = op.getActivation();
  facts.hasUp = static_cast<bool>(op.getU());
  facts.hasRouter = static_cast<bool>(op.getR());
  return facts;
}

bool flashmhf::canHalveQ(Activation activation) {
  return activation == Activation::Silu || activation == Activation::Sigmoid;
}

/// What the rows of a step are a multiple of: the inner dimension of A V, and
/// of the products with Q the columns, or with exchanged roles the rows.
static int64_t getRowUnit(const ScheduleFields &schedule) {
  return schedule.exchange ? hopper::kWarpgroupRows : kProductStep;
}

int64_t flashmhf::getStepRows(int64_t rows, const ScheduleFields &schedule) {
  return llvm::alignTo(rows, getRowUnit(schedule));
}

int64_t flashmhf::getAccumulators(const OperatorFacts &op, int64_t stepRows,
                                  const ScheduleFields &schedule) {
  // O is transposed: whole warpgroup tiles of columns of V.
  if (schedule.exchange)
    return (llvm::alignTo(op.headWidth, hopper::kWarpgroupRows) /
                hopper::kWarpgroupRows +
            op.getProducts()) *
           schedule.tokenTile / 2;
  int64_t used = (op.headWidth + op.getProducts() * stepRows) / 2;
  // The sum of a sub-network beside that of all.
  if (schedule.scaleSums && op.hasRouter)
    used += op.headWidth / 2;
  // 64 rows of 16 bits.
  if (schedule.holdQ)
    used += op.headWidth / 4;
  // The product with U takes the registers of A, packed to 16 bits, when A V
  // has read them; without U the product with K runs beside it.
  if (schedule.overlap && !op.hasUp)
    used += stepRows / 4;
  return used;
}

/// The rows of K that a step of `op` takes.
static int64_t getRows(const OperatorFacts &op,
                       const ScheduleFields &schedule) {
  if (ShapedType::isDynamic(op.subWidth))
    return schedule.dffTile;
  return std::min(schedule.dffTile, op.subWidth);
}

int64_t flashmhf::countFreeRegisters(const OperatorFacts &op, int64_t stepRows,
                                     const ScheduleFields &schedule) {
  return schedule.registers[1] - kSpareRegisters -
         getAccumulators(op, stepRows, schedule);
}

bool flashmhf::canHoldQ(const OperatorFacts &op, ScheduleFields schedule) {
  if (schedule.exchange)
    return false;
  int64_t stepRows = getStepRows(getRows(op, schedule), schedule);
  auto countFree = [&](bool holdsQ) {
    schedule.holdQ = holdsQ;
    return countFreeRegisters(op, stepRows, schedule);
  };
  int64_t free = countFree(true);
  if (free < 0 || schedule.split == 1 || !op.hasRouter ||
      ShapedType::isDynamic(op.subNetworks) ||
      ShapedType::isDynamic(op.subWidth))
    return free >= 0;
  // 128m at 1024 tokens was 3% slower with Q, but without R ahead.
  int64_t ahead =
      kRowsOfThread * countSubNetworksOfPiece(op.subNetworks, op.subWidth,
                                              schedule.dffTile, schedule.split);
  return free >= ahead || countFree(false) < ahead;
}

//===----------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------===//

int64_t flashmhf::getRingSlots(StringRef name, const ScheduleFields &schedule) {
  return llvm::StringSwitch<int64_t>(name)
      .Case("K", schedule.stages[0])
      .Case("U", schedule.stages[1])
      .Case("V", schedule.stages[2])
      .Case("W", schedule.stages[0])
      .Case("X", schedule.stages[1])
      .Default(0);
}

RingList flashmhf::getRings(const OperatorFacts &op,
                            const ScheduleFields &schedule) {
  RingList rings;
  int64_t rowBytes =
      hopper::getPanelLayout(1, op.headWidth, op.inputType)->getBytes();
  auto add = [&](StringRef name, int64_t rows) {
    rings.push_back({name, std::max<int64_t>(getRingSlots(name, schedule), 1),
                     rows, rows * rowBytes});
  };
  int64_t rows = getStepRows(getRows(op, schedule), schedule);
  add("Q", schedule.tokenTile);
  rings.back().parts = schedule.consumers;
  add("K", rows);
  if (op.hasUp)
    add("U", rows);
  add("V", rows);
  if (!schedule.exchange)
    return rings;
  rings.back().overrun = hopper::getTransposedOverrun(
      *hopper::getPanelLayout(rows, op.headWidth, op.inputType));
  RingFacts a{"A", kExchangedSlots, schedule.tokenTile,
              hopper::getPanelLayout(schedule.tokenTile, rows, op.inputType)
                  ->getBytes()};
  a.isLocal = true;
  rings.push_back(a);
  return rings;
}

hopper::InboxSize flashmhf::getInbox(const ScheduleFields &schedule,
                                     int64_t tokens, int64_t width) {
  if (!schedule.push)
    return {};
  int64_t rows = schedule.tokenTile / schedule.consumers;
  if (ShapedType::isStatic(tokens))
    rows = std::clamp<int64_t>(tokens, 1, rows);
  return hopper::getInboxSize(schedule.split, rows, width, schedule.consumers,
                              /*shares=*/!schedule.exchange);
}

int64_t flashmhf::getSharedMemory(const OperatorFacts &op,
                                  const ScheduleFields &schedule) {
  SmallVector<hopper::RingSize, kMaxRings> sizes;
  for (const RingFacts &ring : getRings(op, schedule))
    sizes.push_back({ring.slots * ring.parts, ring.bytes / ring.parts,
                     !ring.isLocal, ring.overrun});
  int64_t tokens = op.hasAnyTokens ? ShapedType::kDynamic : op.tokens;
  return hopper::planSharedMemory(sizes,
                                  getInbox(schedule, tokens, op.headWidth))
      .bytes;
}

int64_t flashmhf::countBlocksAtOnce(const OperatorFacts &op,
                                    const ScheduleFields &schedule) {
  // A multiprocessor has 228 KB, of which each block takes 1 for itself.
  constexpr int64_t bytesOfMultiprocessor = 228 << 10, bytesOfSystem = 1 << 10;
  int64_t bytes = getSharedMemory(op, schedule) + bytesOfSystem;
  constexpr int64_t most = 2;
  return std::min(
      {hopper::countBlocksByRegisters(schedule.consumers, schedule.registers),
       bytesOfMultiprocessor / bytes, most});
}

//===----------------------------------------------------------------------===//
// Rules of all kernels
//===----------------------------------------------------------------------===//

Fault flashmhf::findInputFault(Type inputType) {
  if (!inputType.isBF16() && !inputType.isF16())
    return formatv("needs bf16 or f16 inputs on a GPU, has '{0}'", inputType)
        .str();
  return std::nullopt;
}

Fault flashmhf::findTokenTileFault(const ScheduleFields &schedule) {
  int64_t tokens = schedule.tokenTile;
  if (tokens > kMaxTile)
    return formatv("needs a token_tile of at most {0} on a GPU, has {1}",
                   kMaxTile, tokens)
        .str();
  if (!schedule.exchange &&
      tokens != hopper::kWarpgroupRows * schedule.consumers)
    return formatv("needs a token_tile of 64 rows for each consumer: {0} rows, "
                   "{1} consumers",
                   tokens, schedule.consumers)
        .str();
  return std::nullopt;
}

Fault flashmhf::findStagesFault(const ScheduleFields &schedule) {
  for (int64_t stages : schedule.stages)
    if (stages > hopper::kMaxSlots)
      return formatv("needs at most {0} stages on a GPU, has {1}",
                     hopper::kMaxSlots, stages)
          .str();
  return std::nullopt;
}

Fault flashmhf::findPiecesFault(const ScheduleFields &schedule) {
  if (schedule.split > hopper::kMaxPieces)
    return formatv("needs at most {0} pieces on a GPU, has split = {1}",
                   hopper::kMaxPieces, schedule.split)
        .str();
  if (schedule.push && schedule.split > hopper::kMaxCluster)
    return formatv("needs pieces that push to be a cluster of at most {0} "
                   "blocks: push, split = {1}",
                   hopper::kMaxCluster, schedule.split)
        .str();
  return std::nullopt;
}

Fault flashmhf::findSharedMemoryFault(int64_t bytes) {
  if (bytes > hopper::kSharedMemoryLimit)
    return formatv("needs {0} bytes of shared memory, a block of sm_90 has at "
                   "most {1}",
                   bytes, hopper::kSharedMemoryLimit)
        .str();
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Rules of mhffn
//===----------------------------------------------------------------------===//

Fault flashmhf::findOperandFault(const OperatorFacts &op) {
  if (Fault fault = findInputFault(op.inputType))
    return fault;
  int64_t width = op.headWidth;
  if (ShapedType::isDynamic(width) || width % kProductStep != 0 ||
      width > kMaxTile || width < kProductStep)
    return formatv("needs a static head width D of 16 to 256, a multiple of "
                   "16, on a GPU, has {0}",
                   ShapedType::isDynamic(width) ? std::string("a dynamic one")
                                                : std::to_string(width))
        .str();
  return std::nullopt;
}

/// Rows of a step that is not whole instructions are fetched past the end of
/// F, where there is nothing; they must not be another step's.
static Fault findRowsFault(const OperatorFacts &op, int64_t rows,
                           const ScheduleFields &schedule) {
  if (schedule.exchange && rows > hopper::kWarpgroupRows)
    return formatv("needs a dff_tile of at most {0} where roles are exchanged, "
                   "has {1}",
                   hopper::kWarpgroupRows, rows)
        .str();
  if (rows > kMaxTile)
    return formatv("needs a dff_tile of at most {0} on a GPU, has {1}",
                   kMaxTile, rows)
        .str();
  if (getStepRows(rows, schedule) != rows && rows != op.subWidth)
    return formatv(
               "needs a dff_tile that is all of F or a multiple of {0} {1}, "
               "has {2}",
               getRowUnit(schedule),
               schedule.exchange ? "where roles are exchanged" : "on a GPU",
               rows)
        .str();
  return std::nullopt;
}

/// The rules of the token tile and of what goes with it.
static Fault findTokensFault(const ScheduleFields &schedule) {
  int64_t tokens = schedule.tokenTile;
  if (!schedule.exchange)
    return findTokenTileFault(schedule);
  if (tokens != 8 && tokens != 16 && tokens != 32)
    return formatv("needs a token_tile of 8, 16 or 32 where roles are "
                   "exchanged, has {0}",
                   tokens)
        .str();
  if (schedule.persistent || schedule.cluster > 1 || schedule.halveQ)
    return formatv("cannot be computed with exchanged roles where blocks are "
                   "persistent or form clusters or Q is halved: {0}{1}"
                   "cluster = {2}",
                   schedule.persistent ? "persistent, " : "",
                   schedule.halveQ ? "halve_q, " : "", schedule.cluster)
        .str();
  return std::nullopt;
}

Fault flashmhf::findStepFault(const OperatorFacts &op, int64_t rows,
                              const ScheduleFields &schedule) {
  if (Fault fault = findOperandFault(op))
    return fault;
  if (Fault fault = findRowsFault(op, rows, schedule))
    return fault;
  if (Fault fault = findTokensFault(schedule))
    return fault;
  int64_t stepRows = getStepRows(rows, schedule);
  if (Fault fault = findStagesFault(schedule))
    return fault;
  // The tile, or what a cluster makes of it, must be whole swizzle atoms.
  if (schedule.cluster > 1 && stepRows % (8 * schedule.cluster) != 0)
    return formatv("needs a dff_tile that a cluster can share out in parts of "
                   "8 rows: {0} rows, {1} blocks",
                   stepRows, schedule.cluster)
        .str();
  if (schedule.split > 1 && schedule.persistent)
    return formatv("cannot be split on a GPU where blocks are persistent: "
                   "split = {0}",
                   schedule.split)
        .str();
  if (Fault fault = findPiecesFault(schedule))
    return fault;
  if (int64_t late = schedule.lateColumns;
      late != 0 && (late % hopper::kColumnGroup != 0 || late >= stepRows))
    return formatv("needs late_columns that are a multiple of {0} and fewer "
                   "than those of a step: {1} of {2}",
                   hopper::kColumnGroup, late, stepRows)
        .str();
  if (countFreeRegisters(op, stepRows, schedule) < 0)
    return formatv("needs {0} registers per thread for accumulators{6} (D = "
                   "{1}, {2} x dff_tile = {3}) and {4} besides, but a consumer "
                   "has {5}",
                   getAccumulators(op, stepRows, schedule), op.headWidth,
                   op.getProducts(), stepRows, kSpareRegisters,
                   schedule.registers[1], schedule.holdQ ? " and Q" : "")
        .str();
  return std::nullopt;
}

Fault flashmhf::findFault(const OperatorFacts &op,
                          const ScheduleFields &schedule) {
  if (Fault fault = findStepFault(op, getRows(op, schedule), schedule))
    return fault;
  if (ShapedType::isStatic(op.subNetworks) && ShapedType::isStatic(op.subWidth))
    if (int64_t tiles =
            countDffTiles(op.subNetworks, op.subWidth, schedule.dffTile);
        schedule.split > tiles)
      return formatv("cannot be split into {0} pieces: E = {1} sub-networks of "
                     "F = {2} have {3} tiles of dff_tile = {4}",
                     schedule.split, op.subNetworks, op.subWidth, tiles,
                     schedule.dffTile)
          .str();
  if (Fault fault =
          hopper::findRegisterFault(schedule.consumers, schedule.registers))
    return fault;
  if (schedule.cluster > 8)
    return formatv("needs a cluster of 1 to 8 blocks, has {0}",
                   schedule.cluster)
        .str();
  return findSharedMemoryFault(getSharedMemory(op, schedule));
}
