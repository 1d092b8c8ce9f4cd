//===- SplitSum.cpp - The sum over the pieces of a split ------------------===//
//
/// \file
/// In: the loop over pieces, on memrefs. Out: the loop that follows it, once it
/// is known to do nothing but add the partial sums up in order and store the
/// result with one rounding.
//
//===----------------------------------------------------------------------===//

#include "SplitSum.h"
#include "KernelBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace mlir::hopper;
using flashmhf::MHFFNOp;

/// Whether the body of `generic` yields the sum of its two arguments.
static bool yieldsSum(linalg::GenericOp generic) {
  Block *body = generic.getBody();
  auto add =
      body->getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
  return add && body->getNumArguments() == 2 &&
         body->getOperations().size() == 2 && add.getLhs() != add.getRhs() &&
         isa<BlockArgument>(add.getLhs()) && isa<BlockArgument>(add.getRhs());
}

/// Whether `generic` adds the pieces of `workspace` up into `acc`.
static bool isReduction(linalg::GenericOp generic, scf::ForallOp forall,
                        Value workspace, Value acc) {
  if (generic.getNumLoops() != 5 || generic.getNumParallelLoops() != 4 ||
      generic.getNumDpsInputs() != 1 || generic.getNumDpsInits() != 1 ||
      generic.getDpsInits()[0] != acc ||
      getTensor(forall, generic.getDpsInputs()[0]) != workspace)
    return false;
  SmallVector<AffineMap> maps = generic.getIndexingMapsArray();
  return generic.getIteratorTypesArray()[0] == utils::IteratorType::reduction &&
         maps[0].isIdentity() && maps[1] == maps[0].getMinorSubMap(4) &&
         yieldsSum(generic);
}

/// Whether `generic` stores `acc`, or the sum of it and what is there, rounded
/// once; says which in `accumulates`.
static bool isStore(linalg::GenericOp generic, Value acc, bool &accumulates) {
  auto isIdentity = [](AffineMap map) { return map.isIdentity(); };
  if (generic.getNumParallelLoops() != 4 || generic.getNumLoops() != 4 ||
      generic.getNumDpsInputs() != 1 || generic.getNumDpsInits() != 1 ||
      generic.getDpsInputs()[0] != acc ||
      !llvm::all_of(generic.getIndexingMapsArray(), isIdentity))
    return false;
  Block *body = generic.getBody();
  Value sum = body->getArgument(0), old = body->getArgument(1);
  accumulates = !old.use_empty();
  Value stored = body->getTerminator()->getOperand(0);
  if (auto rounded = stored.getDefiningOp<arith::TruncFOp>())
    stored = rounded.getIn();
  if (!accumulates)
    return stored == sum;
  auto add = stored.getDefiningOp<arith::AddFOp>();
  if (!add)
    return false;
  Value other = add.getLhs() == sum ? add.getRhs() : add.getLhs();
  if (add.getLhs() != sum && add.getRhs() != sum)
    return false;
  if (auto wide = other.getDefiningOp<arith::ExtFOp>())
    other = wide.getIn();
  return other == old;
}

/// Checks the body of `sum`, and finds what it writes.
static LogicalResult checkSum(SplitSum &sum) {
  Value acc, tile;
  bool isReduced = false;
  for (Operation &inner : sum.forall.getBody()->without_terminator()) {
    auto alloc = dyn_cast<memref::AllocOp>(inner);
    auto fill = dyn_cast<linalg::FillOp>(inner);
    auto generic = dyn_cast<linalg::GenericOp>(inner);
    auto copy = dyn_cast<memref::CopyOp>(inner);
    bool isZero = fill && fill.getOutputs()[0] == acc &&
                  matchPattern(fill.getInputs()[0], m_AnyZeroFloat());
    bool isNothing = copy && copy.getSource() == copy.getTarget();
    if (isZero || isNothing || isPure(&inner) || isa<memref::DeallocOp>(inner))
      continue;
    if (alloc && !acc)
      acc = alloc;
    else if (generic && acc && !isReduced &&
             isReduction(generic, sum.forall, sum.workspace, acc))
      isReduced = true;
    else if (generic && isReduced && !tile &&
             isStore(generic, acc, sum.accumulates))
      tile = generic.getDpsInits()[0];
    else if (copy && isReduced && !tile && copy.getSource() == acc)
      tile = copy.getTarget();
    else
      return inner.emitOpError("has no place in the sum of the pieces of a "
                               "split mhffn");
  }
  if (!tile)
    return sum.forall.emitOpError("stores no sum of the pieces of a split "
                                  "mhffn");
  sum.output = getTensor(sum.forall, tile);
  if (!sum.output)
    return sum.forall.emitOpError("writes no tensor outside of it");
  return success();
}

FailureOr<SplitSum> hopper::matchSplitSum(scf::ForallOp pieces, MHFFNOp op,
                                          Value partial) {
  Value tensor = getTensor(pieces, partial);
  SplitSum sum;
  sum.workspace =
      tensor ? tensor.getDefiningOp<memref::AllocOp>() : memref::AllocOp();
  if (sum.workspace)
    for (Operation *user : sum.workspace->getUsers()) {
      auto forall = user->getParentOfType<scf::ForallOp>();
      if (forall == pieces || isa<memref::DeallocOp>(user))
        continue;
      if (!forall || (sum.forall && sum.forall != forall) ||
          forall->getBlock() != pieces->getBlock() ||
          !pieces->isBeforeInBlock(forall))
        return user->emitOpError("uses the partial sums of a split mhffn, but "
                                 "is not in the one loop that adds them up");
      sum.forall = forall;
    }
  if (!sum.forall)
    return op.emitOpError("has a schedule of ")
           << op.getScheduleAttr().getSplit()
           << " pieces, but its partial sums are not added up; run "
              "flashmhf-split-dff before other tiling";
  if (failed(checkSum(sum)))
    return failure();
  return sum;
}
