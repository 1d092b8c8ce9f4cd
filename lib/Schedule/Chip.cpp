//===- Chip.cpp - GPUs by name --------------------------------------------===//

#include "flashmhf/Schedule/Chip.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir::flashmhf;

namespace {
/// Clusters at once with one and with two blocks to a multiprocessor, of which
/// 132 are in parts that no cluster spans.
struct ClusterCount {
  int64_t size, alone, paired;
};
} // namespace

static constexpr int64_t kMeasuredMultiprocessors = 132;
static constexpr ClusterCount kClusterCounts[] = {
    {4, 30, 62}, {5, 22, 47}, {6, 17, 39}, {7, 15, 32},
    {8, 15, 30}, {11, 7, 16}, {14, 7, 14}, {16, 7, 14}};

int64_t mlir::flashmhf::countClustersAtOnce(int64_t multiprocessors,
                                            int64_t size, int64_t together) {
  if (size <= 2)
    return multiprocessors / size * together;
  for (const ClusterCount &count : kClusterCounts)
    if (count.size >= size)
      return (together > 1 ? count.paired : count.alone) * multiprocessors /
             kMeasuredMultiprocessors;
  return 0;
}

int64_t mlir::flashmhf::countClusteredBlocks(int64_t multiprocessors,
                                             int64_t size, int64_t together) {
  int64_t clusters = countClustersAtOnce(multiprocessors, size, together);
  return std::max<int64_t>(clusters, 1) * size;
}

const Chip &mlir::flashmhf::getChip(llvm::StringRef text) {
  const auto *known = llvm::find_if(
      kChips, [&](const Chip &chip) { return chip.name == text; });
  if (known != std::end(kChips))
    return *known;
  if (text.contains("H200"))
    return kChips[1];
  if (text.contains("H100 PCIe"))
    return kChips[2];
  return kChips[0];
}
