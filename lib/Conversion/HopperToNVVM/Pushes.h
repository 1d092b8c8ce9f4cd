//===- Pushes.h - Partial sums through shared memory ------------*- C++ -*-===//

#ifndef FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_PUSHES_H
#define FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_PUSHES_H

#include "flashmhf/Dialect/Hopper/IR/Hopper.h"

#include "mlir/Transforms/DialectConversion.h"

namespace mlir::hopper {

/// Bytes of one mbarrier.
inline constexpr int64_t kBarrierBytes = 8;

/// Part of hopper-lower-rings: where a kernel's inbox lies.
class InboxLowering {
public:
  /// The inbox of `func`, if it has one.
  explicit InboxLowering(gpu::GPUFuncOp func);

  explicit operator bool() const { return inbox != nullptr; }
  LogicalResult check(WarpgroupsOp warpgroups);
  /// Initialises its barriers, for one thread; tiles of the block start at
  /// `base`.
  void initialize(OpBuilder &b, Value base);
  /// Tells the other blocks that this one has begun, by all of its threads.
  void announce(OpBuilder &b);
  /// Puts the address of each consumer's part in place of the inbox, and says
  /// on `func` what its clusters are.
  void lower(OpBuilder &b, gpu::GPUFuncOp func, WarpgroupsOp warpgroups,
             Value base);

private:
  Value getBarrier(OpBuilder &b, Value base, int64_t part);

  InboxOp inbox;
};

/// Part of hopper-lower-warpgroups: what a thread does at its end that waits
/// for nobody, where its block has told others that it has begun.
void endUnlessAwaited(OpBuilder &b, gpu::GPUFuncOp func);

/// Part of hopper-distribute: the threads of a warpgroup send, await and add up
/// partial sums.
void populatePushPatterns(const TypeConverter &converter,
                          RewritePatternSet &patterns);

/// The same for shares.
void populatePushedSharePatterns(const TypeConverter &converter,
                                 RewritePatternSet &patterns);

} // namespace mlir::hopper

#endif // FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_PUSHES_H
