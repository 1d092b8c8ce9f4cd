//===- HopperDialect.cpp - The hopper dialect -----------------------------===//
//
/// \file
/// Registration of the dialect, and the figures of sm_90 that its rules use.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/Hopper/IR/Hopper.h"

#include "mlir/IR/DialectImplementation.h"

using namespace mlir;
using namespace mlir::hopper;

#include "flashmhf/Dialect/Hopper/IR/HopperDialect.cpp.inc"

void HopperDialect::initialize() {
  registerTypes();
  addOperations<
#define GET_OP_LIST
#include "flashmhf/Dialect/Hopper/IR/HopperOps.cpp.inc"
      >();
}

FailureOr<PanelLayout> hopper::getPanelLayout(int64_t rows, int64_t columns,
                                              Type elementType) {
  if (!elementType.isIntOrFloat() || elementType.getIntOrFloatBitWidth() != 16)
    return failure();
  for (int64_t panel : {64, 32, 16})
    if (columns % panel == 0)
      return PanelLayout{rows, panel, columns / panel, 2};
  return failure();
}

int64_t hopper::getLaunchRegisters(int64_t threads) {
  return std::min<int64_t>(255, kRegisterFile / threads) / 8 * 8;
}
