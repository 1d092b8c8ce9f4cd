//===- Ptxas.h - NVIDIA's assembler -----------------------------*- C++ -*-===//
//
/// \file
/// NVIDIA's assembler, run as a program, and what its messages mean.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_TARGET_PTXAS_H
#define FLASHMHF_TARGET_PTXAS_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace mlir::flashmhf {

/// Finds ptxas: `path` if it is not empty (a file, or a name to look up), else
/// PATH, bin/ of CUDA_HOME and CUDA_PATH, /usr/local/cuda/bin, and the
/// nvidia-cuda-nvcc wheel beside this library, in VIRTUAL_ENV or in
/// CONDA_PREFIX. The error says where it was looked for.
llvm::Expected<std::string> findPtxas(llvm::StringRef path);

/// What ptxas made and said.
struct PtxasResult {
  std::string cubin;
  /// All of its output, resource use (-v) included.
  std::string log;
  unsigned registers = 0;
  uint64_t spillBytes = 0;
  /// Lines that mean a slow kernel: spills, wgmma that was serialised (C75xx).
  std::vector<std::string> complaints;
};

/// Reads registers, spills and complaints out of `log`.
PtxasResult readPtxasLog(llvm::StringRef log);

/// Assembles `ptx` with the ptxas at `path`.
llvm::Expected<PtxasResult> runPtxas(llvm::StringRef path, llvm::StringRef ptx,
                                     llvm::StringRef chip, int optLevel);

} // namespace mlir::flashmhf

#endif // FLASHMHF_TARGET_PTXAS_H
