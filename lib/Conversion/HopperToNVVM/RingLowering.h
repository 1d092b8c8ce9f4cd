//===- RingLowering.h - Rings of one kernel ---------------------*- C++ -*-===//

#ifndef FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_RINGLOWERING_H
#define FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_RINGLOWERING_H

#include "Constants.h"
#include "Pushes.h"

#include "flashmhf/Dialect/Hopper/IR/Hopper.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace mlir::hopper {

/// The stage and phase of the next slot of a ring, as one region sees it.
struct Cursor {
  Value stage, phase; ///< memref<i32>
};

/// Lowers the rings of one kernel.
class RingLowering {
public:
  RingLowering(gpu::GPUFuncOp func, LLVM::GlobalOp memory)
      : func(func), memory(memory), b(func.getContext()), inbox(func) {}

  LogicalResult run();

private:
  LogicalResult checkRings();
  void emitPrologue();
  bool isClustered();
  void syncCluster();
  void lowerPut(PutOp put);
  void putPart(PutOp put, int64_t part, Value stage, Value parity);
  /// Where a whole warp runs `put`, has its lanes meet: i1, true for one of
  /// them. Null where a thread does.
  Value getActingLane(PutOp put);
  /// Starts transfer `i` of the `share` that this block does of a part, where
  /// `acts` is null or true.
  void lowerTransfer(PutOp put, int64_t part, Value to, Value full, Value rank,
                     Value acts, int64_t i, int64_t share);
  void lowerGet(GetOp get);
  void lowerAwaitFirst(AwaitFirstOp await);

  Value i32(int64_t value) { return getI32(b, loc, value); }
  Value mul(Value value, int64_t factor) {
    return arith::MulIOp::create(b, loc, value, i32(factor));
  }
  Value add(Value value, int64_t offset) {
    return offset ? arith::AddIOp::create(b, loc, value, i32(offset)) : value;
  }
  Value toSharedPointer(Value address) {
    return LLVM::IntToPtrOp::create(
        b, loc, LLVM::LLVMPointerType::get(b.getContext(), 3), address);
  }
  Value toI32(Value index) { return hopper::toI32(b, loc, index); }

  Cursor &getCursor(RingOp ring, Operation *user);
  /// The stage and phase of the next slot; moves the cursor past it.
  std::pair<Value, Value> advance(RingOp ring, Operation *user);
  /// The address of the full (which = 0) or empty (1) barrier of `part` in a
  /// stage.
  Value getBarrier(RingOp ring, Value part, Value stage, int64_t which);
  Value getPartAddress(RingOp ring, Value part, Value stage);

  gpu::GPUFuncOp func;
  LLVM::GlobalOp memory;
  OpBuilder b;
  Location loc = func.getLoc();
  InboxLowering inbox;
  WarpgroupsOp warpgroups;
  Value base; ///< Start of the block's tiles, 1024-byte aligned.
  SmallVector<RingOp> rings;
  DenseMap<Value, TensorMapType> maps; ///< What the pointers were.
  DenseMap<std::pair<RingOp, Region *>, Cursor> cursors;
};

} // namespace mlir::hopper

#endif // FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_RINGLOWERING_H
