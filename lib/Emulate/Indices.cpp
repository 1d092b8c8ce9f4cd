//===- Indices.cpp - Arithmetic on indices --------------------------------===//
//
/// \file
/// Affine maps, and where tiles lie.
//
//===----------------------------------------------------------------------===//

#include "Warpgroup.h"

#include "mlir/IR/AffineExpr.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::hopper;
using namespace mlir::hopper::emulation;

static int64_t evaluate(AffineExpr expr, ArrayRef<int64_t> dims,
                        ArrayRef<int64_t> symbols) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue();
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dims[dim.getPosition()];
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return symbols[symbol.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expr);
  int64_t a = evaluate(binary.getLHS(), dims, symbols);
  int64_t b = evaluate(binary.getRHS(), dims, symbols);
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return a + b;
  case AffineExprKind::Mul:
    return a * b;
  case AffineExprKind::Mod:
    return b > 0 ? llvm::mod(a, b) : 0;
  case AffineExprKind::FloorDiv:
    return b ? llvm::divideFloorSigned(a, b) : 0;
  default:
    return b ? llvm::divideCeilSigned(a, b) : 0;
  }
}

bool Warpgroup::executeAffine(const Instruction &i) {
  SmallVector<int64_t> values;
  for (int32_t operand : i.affineOperands)
    values.push_back(scalars[operand]);
  ArrayRef<int64_t> dims = ArrayRef(values).take_front(i.affine.getNumDims());
  ArrayRef<int64_t> symbols = ArrayRef(values).drop_front(dims.size());
  int64_t result = evaluate(i.affine.getResult(0), dims, symbols);
  for (AffineExpr expr : i.affine.getResults().drop_front())
    result = i.integer(result, evaluate(expr, dims, symbols));
  scalars[i.result] = result;
  return true;
}

bool Warpgroup::executeDelinearize(const Instruction &i) {
  int64_t rest = scalars[i.operands[0]];
  for (size_t digit = i.basis.size(); digit > 0; --digit) {
    int64_t base = i.basis[digit - 1];
    scalars[i.result + digit] = llvm::mod(rest, base);
    rest = llvm::divideFloorSigned(rest, base);
  }
  scalars[i.result] = rest;
  return true;
}

/// Rows fastest, then the batch, heads slowest.
bool Warpgroup::executeTileCoordinates(const Instruction &i) {
  int64_t tile = scalars[i.operands[1]];
  auto [batches, heads, rows] =
      countTiles(getTensor(i.operands[0]).sizes, i.tiles, i.target);
  if (tile < 0 || rows == 0 || batches == 0)
    return fault(i, "asks for tile " + Twine(tile) + " of a tensor of " +
                        Twine(rows * batches) + " tiles for each head");
  scalars[i.result] = tile / rows % batches * i.tiles[0];
  scalars[i.result + 1] = tile / rows / batches * i.tiles[1];
  scalars[i.result + 2] = tile % rows * i.tiles[2];
  return true;
}
