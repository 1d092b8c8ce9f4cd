//===- PTX.cpp - Instructions that NVVM operations do not cover -----------===//
//
/// \file
/// Why assembly, where an NVVM operation exists:
/// - wgmma: the NVVM operation takes A by descriptor only, and 64-bit
///   descriptors as values, which LLVM hoists out of loops until registers run
///   out. Here they are built next to their use from one 32-bit word.
/// - wait_group: the NVVM operation does not say which registers it releases.
/// - try_wait, arrive: to keep them free of branches that LLVM sees.
//
//===----------------------------------------------------------------------===//

#include "PTX.h"
#include "AsmBuilder.h"
#include "Constants.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::hopper;
using ptx::AsmBuilder;

Value ptx::getDescriptorBase(OpBuilder &b, Location loc, Value address,
                             int64_t leadingByteOffset) {
  auto constant = [&](int64_t value) -> Value { return getI32(b, loc, value); };
  // In a cluster the address carries the rank of the block in bit 24.
  Value masked = arith::AndIOp::create(b, loc, address, constant(0x3FFFF));
  Value start = arith::ShRUIOp::create(b, loc, masked, constant(4));
  return arith::OrIOp::create(b, loc, start,
                              constant((leadingByteOffset >> 4) << 16));
}

/// The constant high word of a matrix descriptor.
static uint32_t getDescriptorHigh(const ptx::MatrixDescriptor &descriptor) {
  uint32_t swizzle = descriptor.swizzleBytes == 128  ? 1
                     : descriptor.swizzleBytes == 64 ? 2
                                                     : 3;
  return (descriptor.strideByteOffset >> 4) | swizzle << 30;
}

SmallVector<Value> ptx::wgmma(OpBuilder &b, Location loc, int64_t columns,
                              Type elementType, ValueRange acc,
                              Value accumulates, ValueRange aRegisters,
                              ArrayRef<MatrixDescriptor> aDescriptors,
                              const MatrixDescriptor &bDescriptor) {
  AsmBuilder builder(b, loc);
  // Of each tile of rows.
  size_t tiles = std::max<size_t>(aDescriptors.size(), 1);
  SmallVector<std::string> d;
  for (int64_t i = 0; i < int64_t(tiles) * columns / 2; ++i)
    d.push_back(
        builder.addResult(b.getF32Type(), acc.empty() ? Value() : acc[i]));
  SmallVector<std::string> a;
  for (Value reg : aRegisters)
    a.push_back(builder.addInput(reg));
  std::string aBase, bBase;
  if (!aDescriptors.empty())
    aBase = builder.addInput(aDescriptors.front().base);
  bBase = builder.addInput(bDescriptor.base);
  std::string start = acc.empty() ? "0" : "1";
  if (accumulates)
    start = builder.addInput(accumulates);

  std::string type = elementType.isBF16() ? "bf16" : "f16";
  std::string text = "{\n.reg .b32 lo;\n.reg .b64 da, db;\n";
  auto addDescriptor = [&](StringRef name, StringRef base,
                           const MatrixDescriptor &descriptor, size_t step) {
    text += llvm::formatv("add.u32 lo, {0}, {1};\nmov.b64 {2}, {{lo, {3}};\n",
                          base, descriptor.stepOffsets[step] >> 4, name,
                          getDescriptorHigh(descriptor));
  };
  for (size_t step = 0; step < bDescriptor.stepOffsets.size(); ++step)
    for (size_t tile = 0; tile < tiles; ++tile) {
      std::string first;
      if (aDescriptors.empty()) {
        first = llvm::formatv("{{{0}}",
                              llvm::join(ArrayRef(a).slice(4 * step, 4), ", "));
      } else {
        addDescriptor("da", aBase, aDescriptors[tile], step);
        first = "da";
      }
      if (tile == 0)
        addDescriptor("db", bBase, bDescriptor, step);
      // Operands after the descriptors: scale-d, scale-a, scale-b, and the
      // transpositions (of A only where A is in shared memory).
      StringRef transposeA = aDescriptors.empty()              ? ""
                             : aDescriptors[tile].isTransposed ? "1, "
                                                               : "0, ";
      text += llvm::formatv(
          "wgmma.mma_async.sync.aligned.m64n{0}k16.f32.{1}.{1} {{{2}}, {3}, "
          "db, {4}, 1, 1, {5}{6};\n",
          columns, type,
          llvm::join(ArrayRef(d).slice(tile * columns / 2, columns / 2), ", "),
          first, step == 0 ? StringRef(start) : "1", transposeA,
          bDescriptor.isTransposed ? 1 : 0);
    }
  text += "}";
  return builder.emit(text, /*hasSideEffects=*/true);
}

/// Passes registers through a statement that LLVM cannot see into.
static SmallVector<Value> passThrough(OpBuilder &b, Location loc,
                                      ValueRange values, StringRef text) {
  AsmBuilder builder(b, loc);
  for (Value value : values)
    builder.addResult(value.getType(), value);
  return builder.emit(text, /*hasSideEffects=*/true);
}

SmallVector<Value> ptx::anchor(OpBuilder &b, Location loc, ValueRange values) {
  return passThrough(b, loc, values, "");
}

static void emitNamedBarrier(OpBuilder &b, Location loc, StringRef instruction,
                             Value barrier, int64_t threads) {
  AsmBuilder builder(b, loc);
  std::string id = builder.addInput(barrier);
  builder.emit(llvm::formatv("{0} {1}, {2};", instruction, id, threads).str(),
               /*hasSideEffects=*/true);
}

void ptx::syncNamedBarrier(OpBuilder &b, Location loc, Value barrier,
                           int64_t threads) {
  emitNamedBarrier(b, loc, "bar.sync", barrier, threads);
}

void ptx::arriveNamedBarrier(OpBuilder &b, Location loc, Value barrier,
                             int64_t threads) {
  emitNamedBarrier(b, loc, "bar.arrive", barrier, threads);
}

SmallVector<Value> ptx::wgmmaWait(OpBuilder &b, Location loc, int64_t pending,
                                  ValueRange values) {
  return passThrough(
      b, loc, values,
      llvm::formatv("wgmma.wait_group.sync.aligned {0};", pending).str());
}

void ptx::waitParity(OpBuilder &b, Location loc, Value barrier, Value parity) {
  AsmBuilder builder(b, loc);
  std::string address = builder.addInput(barrier);
  std::string phase = builder.addInput(parity);
  // try_wait suspends the thread for a while; it may return before the phase
  // has completed.
  builder.emit(
      llvm::formatv("{{\n.reg .pred done;\nWAIT:\n"
                    "mbarrier.try_wait.parity.shared::cta.b64 done, "
                    "[{0}], {1};\n@done bra DONE;\nbra WAIT;\nDONE:\n}",
                    address, phase)
          .str(),
      /*hasSideEffects=*/true);
}

void ptx::arriveExpectTx(OpBuilder &b, Location loc, Value barrier,
                         int64_t bytes, Value predicate) {
  AsmBuilder builder(b, loc);
  std::string address = builder.addInput(barrier);
  std::string guard = builder.addGuard(predicate);
  builder.emit(
      llvm::formatv(
          "{2}mbarrier.arrive.expect_tx.shared::cta.b64 _, [{0}], {1};",
          address, bytes, guard)
          .str(),
      /*hasSideEffects=*/true);
}

void ptx::arriveIf(OpBuilder &b, Location loc, Value barrier, Value predicate) {
  AsmBuilder builder(b, loc);
  std::string address = builder.addInput(barrier);
  std::string condition = builder.addInput(predicate);
  builder.emit(llvm::formatv("@{1} mbarrier.arrive.shared::cta.b64 _, [{0}];",
                             address, condition)
                   .str(),
               /*hasSideEffects=*/true);
}

void ptx::arriveAtIf(OpBuilder &b, Location loc, Value barrier, Value rank,
                     Value predicate) {
  AsmBuilder builder(b, loc);
  std::string address = builder.addInput(barrier);
  std::string block = builder.addInput(rank);
  std::string condition = builder.addInput(predicate);
  // Without qualifiers: an explicit release at cluster scope costs a fence.
  builder.emit(llvm::formatv("{{\n.reg .b32 remote;\n"
                             "mapa.shared::cluster.u32 remote, {0}, {1};\n@{2} "
                             "mbarrier.arrive.shared::cluster.b64 _, [remote];"
                             "\n}",
                             address, block, condition)
                   .str(),
               /*hasSideEffects=*/true);
}

Value ptx::tanh(OpBuilder &b, Location loc, Value x) {
  AsmBuilder builder(b, loc);
  std::string result = builder.addResult(b.getF32Type());
  std::string input = builder.addInput(x);
  return builder
      .emit(llvm::formatv("tanh.approx.f32 {0}, {1};", result, input).str(),
            /*hasSideEffects=*/false)
      .front();
}

Value ptx::pack(OpBuilder &b, Location loc, Value low, Value high,
                Type elementType) {
  AsmBuilder builder(b, loc);
  std::string result = builder.addResult(b.getI32Type());
  std::string hi = builder.addInput(high);
  std::string lo = builder.addInput(low);
  return builder
      .emit(llvm::formatv("cvt.rn.{0}x2.f32 {1}, {2}, {3};",
                          elementType.isBF16() ? "bf16" : "f16", result, hi, lo)
                .str(),
            /*hasSideEffects=*/false)
      .front();
}

Value ptx::countArrival(OpBuilder &b, Location loc, Value pointer) {
  AsmBuilder builder(b, loc);
  std::string before = builder.addResult(b.getI64Type());
  std::string address = builder.addInput(pointer);
  return builder
      .emit(llvm::formatv("atom.add.acq_rel.gpu.global.u64 {0}, [{1}], 1;",
                          before, address)
                .str(),
            /*hasSideEffects=*/true)
      .front();
}

void ptx::arrive(OpBuilder &b, Location loc, Value pointer) {
  AsmBuilder builder(b, loc);
  std::string address = builder.addInput(pointer);
  builder.emit(
      llvm::formatv("red.release.gpu.global.add.u64 [{0}], 1;", address).str(),
      /*hasSideEffects=*/true);
}

Value ptx::loadCountIf(OpBuilder &b, Location loc, Value pointer,
                       Value predicate) {
  AsmBuilder builder(b, loc);
  std::string count = builder.addResult(
      b.getI64Type(),
      arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(0)));
  std::string address = builder.addInput(pointer);
  std::string condition = builder.addInput(predicate);
  return builder
      .emit(llvm::formatv("@{2} ld.relaxed.gpu.global.u64 {0}, [{1}];", count,
                          address, condition)
                .str(),
            /*hasSideEffects=*/true)
      .front();
}

void ptx::awaitCount(OpBuilder &b, Location loc, Value pointer, Value value) {
  AsmBuilder builder(b, loc);
  std::string address = builder.addInput(pointer);
  std::string target = builder.addInput(value);
  builder.emit(llvm::formatv("{{\n.reg .pred few;\n.reg .b64 count;\nWAIT:\n"
                             "ld.acquire.gpu.global.u64 count, [{0}];\n"
                             "setp.lt.u64 few, count, {1};\n@few bra WAIT;\n}",
                             address, target)
                   .str(),
               /*hasSideEffects=*/true);
}

void ptx::leavePart(OpBuilder &b, Location loc, ValueRange values, Value part,
                    Value flag, int64_t chunkStride, Value predicate) {
  AsmBuilder builder(b, loc);
  SmallVector<std::string> names;
  for (Value value : values)
    names.push_back(builder.addInput(value));
  std::string first = builder.addInput(part);
  std::string raised = builder.addInput(flag);
  std::string guard = builder.addGuard(predicate);
  std::string text;
  for (size_t n = 0; n < names.size(); n += 4)
    text += llvm::formatv("{0}st.global.v4.f32 [{1}+{2}], {{{3}};\n", guard,
                          first, n / 4 * chunkStride,
                          llvm::join(ArrayRef(names).slice(n, 4), ", "));
  text +=
      llvm::formatv("{0}st.release.gpu.global.u32 [{1}], 1;", guard, raised);
  builder.emit(text, /*hasSideEffects=*/true);
}

SmallVector<Value> ptx::addParts(OpBuilder &b, Location loc, ValueRange sums,
                                 Value part, Value flag, Value count,
                                 int64_t chunkStride, int64_t partStride,
                                 int64_t flagStride) {
  AsmBuilder builder(b, loc);
  SmallVector<std::string> names;
  for (Value sum : sums)
    names.push_back(builder.addResult(b.getF32Type(), sum));
  std::string first = builder.addInput(part);
  std::string raised = builder.addInput(flag);
  std::string number = builder.addInput(count);
  // The loop is assembly: as one of LLVM's it has all sums in two phis each.
  std::string text = llvm::formatv(
      "{{\n.reg .pred p;\n.reg .b64 part, flag;\n.reg .b32 left, up;\n"
      ".reg .f32 x<4>;\nmov.b64 part, {0};\nmov.b64 flag, {1};\n"
      "mov.b32 left, {2};\nNEXT:\nsetp.eq.u32 p, left, 0;\n@p bra DONE;\n"
      "sub.u32 left, left, 1;\nWAIT:\nld.acquire.gpu.global.u32 up, [flag];\n"
      "setp.eq.u32 p, up, 0;\n@p bra WAIT;\n"
      "st.relaxed.gpu.global.u32 [flag], 0;\n",
      first, raised, number);
  for (size_t n = 0; n < names.size(); n += 4) {
    text += llvm::formatv(
        "ld.relaxed.gpu.global.v4.f32 {{x0, x1, x2, x3}, [part+{0}];\n",
        n / 4 * chunkStride);
    for (size_t k = 0; k < 4; ++k)
      text += llvm::formatv("add.rn.f32 {0}, {0}, x{1};\n", names[n + k], k);
  }
  text += llvm::formatv("sub.s64 part, part, {0};\nsub.s64 flag, flag, {1};\n"
                        "bra NEXT;\nDONE:\n}",
                        partStride, flagStride);
  return builder.emit(text, /*hasSideEffects=*/true);
}

Value ptx::anyAtNamedBarrier(OpBuilder &b, Location loc, Value barrier,
                             int64_t threads, Value predicate) {
  AsmBuilder builder(b, loc);
  std::string any = builder.addResult(b.getI32Type());
  std::string id = builder.addInput(barrier);
  std::string own = builder.addInput(predicate);
  // Not aligned: the lanes of a warp may come one by one.
  Value word = builder
                   .emit(llvm::formatv("{{\n.reg .pred any;\nbarrier.cta.red"
                                       ".or.pred any, {1}, {2}, {3};\n"
                                       "selp.b32 {0}, 1, 0, any;\n}",
                                       any, id, threads, own)
                             .str(),
                         /*hasSideEffects=*/true)
                   .front();
  return arith::TruncIOp::create(b, loc, b.getI1Type(), word);
}
