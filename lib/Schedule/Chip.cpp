//===- Chip.cpp - GPUs by name --------------------------------------------===//

#include "flashmhf/Schedule/Chip.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir::flashmhf;

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
