//===- Passes.h - Passes on the hopper dialect ------------------*- C++ -*-===//

#ifndef FLASHMHF_DIALECT_HOPPER_TRANSFORMS_PASSES_H
#define FLASHMHF_DIALECT_HOPPER_TRANSFORMS_PASSES_H

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::hopper {

/// Kernel attribute: the #flashmhf.schedule that its passes follow.
inline constexpr llvm::StringLiteral kScheduleAttrName = "flashmhf.schedule";
/// That schedule; null where a kernel has none.
inline flashmhf::ScheduleAttr getSchedule(gpu::GPUFuncOp kernel) {
  return kernel->getAttrOfType<flashmhf::ScheduleAttr>(kScheduleAttrName);
}

/// Kernel attribute, a unit: its passes have followed the schedule.
inline constexpr llvm::StringLiteral kScheduledAttrName = "hopper.scheduled";
/// The schedule that a pass is to follow; null also where that was done.
inline flashmhf::ScheduleAttr getPendingSchedule(gpu::GPUFuncOp kernel) {
  return kernel->hasAttr(kScheduledAttrName) ? nullptr : getSchedule(kernel);
}

/// Kernel attribute: dynamic shared memory in bytes that a launch must give.
inline constexpr llvm::StringLiteral kSharedMemoryAttrName =
    "hopper.shared_memory";

/// Kernel attribute, once rings are lowered: how many of the first arguments
/// are tensor maps.
inline constexpr llvm::StringLiteral kTensorMapsAttrName = "hopper.tensor_maps";

/// Kernel attribute, once warpgroups are lowered: registers of a thread when
/// the kernel starts, where they are not all that one block can have.
inline constexpr llvm::StringLiteral kLaunchRegistersAttrName =
    "hopper.launch_registers";

/// What hopper-allocate-shared-memory does to one kernel.
LogicalResult allocateSharedMemory(gpu::GPUFuncOp func);

#define GEN_PASS_DECL
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h.inc"

} // namespace mlir::hopper

#endif // FLASHMHF_DIALECT_HOPPER_TRANSFORMS_PASSES_H
