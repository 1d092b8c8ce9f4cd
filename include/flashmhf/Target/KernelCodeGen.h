//===- KernelCodeGen.h - Text of GPU kernels --------------------*- C++ -*-===//
//
/// \file
/// From a kernel module in the NVVM dialect to text.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_TARGET_KERNELCODEGEN_H
#define FLASHMHF_TARGET_KERNELCODEGEN_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Support/Timing.h"
#include <string>

namespace mlir::flashmhf {

inline constexpr llvm::StringLiteral kKernelTriple = "nvptx64-nvidia-cuda";

/// What translateKernels writes.
enum class KernelText {
  /// Optimised LLVM IR.
  LLVM,
  PTX
};

/// Translates and optimises the kernels of `module`, by the same passes at any
/// `optLevel` above 0. Errors are emitted. The steps are timed below `timing`,
/// which may be inactive.
///
/// gpu-module-to-binary does the same but asks for NVIDIA's device library
/// wherever CUDA_HOME is set; the kernels need no function of it.
FailureOr<std::string> translateKernels(gpu::GPUModuleOp module,
                                        llvm::StringRef chip,
                                        llvm::StringRef features, int optLevel,
                                        KernelText kind, TimingScope &timing);

} // namespace mlir::flashmhf

#endif // FLASHMHF_TARGET_KERNELCODEGEN_H
