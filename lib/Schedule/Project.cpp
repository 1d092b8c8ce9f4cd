//===- Project.cpp - Schedules of projections -----------------------------===//
//
/// \file
/// The limits of a kernel of flashmhf.project, and an estimate of its time that
/// is good enough to take a tile and a split by.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Schedule/Project.h"

#include "flashmhf/Dialect/FlashMHF/IR/Split.h"
#include "flashmhf/Dialect/Hopper/IR/Hopper.h"
#include "flashmhf/Schedule/Rules.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace mlir;
using namespace mlir::flashmhf;
using llvm::formatv;

using Fault = std::optional<std::string>;

ProjectFacts ProjectFacts::get(ProjectOp op) {
  ProjectFacts facts;
  facts.batches = op.getBatches();
  facts.groups = op.getGroups();
  facts.tokens = op.getTokens();
  facts.depth = op.getDepth();
  facts.heads = op.getHeads();
  facts.columns = op.getColumns();
  facts.inputType = op.getInputType();
  return facts;
}

int64_t flashmhf::getWeightRows(const ProjectFacts &op,
                                const ScheduleFields &schedule) {
  return schedule.exchange ? llvm::alignTo(op.columns, hopper::kWarpgroupRows)
                           : op.columns;
}

int64_t flashmhf::countProjectSteps(const ProjectFacts &op,
                                    const ScheduleFields &schedule) {
  return countDffTiles(op.groups, op.depth, schedule.dffTile);
}

//===----------------------------------------------------------------------===//
// Rules
//===----------------------------------------------------------------------===//

static std::string printSize(int64_t size) {
  return ShapedType::isDynamic(size) ? "?" : std::to_string(size);
}

static Fault findSizesFault(const ProjectFacts &op) {
  if (Fault fault = findInputFault(op.inputType))
    return fault;
  for (int64_t size : {op.groups, op.columns, op.depth})
    if (ShapedType::isDynamic(size) || size < 1)
      return formatv("needs static G, N and K on a GPU, has G = {0}, N = {1}, "
                     "K = {2}",
                     printSize(op.groups), printSize(op.columns),
                     printSize(op.depth))
          .str();
  if (op.columns % kProductStep != 0 || op.columns > kMaxTile)
    return formatv("needs N of 16 to 256, a multiple of 16, on a GPU, has {0}; "
                   "more columns are more heads",
                   op.columns)
        .str();
  if (op.depth % kProductStep != 0)
    return formatv("needs K that is a multiple of 16 on a GPU, has {0}",
                   op.depth)
        .str();
  return std::nullopt;
}

/// Keys that say how an mhffn is computed.
static Fault findKeyFault(const ScheduleFields &schedule) {
  std::pair<StringRef, bool> keys[] = {
      {"persistent", schedule.persistent},
      {"overlap", schedule.overlap},
      {"rotate", schedule.rotate},
      {"producers > 1", schedule.producers > 1},
      {"fuse_tiles", schedule.fuseTiles},
      {"halve_q", schedule.halveQ},
      {"scale_sums", schedule.scaleSums},
      {"late_columns", schedule.lateColumns != 0},
      {"paced", schedule.paced},
      {"hold_q", schedule.holdQ},
      {"stream_k", schedule.streamK},
      {"turns = false", !schedule.turns}};
  for (auto [key, isGiven] : keys)
    if (isGiven)
      return formatv("takes no {0} in its schedule: that is for mhffn", key)
          .str();
  if (schedule.stages[1] != schedule.stages[2])
    return formatv(
               "needs stages of W and X, and those of X once more, has "
               "[{0}]",
               llvm::make_range(schedule.stages.begin(), schedule.stages.end()))
        .str();
  return findStagesFault(schedule);
}

static Fault findClusterFault(const ProjectFacts &op,
                              const ScheduleFields &schedule) {
  if (schedule.cluster == 1)
    return std::nullopt;
  if (schedule.cluster > 8)
    return formatv("needs a cluster of 1 to 8 blocks, has {0}",
                   schedule.cluster)
        .str();
  if (schedule.split > 1)
    return formatv("cannot be split on a GPU where blocks form clusters: "
                   "split = {0}, cluster = {1}",
                   schedule.split, schedule.cluster)
        .str();
  int64_t rows = getWeightRows(op, schedule);
  hopper::PanelLayout layout =
      *hopper::getPanelLayout(rows, schedule.dffTile, op.inputType);
  // Whole panels, or rows that are whole swizzle atoms.
  if (layout.panels % schedule.cluster != 0 &&
      rows % (8 * schedule.cluster) != 0)
    return formatv("needs rows of W that a cluster can share out in parts of "
                   "8: {0} rows, {1} blocks",
                   rows, schedule.cluster)
        .str();
  return std::nullopt;
}

static Fault findTileFault(const ProjectFacts &op,
                           const ScheduleFields &schedule) {
  int64_t tokens = schedule.tokenTile, depth = schedule.dffTile;
  if (Fault fault = findTokenTileFault(schedule))
    return fault;
  if (schedule.exchange && tokens % 8 != 0)
    return formatv("needs a token_tile that is a multiple of 8 where roles are "
                   "exchanged, has {0}",
                   tokens)
        .str();
  if (schedule.exchange && op.columns > hopper::kWarpgroupRows)
    return formatv("needs N of at most {0} where roles are exchanged, has {1}; "
                   "more columns are more heads",
                   hopper::kWarpgroupRows, op.columns)
        .str();
  // Columns past the end of K are zeros, but whole panels of them.
  FailureOr<hopper::PanelLayout> layout =
      hopper::getPanelLayout(tokens, depth, op.inputType);
  if (failed(layout) || depth > kMaxTile || op.depth % layout->panel != 0)
    return formatv("needs a dff_tile, columns of X and W, of 16 to {0} whose "
                   "largest factor of 64, 32 and 16 divides K = {1}, has {2}",
                   kMaxTile, op.depth, depth)
        .str();
  return std::nullopt;
}

/// Registers per consumer thread for f32 accumulators.
static int64_t countAccumulators(const ProjectFacts &op,
                                 const ScheduleFields &schedule) {
  return getWeightRows(op, schedule) * schedule.tokenTile /
         (schedule.consumers * hopper::kWarpgroupThreads);
}

static int64_t getStageBytes(const ProjectFacts &op, int64_t rows,
                             const ScheduleFields &schedule) {
  return hopper::getPanelLayout(rows, schedule.dffTile, op.inputType)
      ->getBytes();
}

/// Bytes of dynamic shared memory that the kernel asks for.
static int64_t countSharedMemory(const ProjectFacts &op,
                                 const ScheduleFields &schedule) {
  hopper::RingSize rings[] = {
      {schedule.stages[0],
       getStageBytes(op, getWeightRows(op, schedule), schedule)},
      {schedule.stages[1], getStageBytes(op, schedule.tokenTile, schedule)}};
  return hopper::planSharedMemory(rings,
                                  getInbox(schedule, op.tokens, op.columns))
      .bytes;
}

Fault flashmhf::findProjectFault(const ProjectFacts &op,
                                 const ScheduleFields &schedule) {
  if (Fault fault = findSizesFault(op))
    return fault;
  if (Fault fault = findKeyFault(schedule))
    return fault;
  if (Fault fault = findTileFault(op, schedule))
    return fault;
  if (Fault fault = findClusterFault(op, schedule))
    return fault;
  int64_t steps = countProjectSteps(op, schedule);
  if (schedule.split > steps)
    return formatv("cannot be split into {0} pieces: G = {1} groups of K = {2} "
                   "have {3} steps of dff_tile = {4}",
                   schedule.split, op.groups, op.depth, steps, schedule.dffTile)
        .str();
  if (Fault fault = findPiecesFault(schedule))
    return fault;
  if (Fault fault =
          hopper::findRegisterFault(schedule.consumers, schedule.registers))
    return fault;
  // Of one instruction all must be there when the kernel starts.
  int64_t used = countAccumulators(op, schedule);
  int64_t available =
      std::min(schedule.registers[1],
               hopper::getLaunchRegisters(
                   (schedule.consumers + 1) * hopper::kWarpgroupThreads,
                   hopper::countBlocksByRegisters(schedule.consumers,
                                                  schedule.registers)));
  if (used + kSpareRegisters > available)
    return formatv("needs {0} registers per thread for accumulators (N = {1}, "
                   "token_tile = {2}) and {3} besides, but a consumer has {4}",
                   used, op.columns, schedule.tokenTile, kSpareRegisters,
                   available)
        .str();
  return findSharedMemoryFault(countSharedMemory(op, schedule));
}

//===----------------------------------------------------------------------===//
// Choice
//===----------------------------------------------------------------------===//

/// Fitted to 988 schedules of projections of 1 to 1024 tokens in programmatic
/// chains on an h100-sxm (docs/performance.md). Per cycle, all blocks together:
/// bytes from L2, and where steps are deeper than 128 columns, bytes from
/// memory, elements of sums that arrive in inboxes.
static constexpr double kL2Bytes = 9400, kDeepL2Bytes = 7800,
                        kMemoryBytes = 2360, kPushedElements = 104;
/// Cycles: what a start takes where the next kernel's blocks find no room
/// beside; of a step, whatever it reads; of a step that waits for a slot; of a
/// token that is a column, to be stored.
static constexpr double kCrowdedCycles = 490, kStepCycles = 107,
                        kSlotCycles = 350, kColumnCycles = 13;
/// What takes the longest hides the rest the better, the larger this is.
static constexpr double kOverlap = 2.3;
/// Stages of which a block makes no use while it waits for others.
static constexpr double kIdleStages = 2;

/// Shared memory of a multiprocessor, and the blocks that may be on it.
static constexpr int64_t kSharedMemory = 227 << 10, kMostBlocks = 8;

/// Cycles of a projection in a chain of kernels, less what is the same for all
/// schedules.
static double estimate(const ProjectFacts &op, const ScheduleFields &schedule,
                       const Chip &chip) {
  auto sizeOr = [](int64_t size, int64_t other) {
    return ShapedType::isDynamic(size) ? other : std::max<int64_t>(size, 1);
  };
  constexpr int64_t someTokens = 256, someHeads = 16, bytes = 2;
  int64_t tokens = sizeOr(op.tokens, someTokens);
  int64_t heads = sizeOr(op.heads, someHeads);
  int64_t tiles = sizeOr(op.batches, 1) * heads *
                  llvm::divideCeil(tokens, schedule.tokenTile);
  int64_t blocks = tiles * schedule.split;
  int64_t steps =
      getMaxTilesOfPiece(schedule.split, countProjectSteps(op, schedule));
  int64_t rows = getWeightRows(op, schedule);
  int64_t read = steps * schedule.dffTile * (rows + schedule.tokenTile) * bytes;
  int64_t most = std::clamp<int64_t>(
      kSharedMemory / countSharedMemory(op, schedule), 1, kMostBlocks);
  int64_t each = llvm::divideCeil(blocks, chip.multiprocessors);
  double waves = double(llvm::divideCeil(each, std::min(most, each)));
  int64_t stages = schedule.stages[0];
  double waiting =
      double(steps) /
      (stages < steps ? double(stages) - kIdleStages : double(stages));
  double parts[] = {
      double(blocks * read) /
          (schedule.dffTile > 128 ? kDeepL2Bytes : kL2Bytes),
      double(heads * op.groups * op.columns * op.depth * bytes) / kMemoryBytes,
      waves * waiting * kSlotCycles,
      double(each * 2 * steps * schedule.dffTile * rows * schedule.tokenTile) /
          kHopperRates.tensorFlops};
  double sum = 0;
  for (double part : parts)
    sum += std::pow(part, kOverlap);
  double cycles =
      std::pow(sum, 1 / kOverlap) + waves * double(steps) * kStepCycles;
  // The blocks of the next kernel that can fetch their weights meanwhile.
  double room = double(chip.multiprocessors * most - blocks) / double(blocks);
  cycles += kCrowdedCycles * (1 - std::clamp(room, 0.0, 1.0));
  int64_t stored = std::min(schedule.tokenTile, tokens);
  if (schedule.exchange)
    cycles += kColumnCycles * double(stored);
  // Each piece sends all of its sums but those that it finishes.
  return cycles +
         double(tiles * rows * stored * (schedule.split - 1)) / kPushedElements;
}

/// As many stages as a piece has steps, or as there is room for. More than a
/// few gain nothing, and take the room of the next kernel's blocks.
static void deepen(const ProjectFacts &op, ScheduleFields &schedule) {
  constexpr int64_t room = 150 << 10, mostRoom = 224 << 10, few = 4;
  int64_t steps =
      getMaxTilesOfPiece(schedule.split, countProjectSteps(op, schedule));
  int64_t bytes = getStageBytes(op, getWeightRows(op, schedule), schedule) +
                  getStageBytes(op, schedule.tokenTile, schedule);
  int64_t stages = room / bytes;
  if (stages < few)
    stages = mostRoom / bytes;
  stages = std::clamp<int64_t>(stages, 1, steps);
  schedule.stages = {stages, stages, stages};
}

std::optional<ScheduleFields>
flashmhf::chooseProjectSchedule(const ProjectFacts &op, const Chip &chip,
                                bool programmatic) {
  if (findSizesFault(op))
    return std::nullopt;
  // Pieces of deeper steps were not measured.
  constexpr int64_t maxDepth = 256, maxDepthOfPieces = 128, maxSplit = 8,
                    maxColumns = 128;
  std::optional<ScheduleFields> best;
  double least = 0;
  auto consider = [&](const ScheduleFields &schedule) {
    // With fewer stages than steps, two leave nothing on its way.
    int64_t steps =
        getMaxTilesOfPiece(schedule.split, countProjectSteps(op, schedule));
    if (schedule.stages[0] < std::min<int64_t>(steps, 3) ||
        findProjectFault(op, schedule))
      return;
    double cycles = estimate(op, schedule, chip);
    // The first of equals has the larger steps, and the fewer blocks.
    if (best && cycles >= least)
      return;
    best = schedule;
    least = cycles;
  };
  auto considerTile = [&](ScheduleFields schedule) {
    schedule.programmatic = programmatic;
    // The same for all warps, so that none is asked for or given back.
    int64_t used = countAccumulators(op, schedule) + kSpareRegisters;
    int64_t registers = used <= 64 ? 64 : used <= 128 ? 128 : 248;
    schedule.registers = {registers, registers};
    for (int64_t split = 1; split <= maxSplit; ++split) {
      schedule.split = split;
      schedule.push = split > 1;
      for (int64_t depth = split > 1 ? maxDepthOfPieces : maxDepth; depth > 0;
           depth -= kProductStep) {
        schedule.dffTile = depth;
        if (op.depth % depth != 0)
          continue;
        deepen(op, schedule);
        consider(schedule);
      }
    }
  };
  ScheduleFields schedule;
  schedule.consumers = 1;
  schedule.exchange = true;
  for (int64_t tokens = 8; tokens <= maxColumns; tokens += 8) {
    schedule.tokenTile = tokens;
    considerTile(schedule);
  }
  schedule.exchange = false;
  for (int64_t consumers : {1, 2}) {
    schedule.consumers = consumers;
    schedule.tokenTile = consumers * hopper::kWarpgroupRows;
    considerTile(schedule);
  }
  return best;
}
