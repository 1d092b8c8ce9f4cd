//===- Chip.h - What the GPUs do in a cycle ---------------------*- C++ -*-===//
//
/// \file
/// The figures of Hopper GPUs that predictions rest on, in one place: the cost
/// model of schedules and the emulator's timelines both read them. Plain
/// numbers, so that anything may include it.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_SCHEDULE_CHIP_H
#define FLASHMHF_SCHEDULE_CHIP_H

#include "llvm/ADT/StringRef.h"

namespace mlir::flashmhf {

/// One multiprocessor of sm_90, per cycle. The rates are the architecture's
/// (CUDA C++ Programming Guide, throughput of arithmetic instructions; 1024
/// dense multiply-adds of 16-bit inputs each for 4 tensor cores, which wgmma
/// reaches to 97..100% for every shape in use); latency and the small costs
/// are rounded.
struct MultiprocessorRates {
  double tensorFlops = 4096;   ///< 16-bit inputs, dense
  double specialOps = 16;      ///< tanh, exp2 and the like (MUFU)
  double floatOps = 128;       ///< fma, multiplication, conversion
  double sharedBytes = 128;    ///< from shared memory to the tensor cores
  double memoryBytes = 64;     ///< from L2
  double memoryLatency = 600;  ///< cycles until the first byte
  double clusterLatency = 500; ///< until another block can read what was sent
  double barrier = 20;         ///< cycles of a wait that need not wait
  double issue = 20;           ///< cycles to start a product or a copy
};

inline constexpr MultiprocessorRates kHopperRates;

/// A GPU that kernels are chosen for.
struct Chip {
  llvm::StringLiteral name;
  int64_t multiprocessors;
  double clockGHz;        ///< of the multiprocessors, boosted
  double memoryGBs;       ///< device memory, as a kernel reads it
  double sustainedTFlops; ///< of dense 16-bit products under the power limit
  /// The time of programmatic kernels that are `paced` over others', where
  /// every block reads weights of its own, and where some share them.
  double pacedAlone;
  double pacedShared;
};

/// The chips by name, the one for unknown GPUs first.
///
/// h100-sxm: boost clock by data sheet; memory and the rate under the power
/// limit (700 W) measured: 3.05 to 3.09 TB/s in a read of 1 GiB, 750 to 760
/// TFLOP/s in the longest runs. h200: the same multiprocessors and power, the
/// memory as fitted with the cost model's constants. h100-pcie by its data
/// sheet: half the power, hence half the rate.
inline constexpr Chip kChips[] = {
    {"h100-sxm", 132, 1.755, 3050, 760, 1.03, 0.968},
    {"h200", 132, 1.755, 3945, 760, 0.976, 0.99},
    {"h100-pcie", 114, 1.755, 1860, 380, 1.03, 0.968},
};

/// Clusters of `size` blocks that `multiprocessors` run at once, each of them
/// `together` (1 or 2) of the blocks. Measured on an h100-sxm
/// (cuOccupancyMaxActiveClusters), in proportion on others; for a size that was
/// not, what the next larger one has. Of pairs there are as many as fit.
int64_t countClustersAtOnce(int64_t multiprocessors, int64_t size,
                            int64_t together);
/// The blocks of these clusters, those of one at least.
int64_t countClusteredBlocks(int64_t multiprocessors, int64_t size,
                             int64_t together);

/// The chip that `text` names: a name of the table, or what the driver calls a
/// GPU, such as "NVIDIA H100 PCIe". The first of the table for anything else.
const Chip &getChip(llvm::StringRef text);

} // namespace mlir::flashmhf

#endif // FLASHMHF_SCHEDULE_CHIP_H
