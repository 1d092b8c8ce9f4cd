//===- PTXMemory.cpp - Instructions that move data ------------------------===//
//
/// \file
/// Bulk tensor copies are assembly because the NVVM operation takes 64-bit
/// shared addresses, for which the producer, with 24 registers, has no room.
//
//===----------------------------------------------------------------------===//

#include "AsmBuilder.h"
#include "PTX.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::hopper;
using ptx::AsmBuilder;

void ptx::loadTensor(OpBuilder &b, Location loc, Value address, Value map,
                     ValueRange coordinates, Value barrier, int64_t cluster,
                     bool evictFirst, Value predicate) {
  // The descriptor of a cache policy: evict first, all of it (PTX ISA,
  // createpolicy.fractional).
  constexpr int64_t evictFirstPolicy = 0x12F0000000000000;
  AsmBuilder builder(b, loc);
  std::string to = builder.addInput(address);
  std::string from = builder.addInput(map);
  SmallVector<std::string> at;
  for (Value coordinate : coordinates)
    at.push_back(builder.addInput(coordinate));
  std::string full = builder.addInput(barrier);
  std::string multicast, mask;
  if (cluster > 1) {
    multicast = ".multicast::cluster";
    mask = ", " + builder.addInput(arith::ConstantOp::create(
                      b, loc, b.getI16IntegerAttr((1 << cluster) - 1)));
  }
  std::string hint, policy;
  if (evictFirst) {
    hint = ".L2::cache_hint";
    policy = ", " + builder.addInput(arith::ConstantOp::create(
                        b, loc, b.getI64IntegerAttr(evictFirstPolicy)));
  }
  std::string guard = builder.addGuard(predicate);
  builder.emit(
      llvm::formatv("{9}cp.async.bulk.tensor.{0}d.shared::cluster.global.tile"
                    ".mbarrier::complete_tx::bytes{1}{7} [{2}], [{3}, {{{4}}], "
                    "[{5}]{6}{8};",
                    coordinates.size(), multicast, to, from,
                    llvm::join(at, ", "), full, mask, hint, policy, guard)
          .str(),
      /*hasSideEffects=*/true);
}

void ptx::scaleShared(OpBuilder &b, Location loc, Value address, APFloat factor,
                      Type elementType) {
  bool lossy;
  factor.convert(cast<FloatType>(elementType).getFloatSemantics(),
                 APFloat::rmNearestTiesToEven, &lossy);
  uint32_t bits = factor.bitcastToAPInt().getZExtValue();
  AsmBuilder builder(b, loc);
  std::string at = builder.addInput(address);
  std::string text =
      llvm::formatv("{{\n.reg .b32 x<4>, s;\nmov.b32 s, {0};\n"
                    "ld.shared.v4.b32 {{x0, x1, x2, x3}, [{1}];\n",
                    bits << 16 | bits, at);
  for (int i = 0; i < 4; ++i)
    text += llvm::formatv("mul.rn.{0}x2 x{1}, x{1}, s;\n",
                          elementType.isBF16() ? "bf16" : "f16", i);
  text += llvm::formatv("st.shared.v4.b32 [{0}], {{x0, x1, x2, x3};\n}", at);
  builder.emit(text, /*hasSideEffects=*/true);
}

void ptx::storeMatricesTransposed(OpBuilder &b, Location loc, Value address,
                                  ValueRange words) {
  AsmBuilder builder(b, loc);
  std::string at = builder.addInput(address);
  SmallVector<std::string> w;
  for (Value word : words)
    w.push_back(builder.addInput(word));
  builder.emit(
      llvm::formatv("stmatrix.sync.aligned.m8n8.x{0}.trans.shared::cta.b16 "
                    "[{1}], {{{2}};",
                    words.size(), at, llvm::join(w, ", "))
          .str(),
      /*hasSideEffects=*/true);
}

SmallVector<Value> ptx::loadMatrices(OpBuilder &b, Location loc,
                                     Value address) {
  AsmBuilder builder(b, loc);
  SmallVector<std::string> w;
  for (int i = 0; i < 4; ++i)
    w.push_back(builder.addResult(b.getI32Type()));
  std::string at = builder.addInput(address);
  return builder.emit(
      llvm::formatv("ldmatrix.sync.aligned.m8n8.x4.shared::cta.b16 {{{0}}, "
                    "[{1}];",
                    llvm::join(w, ", "), at)
          .str(),
      /*hasSideEffects=*/true);
}

Value ptx::transposeMatrix(OpBuilder &b, Location loc, Value word) {
  AsmBuilder builder(b, loc);
  std::string to = builder.addResult(b.getI32Type());
  std::string from = builder.addInput(word);
  // The lanes act together: it must not move into a branch.
  return builder
      .emit(llvm::formatv("movmatrix.sync.aligned.m8n8.trans.b16 {0}, {1};", to,
                          from)
                .str(),
            /*hasSideEffects=*/true)
      .front();
}

void ptx::fenceProxyAsync(OpBuilder &b, Location loc) {
  AsmBuilder(b, loc).emit("fence.proxy.async.shared::cta;",
                          /*hasSideEffects=*/true);
}

void ptx::storeVectorIf(OpBuilder &b, Location loc, Value pointer,
                        ValueRange words, Value predicate) {
  AsmBuilder builder(b, loc);
  std::string address = builder.addInput(pointer);
  SmallVector<std::string> w;
  for (Value word : words)
    w.push_back(builder.addInput(word));
  std::string condition = builder.addInput(predicate);
  std::string width, data = w.front();
  if (words.size() > 1) {
    width = llvm::formatv(".v{0}", words.size());
    data = "{" + llvm::join(w, ", ") + "}";
  }
  builder.emit(llvm::formatv("@{2} st.global{3}.b32 [{0}], {1};", address, data,
                             condition, width)
                   .str(),
               /*hasSideEffects=*/true);
}

SmallVector<Value> ptx::loadShared4(OpBuilder &b, Location loc, Value pointer) {
  AsmBuilder builder(b, loc);
  SmallVector<std::string> results;
  for (int i = 0; i < 4; ++i)
    results.push_back(builder.addResult(b.getF32Type()));
  std::string address = builder.addInput(pointer);
  return builder.emit(
      llvm::formatv("ld.relaxed.gpu.global.v4.f32 {{{0}}, [{1}];",
                    llvm::join(results, ", "), address)
          .str(),
      /*hasSideEffects=*/true);
}

SmallVector<Value> ptx::loadShared4If(OpBuilder &b, Location loc, Value pointer,
                                      ValueRange values, Value predicate) {
  AsmBuilder builder(b, loc);
  SmallVector<std::string> results;
  for (Value value : values)
    results.push_back(builder.addResult(b.getF32Type(), value));
  std::string address = builder.addInput(pointer);
  std::string condition = builder.addInput(predicate);
  return builder.emit(
      llvm::formatv("@{2} ld.relaxed.gpu.global.v4.f32 {{{0}}, [{1}];",
                    llvm::join(results, ", "), address, condition)
          .str(),
      /*hasSideEffects=*/true);
}
