//===- PTXCluster.cpp - Instructions between the blocks of a cluster ------===//
//
/// \file
/// Shared memory of other blocks: addresses, stores that count on a barrier
/// there, and the wait for them.
//
//===----------------------------------------------------------------------===//

#include "AsmBuilder.h"
#include "PTX.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::hopper;
using ptx::AsmBuilder;

Value ptx::mapToBlock(OpBuilder &b, Location loc, Value address, Value rank) {
  AsmBuilder builder(b, loc);
  std::string there = builder.addResult(b.getI32Type());
  std::string here = builder.addInput(address);
  std::string block = builder.addInput(rank);
  return builder
      .emit(llvm::formatv("mapa.shared::cluster.u32 {0}, {1}, {2};", there,
                          here, block)
                .str(),
            /*hasSideEffects=*/false)
      .front();
}

void ptx::storeAsyncIf(OpBuilder &b, Location loc, Value address,
                       int64_t offset, ValueRange values, Value barrier,
                       Value predicate) {
  AsmBuilder builder(b, loc);
  std::string to = builder.addInput(address);
  SmallVector<std::string> words;
  for (Value value : values)
    words.push_back(builder.addInput(value));
  std::string counter = builder.addInput(barrier);
  std::string condition = builder.addInput(predicate);
  std::string vector, list = words.front();
  if (words.size() > 1) {
    vector = llvm::formatv(".v{0}", words.size());
    list = "{" + llvm::join(words, ", ") + "}";
  }
  builder.emit(llvm::formatv("@{0} st.async.shared::cluster.mbarrier::"
                             "complete_tx::bytes{1}.f32 [{2}+{3}], {4}, [{5}];",
                             condition, vector, to, offset, list, counter)
                   .str(),
               /*hasSideEffects=*/true);
}

void ptx::expectIf(OpBuilder &b, Location loc, Value barrier, Value bytes,
                   Value predicate) {
  AsmBuilder builder(b, loc);
  std::string address = builder.addInput(barrier);
  std::string count = builder.addInput(bytes);
  std::string condition = builder.addInput(predicate);
  builder.emit(llvm::formatv("@{2} mbarrier.arrive.expect_tx.shared::cta.b64 "
                             "_, [{0}], {1};",
                             address, count, condition)
                   .str(),
               /*hasSideEffects=*/true);
}

void ptx::awaitSent(OpBuilder &b, Location loc, Value barrier) {
  AsmBuilder builder(b, loc);
  std::string address = builder.addInput(barrier);
  // The default of try_wait acquires what this block has done only.
  builder.emit(
      llvm::formatv("{{\n.reg .pred done;\nWAIT:\n"
                    "mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 "
                    "done, [{0}], 0;\n@done bra DONE;\nbra WAIT;\nDONE:\n}",
                    address)
          .str(),
      /*hasSideEffects=*/true);
}

SmallVector<Value> ptx::loadSent4(OpBuilder &b, Location loc, Value address,
                                  int64_t offset) {
  AsmBuilder builder(b, loc);
  SmallVector<std::string> results;
  for (int i = 0; i < 4; ++i)
    results.push_back(builder.addResult(b.getF32Type()));
  std::string from = builder.addInput(address);
  return builder.emit(llvm::formatv("ld.shared.v4.f32 {{{0}}, [{1}+{2}];",
                                    llvm::join(results, ", "), from, offset)
                          .str(),
                      /*hasSideEffects=*/true);
}
