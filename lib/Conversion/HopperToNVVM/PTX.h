//===- PTX.h - Instructions that NVVM operations do not cover ---*- C++ -*-===//
//
/// \file
/// Builders of inline assembly. All PTX text of the project is in PTX.cpp and
/// PTXMemory.cpp.
/// Addresses are 32-bit shared-memory addresses in bytes.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_PTX_H
#define FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_PTX_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/Value.h"

namespace mlir::hopper::ptx {

/// An operand of wgmma in shared memory: the low word of its matrix descriptor
/// at the first k-step (see `getDescriptorBase`), the byte offset of every
/// k-step, and the constant fields of the descriptor. A transposed operand is
/// stored with the inner dimension along the rows of its tile.
struct MatrixDescriptor {
  Value base;
  bool isTransposed = false;
  SmallVector<int64_t> stepOffsets;
  int64_t strideByteOffset = 0;
  int64_t swizzleBytes = 0;
};

/// The low word of a matrix descriptor: start address and leading byte offset,
/// both in units of 16 bytes.
Value getDescriptorBase(OpBuilder &b, Location loc, Value address,
                        int64_t leadingByteOffset);

/// One product of a warpgroup, all its k-steps, into `columns / 2` f32
/// registers for each 64 rows. `acc` is empty for a product that starts from
/// zero; one with `accumulates` (i1, may be null) does so where that is false.
/// A is given by registers (4 for each k-step, 64 rows) or by a
/// descriptor for each 64 rows, all with the same base.
SmallVector<Value> wgmma(OpBuilder &b, Location loc, int64_t columns,
                         Type elementType, ValueRange acc, Value accumulates,
                         ValueRange aRegisters,
                         ArrayRef<MatrixDescriptor> aDescriptors,
                         const MatrixDescriptor &bDescriptor);

/// Waits until at most `pending` groups are running. `values` are the registers
/// that the awaited products write or read; the returned ones stand for them
/// from here on, so that nothing touches them before the wait.
SmallVector<Value> wgmmaWait(OpBuilder &b, Location loc, int64_t pending,
                             ValueRange values);

/// The same values, computed before this point.
SmallVector<Value> anchor(OpBuilder &b, Location loc, ValueRange values);

/// Waits at (or only arrives at) the named barrier `barrier` (i32) of `threads`
/// threads.
void syncNamedBarrier(OpBuilder &b, Location loc, Value barrier,
                      int64_t threads);
void arriveNamedBarrier(OpBuilder &b, Location loc, Value barrier,
                        int64_t threads);

/// Blocks until the phase of `parity` of an mbarrier has completed.
void waitParity(OpBuilder &b, Location loc, Value barrier, Value parity);

/// Arrives on an mbarrier that is to count `bytes` bytes of transfers besides;
/// only where `predicate` (i1, may be null) holds.
void arriveExpectTx(OpBuilder &b, Location loc, Value barrier, int64_t bytes,
                    Value predicate);

/// Starts the transfer of a box of a tensor map (a generic pointer) to shared
/// memory at `address`; its bytes count on `barrier`. Coordinates are i32,
/// innermost first. With a cluster of more than one block the bytes go to the
/// same place in all of them and count on the barrier of each. `evictFirst`
/// lets the L2 cache drop them early. Only where `predicate` (i1, may be null)
/// holds.
void loadTensor(OpBuilder &b, Location loc, Value address, Value map,
                ValueRange coordinates, Value barrier, int64_t cluster,
                bool evictFirst, Value predicate);

/// Arrives on an mbarrier where `predicate` (i1) holds, without a branch.
void arriveIf(OpBuilder &b, Location loc, Value barrier, Value predicate);

/// The same on the barrier at that address in block `rank` (i32) of the
/// cluster.
void arriveAtIf(OpBuilder &b, Location loc, Value barrier, Value rank,
                Value predicate);

/// tanh to 2^-11 relative error, one instruction (MUFU).
Value tanh(OpBuilder &b, Location loc, Value x);

/// Rounds two f32 to nearest even and packs them: `low` in the low half.
Value pack(OpBuilder &b, Location loc, Value low, Value high, Type elementType);

/// Multiplies the 16 bytes of `elementType` at `address` (i32) in shared memory
/// by `factor`.
void scaleShared(OpBuilder &b, Location loc, Value address, APFloat factor,
                 Type elementType);

/// Stores two or four 8 x 8 matrices of 16 bits, one word of each lane for
/// each, to shared memory, transposed. Lane 8 m + r has the address (i32) of
/// row r of matrix m: 16 bytes, aligned.
void storeMatricesTransposed(OpBuilder &b, Location loc, Value address,
                             ValueRange words);

/// Loads four 8 x 8 matrices of 16 bits from shared memory, one word of each
/// lane for each. Lane 8 m + r has the address (i32) of row r of matrix m: 16
/// bytes, aligned.
SmallVector<Value> loadMatrices(OpBuilder &b, Location loc, Value address);

/// Transposes 8 x 8 elements of 16 bits, of which each lane of the warp has two
/// neighbours of row lane / 4 in a word.
Value transposeMatrix(OpBuilder &b, Location loc, Value word);

/// Orders this thread's writes to shared memory before later reads of them by
/// wgmma and TMA.
void fenceProxyAsync(OpBuilder &b, Location loc);

/// Store of one, two or four 32-bit words, i32 or f32, to global memory where
/// `predicate` holds.
void storeVectorIf(OpBuilder &b, Location loc, Value pointer, ValueRange words,
                   Value predicate);

/// Loads four f32 that other blocks may have stored, from 16 aligned bytes of
/// global memory.
SmallVector<Value> loadShared4(OpBuilder &b, Location loc, Value pointer);

/// The same where `predicate` holds, else `values`.
SmallVector<Value> loadShared4If(OpBuilder &b, Location loc, Value pointer,
                                 ValueRange values, Value predicate);

/// Adds 1 to an 8-byte counter in global memory, whose value before is
/// returned. What threads stored before a barrier with this one is seen by
/// those that see the count.
Value countArrival(OpBuilder &b, Location loc, Value pointer);

/// The same, for whom the value before is of no use.
void arrive(OpBuilder &b, Location loc, Value pointer);

/// The value of such a counter (i64) where `predicate` holds, else 0.
Value loadCountIf(OpBuilder &b, Location loc, Value pointer, Value predicate);

/// Where `predicate` holds, stores `values`, f32, at `part`, 16 bytes at a
/// time, `chunkStride` bytes apart, and raises the 4-byte flag at `flag`:
/// whoever sees it sees what was stored. Addresses are i64.
void leavePart(OpBuilder &b, Location loc, ValueRange values, Value part,
               Value flag, int64_t chunkStride, Value predicate);

/// Adds to `sums`, f32, what other threads have left: `count` (i32) times,
/// waits for the flag at `flag`, takes it down, adds the 16 bytes at `part`,
/// those `chunkStride` bytes behind them, and so on, and goes back by
/// `partStride` and `flagStride` bytes. Addresses are i64.
SmallVector<Value> addParts(OpBuilder &b, Location loc, ValueRange sums,
                            Value part, Value flag, Value count,
                            int64_t chunkStride, int64_t partStride,
                            int64_t flagStride);

/// Blocks until such a counter has at least `value`; see `countArrival`.
void awaitCount(OpBuilder &b, Location loc, Value pointer, Value value);

/// Waits at the named barrier `barrier` (i32) of `threads` threads and tells
/// all of them (i1) whether `predicate` holds in any.
Value anyAtNamedBarrier(OpBuilder &b, Location loc, Value barrier,
                        int64_t threads, Value predicate);

//===----------------------------------------------------------------------===//
// Between the blocks of a cluster
//===----------------------------------------------------------------------===//

/// Where `address` of this block's shared memory is in block `rank` (i32) of
/// the cluster.
Value mapToBlock(OpBuilder &b, Location loc, Value address, Value rank);

/// Sends one, two or four f32 to `address` in another block where `predicate`
/// holds, `offset` bytes on; their bytes count on `barrier` there.
void storeAsyncIf(OpBuilder &b, Location loc, Value address, int64_t offset,
                  ValueRange values, Value barrier, Value predicate);

/// Arrives on an mbarrier that is to count `bytes` (i32) bytes besides, where
/// `predicate` holds.
void expectIf(OpBuilder &b, Location loc, Value barrier, Value bytes,
              Value predicate);

/// Blocks until the first phase of an mbarrier has completed; what other blocks
/// of the cluster sent is seen afterwards.
void awaitSent(OpBuilder &b, Location loc, Value barrier);

/// Loads four f32 from 16 aligned bytes of shared memory, `offset` bytes on.
SmallVector<Value> loadSent4(OpBuilder &b, Location loc, Value address,
                             int64_t offset);

} // namespace mlir::hopper::ptx

#endif // FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_PTX_H
