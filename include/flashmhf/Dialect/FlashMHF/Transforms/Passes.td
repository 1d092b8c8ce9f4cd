//===- Passes.td - Passes of the flashmhf dialect ---------*- tablegen -*-===//
//
// Passes that keep the program in the flashmhf dialect or take it to linalg.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_DIALECT_FLASHMHF_TRANSFORMS_PASSES_TD
#define FLASHMHF_DIALECT_FLASHMHF_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def FlashMHFExpandReducedViews : Pass<"flashmhf-expand-reduced-views"> {
  let summary = "write views that drop some unit dimensions in two steps";
  let description = [{
    Which dimensions a rank-reducing `memref.subview` drops, MLIR's passes find
    by its strides where sizes do not say it; steps and equal strides mislead
    them.

    ```mlir
    %v = memref.subview %m[0, 0, 0, 0, 0] [1, 1, 1, 16, 16] [7, 1, 1, 1, 1]
        : memref<2x1x1x16x16xf32> to memref<1x1x16x16xf32, strided<[1792, ..]>>
    // becomes
    %w = memref.subview %m[0, 0, 0, 0, 0] [1, 1, 1, 16, 16] [7, 1, 1, 1, 1]
        : .. to memref<1x1x1x16x16xf32, strided<[1792, ..]>>
    %base, .. = memref.extract_strided_metadata %w
    %v = memref.reinterpret_cast %base to offset: [..], sizes: [1, 1, 16, 16],
        strides: [1792, ..]
    ```

    Numerics: unchanged.
  }];
  let dependentDialects = ["memref::MemRefDialect"];
}

def FlashMHFAssignSchedule : Pass<"flashmhf-assign-schedule"> {
  let summary = "give every mhffn without a schedule the best for the chip";
  let description = [{
    Writes `#flashmhf.schedule` on every `flashmhf.mhffn` that has none; one
    that the user wrote stays as it is. A schedule comes from

    - the tuning database `database`, then the one that comes with the compiler,
      where they have an entry for the chip, the types and the sizes
      (`python -m flashmhf tune` writes them); else
    - the cost model: of all token tiles, d_ff tiles, depths of rings, splits of
      registers, clusters, persistent or not, overlapping or not, that a block
      can run, the one of the least predicted time.

    With `programmatic` the caller lets a kernel fetch its weights before the one
    in front of it in the stream has ended: each candidate is `programmatic`, the
    model counts what that saves, and entries of databases that were measured so
    come first.

    Where the number of tokens is not static, many are assumed; where D is not,
    256. A shape that fits in no way gets `dff_tile` 16 and single stages;
    why that cannot be compiled is for the later passes to say.

    ```mlir
    %o = flashmhf.mhffn silu ins(%q, %k, %v : ..) up(%u : ..) outs(%init : ..)
        -> tensor<2x8x4096x128xbf16>
    // becomes
    %o = flashmhf.mhffn silu ins(%q, %k, %v : ..) up(%u : ..) outs(%init : ..)
        {schedule = #flashmhf.schedule<token_tile = 128, dff_tile = 128, ..>}
        -> tensor<2x8x4096x128xbf16>
    ```

    Numerics: unchanged.
  }];
  let options = [
    Option<"gpu", "gpu", "std::string", "\"h100-sxm\"",
           "the GPU to choose for: h100-sxm, h200, h100-pcie, or what its "
           "driver calls it; h100-sxm for one that is not known">,
    Option<"database", "database", "std::string", "\"\"",
           "a tuning database to ask first, JSON">,
    Option<"tuned", "tuned", "bool", "true",
           "false: use the cost model alone">,
    Option<"programmatic", "programmatic", "bool", "false",
           "whether kernels may start before the one in front of them ends">
  ];
}

def FlashMHFVersionTokens
    : Pass<"flashmhf-version-tokens", "::mlir::func::FuncOp"> {
  let summary = "give an mhffn of any number of tokens a few schedules";
  let description = [{
    One schedule is far from the best for one token and for thousands. Where the
    batch or the length of an mhffn without a schedule is dynamic, this asks what
    flashmhf-assign-schedule would choose along a ladder of counts, keeps as few
    of these schedules as are within `tolerance` of the best for every count, at
    most `max-variants`, and writes a switch over them. The schedule for many
    tokens is always one, variant 0. An operation that needs no other is left to
    flashmhf-assign-schedule, and so is one in a loop, and one whose heads,
    groups, head width, E or F are dynamic.

    ```mlir
    %zero = linalg.fill ins(%c0 : bf16) outs(%out : tensor<?x8x?x128xbf16>)
    %o = flashmhf.mhffn silu ins(%q, %k, %v : ..) outs(%zero : ..)
    // becomes
    %n = flashmhf.pick_variant %B, %L
        [#flashmhf.case<tokens = 64, tile = 64, tiles = 1, variant = 2>,
         #flashmhf.case<tokens = 512, tile = 128, tiles = 4, variant = 1>]
        otherwise 0
    %o = scf.index_switch %n -> tensor<?x8x?x128xbf16>
    case 1 {
      %zero = linalg.fill ins(%c0 : bf16) outs(%out : tensor<?x8x?x128xbf16>)
      %1 = flashmhf.mhffn silu ins(%q, %k, %v : ..) outs(%zero : ..)
          {schedule = #flashmhf.schedule<token_tile = 128, .., split = 4>}
      scf.yield %1 : tensor<?x8x?x128xbf16>
    }
    case 2 {
      .. // token_tile = 64, split = 15
    }
    default {
      .. // token_tile = 128, persistent = true
    }
    ```

    A case holds where B L is at most `tokens` and B ceildiv(L, tile), the tiles
    of its schedule, at most `tiles`: pieces of a split that do not all run at
    once are slow, and a batch of short sequences has more tiles than its tokens
    fill.

    Numerics: those of the schedule that is taken.
  }];
  let options = [
    Option<"gpu", "gpu", "std::string", "\"h100-sxm\"",
           "as for flashmhf-assign-schedule">,
    Option<"database", "database", "std::string", "\"\"",
           "as for flashmhf-assign-schedule">,
    Option<"tuned", "tuned", "bool", "true",
           "as for flashmhf-assign-schedule">,
    Option<"programmatic", "programmatic", "bool", "false",
           "as for flashmhf-assign-schedule">,
    Option<"maxVariants", "max-variants", "int64_t", "10",
           "schedules of one mhffn; 1 leaves all to flashmhf-assign-schedule">,
    Option<"tolerance", "tolerance", "double", "1.05",
           "time over that of the best schedule for a count that may do; half of "
           "the excess is aimed at">
  ];
  let dependentDialects = [
    "arith::ArithDialect", "linalg::LinalgDialect", "memref::MemRefDialect",
    "scf::SCFDialect", "tensor::TensorDialect"
  ];
}

def FlashMHFSplitDff : Pass<"flashmhf-split-dff"> {
  let summary = "deal the sum of an mhffn over d_ff out to pieces";
  let description = [{
    For schedules with `split` = P > 1: few tokens give few tiles, and only the
    sum over d_ff can keep more of the machine busy. The nt = E ceil(F /
    dff_tile) steps of a tile of tokens are dealt out to P pieces; piece p takes
    steps [p nt / P, (p + 1) nt / P). Each sums into its own part of a workspace
    of the accumulation type, and a second loop adds these parts up and stores
    the result into the init. Both are tiled as flashmhf-tile-tokens and
    flashmhf-tile-dff would, which leave them alone.

    ```mlir
    %o = flashmhf.mhffn silu ins(%q, %k, %v : ..) outs(%zero : ..)
        {schedule = #flashmhf.schedule<token_tile = 64, .., split = 8>}
    // becomes
    %parts = scf.forall (%p, %b, %h, %l) = (0, 0, 0, 0) to (8, 2, 8, %L)
        step (1, 1, 1, 64) shared_outs(%w = tensor.empty : 8x2x8x?x128xf32) {
      %acc0 = linalg.fill 0 into %w[%p, %b, %h, %l, 0] ..
      %acc = scf.for %t = (%p * 22) floordiv 8 to (%p * 22 + 22) floordiv 8
          iter_args(%a = %acc0) {
        flashmhf.mhffn silu .. // step %t: sub-network, rows of K, U and V
      }
      scf.forall.in_parallel { %acc into %w[%p, %b, %h, %l, 0] .. }
    }
    %o = scf.forall (%b, %h, %l) .. shared_outs(%o_ = %out) {
      %sum = linalg.generic ins(%parts[0, %b, %h, %l, 0] [8, 1, 1, %m, 128])
          outs(%zero : tensor<1x1x?x128xf32>) { arith.addf } // over the pieces
      .. // %o_[%b, %h, %l, 0] = truncf %sum
    }
    ```

    No piece may be empty: P must be at most nt, and E and F static.

    Numerics: the sum is associated by pieces, which are added in their order,
    all of it in the accumulation type; the result is rounded once.
  }];
  let dependentDialects = [
    "affine::AffineDialect", "arith::ArithDialect", "linalg::LinalgDialect",
    "memref::MemRefDialect", "scf::SCFDialect", "tensor::TensorDialect"
  ];
}

def FlashMHFTileTokens : Pass<"flashmhf-tile-tokens"> {
  let summary = "tile mhffn over batch, head and tokens with scf.forall";
  let description = [{
    One iteration computes one head of one batch for `token_tile` tokens, by
    the schedule of the operation; the last tile of tokens may be smaller. An
    init that is a fill with zero is filled in the iteration instead. An
    operation in an scf.forall that is such a tile already is left alone.

    ```mlir
    %zero = linalg.fill ins(%c0 : bf16) outs(%out : tensor<2x8x?x128xbf16>)
    %o = flashmhf.mhffn silu ins(%q, %k, %v : ..) outs(%zero : ..)
        {schedule = #flashmhf.schedule<token_tile = 128, ..>}
    // becomes
    %o = scf.forall (%b, %h, %l) = (0, 0, 0) to (2, 8, %L) step (1, 1, 128)
        shared_outs(%o_ = %out) {
      %m = affine.min (128, %L - %l)
      %qt = tensor.extract_slice %q[%b, %h, %l, 0] [1, 1, %m, 128] ..
      ..
      %ot = tensor.extract_slice %o_[%b, %h, %l, 0] [1, 1, %m, 128] ..
      %zt = linalg.fill ins(%c0 : bf16) outs(%ot : tensor<1x1x?x128xbf16>)
      %t = flashmhf.mhffn silu ins(%qt, %kt, %vt : ..) outs(%zt : ..) {..}
      scf.forall.in_parallel {
        tensor.parallel_insert_slice %t into %o_[%b, %h, %l, 0] ..
      }
    }
    ```

    Numerics: unchanged, bit by bit; only parallel dimensions are split.
  }];
  let dependentDialects = [
    "affine::AffineDialect", "linalg::LinalgDialect", "memref::MemRefDialect",
    "scf::SCFDialect", "tensor::TensorDialect"
  ];
}

def FlashMHFTileDff : Pass<"flashmhf-tile-dff"> {
  let summary = "tile mhffn along E and F into an accumulator";
  let description = [{
    Loops over sub-networks and over tiles of `dff_tile` of their width, by the
    schedule of the operation, and sums into an accumulator of the accumulation
    type, which is stored into the init once. If the init is a fill with zero it
    is overwritten and never read.

    ```mlir
    %zero = linalg.fill ins(%c0 : bf16) outs(%out : tensor<1x1x128x128xbf16>)
    %o = flashmhf.mhffn silu ins(%q, %k, %v : ..) outs(%zero : ..)
        {schedule = #flashmhf.schedule<dff_tile = 128, ..>}
    // becomes
    %acc0 = linalg.fill ins(%c0 : f32) outs(tensor.empty)
    %acc = scf.for %e = 0 to 11 step 1 iter_args(%ae = %acc0) {
      %r = scf.for %f = 0 to 256 step 128 iter_args(%af = %ae) {
        %kt = tensor.extract_slice %k[0, %e, %f, 0] [1, 1, 128, 128] ..
        ..
        %a = flashmhf.mhffn silu ins(%q, %kt, %vt : ..)
            outs(%af : tensor<1x1x128x128xf32>) {..}
        scf.yield %a
      }
      scf.yield %r
    }
    %o = linalg.generic ins(%acc) outs(%out) { arith.truncf }
    ```

    With any other init the store is `truncf(addf(extf(out), acc))`. On memrefs
    the accumulator is a `memref.alloc` that buffer deallocation frees. An
    operation that is such a tile already is left alone.

    Numerics: the sum over E and F is associated tile by tile, all of it in the
    accumulation type; the result is rounded to the type of the init once, as
    before. Tiling the operation without the accumulator would round once per
    tile.
  }];
  let dependentDialects = [
    "affine::AffineDialect", "arith::ArithDialect", "linalg::LinalgDialect",
    "memref::MemRefDialect", "scf::SCFDialect", "tensor::TensorDialect"
  ];
}

def FlashMHFDecompose : Pass<"flashmhf-decompose"> {
  let summary = "replace mhffn by linalg operations";
  let description = [{
    Writes the three products, the activation and the gate as linalg operations
    on tensors or memrefs, with the rounding that the operation promises: this
    is what it means. Intermediates have the size of the whole operation, so
    tile first. On memrefs they are `memref.alloc`s that buffer deallocation
    frees. Where heads share K, U and V the head dimension is split in two; H
    and G must be static, as they are after flashmhf-tile-tokens.

    ```mlir
    %o = flashmhf.mhffn silu ins(%q, %k, %v : ..) up(%u : ..) router(%r : ..)
        outs(%init : tensor<1x1x128x128xf32>) -> tensor<1x1x128x128xf32>
    // becomes
    %s = linalg.generic ins(%q, %k) outs(%zero)         { extf, mulf, addf }
    %t = linalg.generic ins(%q, %u) outs(%zero)         { extf, mulf, addf }
    %a = linalg.generic ins(%s, %r, %t) outs(%empty)    { silu, mulf, truncf }
    %o = linalg.generic ins(%a, %v) outs(%init)         { extf, mulf, addf }
    ```

    Numerics: this defines them.
  }];
  let dependentDialects = [
    "affine::AffineDialect", "arith::ArithDialect", "linalg::LinalgDialect",
    "math::MathDialect", "memref::MemRefDialect", "tensor::TensorDialect"
  ];
}

def FlashMHFBufferize : Pass<"flashmhf-bufferize", "::mlir::ModuleOp"> {
  let summary = "One-shot bufferization with the project's function signatures";
  let description = [{
    Upstream's one-shot module bufferization; what it adds is the type of
    function arguments (innermost stride 1, other strides and the offset free),
    and that a function without callers does not return an argument that it
    writes in place.

    ```mlir
    func.func @f(%o: tensor<?x8x?x128xbf16>) -> tensor<?x8x?x128xbf16>
    // becomes
    func.func @f(%o: memref<?x8x?x128xbf16, strided<[?, ?, ?, 1], offset: ?>>)
    ```

    Numerics: unchanged.
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect",
                           "::mlir::memref::MemRefDialect"];
}

#endif // FLASHMHF_DIALECT_FLASHMHF_TRANSFORMS_PASSES_TD
