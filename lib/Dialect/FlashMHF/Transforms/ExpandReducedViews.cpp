//===- ExpandReducedViews.cpp - Views that drop some unit dimensions ------===//
//
/// \file
/// In: rank-reducing memref.subview that keeps dimensions of one element. Out:
/// a subview of full rank and a reinterpret_cast that leaves dimensions out.
///
/// Which ones such a view drops, MLIR finds by comparing strides of the result
/// with those of the source (getDroppedDims). Where there are steps or equal
/// strides it takes others or none, and its passes crash.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/FlashMHF/Transforms/Passes.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::flashmhf {
#define GEN_PASS_DEF_FLASHMHFEXPANDREDUCEDVIEWS
#include "flashmhf/Dialect/FlashMHF/Transforms/Passes.h.inc"
} // namespace mlir::flashmhf

using namespace mlir;
using namespace mlir::flashmhf;

/// The dimensions of `full` that `reduced`, which the verifier of subview has
/// found to be a view of it, keeps. Only those of one element can be missing;
/// the others follow each other in both types.
static SmallVector<int64_t> getKeptDims(MemRefType full, MemRefType reduced) {
  SmallVector<int64_t> strides = full.getStridesAndOffset().first;
  SmallVector<int64_t> reducedStrides = reduced.getStridesAndOffset().first;
  SmallVector<int64_t> kept;
  for (int64_t dim = 0; dim < full.getRank(); ++dim) {
    int64_t to = kept.size();
    if (to < reduced.getRank() &&
        full.getDimSize(dim) == reduced.getDimSize(to) &&
        strides[dim] == reducedStrides[to])
      kept.push_back(dim);
  }
  return kept;
}

/// Whether the sizes of `view` do not say which dimensions it drops.
static bool isAmbiguous(memref::SubViewOp view) {
  int64_t dropped = view.getSourceType().getRank() - view.getType().getRank();
  return dropped > 0 && llvm::count_if(view.getMixedSizes(), [](auto size) {
                          return isConstantIntValue(size, 1);
                        }) > dropped;
}

static LogicalResult expand(memref::SubViewOp view) {
  OpBuilder b(view);
  Location loc = view.getLoc();
  MemRefType type = view.getType();
  auto full = memref::SubViewOp::create(
      b, loc, view.getSource(), view.getMixedOffsets(), view.getMixedSizes(),
      view.getMixedStrides());
  SmallVector<int64_t> kept = getKeptDims(full.getType(), type);
  if (static_cast<int64_t>(kept.size()) != type.getRank())
    return view.emitOpError("drops dimensions of ")
           << full.getType() << " that cannot be told from those of " << type;
  auto metadata = memref::ExtractStridedMetadataOp::create(b, loc, full);
  auto [strides, offset] = type.getStridesAndOffset();
  auto get = [&](int64_t known, Value value) -> OpFoldResult {
    if (ShapedType::isDynamic(known))
      return value;
    return b.getIndexAttr(known);
  };
  SmallVector<OpFoldResult> sizes, steps;
  for (auto [to, dim] : llvm::enumerate(kept)) {
    sizes.push_back(get(type.getDimSize(to), metadata.getSizes()[dim]));
    steps.push_back(get(strides[to], metadata.getStrides()[dim]));
  }
  view.replaceAllUsesWith(memref::ReinterpretCastOp::create(
                              b, loc, type, metadata.getBaseBuffer(),
                              get(offset, metadata.getOffset()), sizes, steps)
                              .getResult());
  view.erase();
  return success();
}

namespace {
struct ExpandReducedViews
    : flashmhf::impl::FlashMHFExpandReducedViewsBase<ExpandReducedViews> {
  void runOnOperation() override {
    SmallVector<memref::SubViewOp> views;
    getOperation()->walk([&](memref::SubViewOp view) {
      if (isAmbiguous(view))
        views.push_back(view);
    });
    for (memref::SubViewOp view : views)
      if (failed(expand(view)))
        return signalPassFailure();
  }
};
} // namespace
