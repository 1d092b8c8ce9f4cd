// RUN: flashmhf-opt %s --flashmhf-split-dff --flashmhf-tile-tokens --flashmhf-tile-dff --flashmhf-bufferize --flashmhf-fuse-swiglu --split-input-file --verify-diagnostics

!q = tensor<1x1x?x64xbf16>
!w = tensor<1x2x32x64xbf16>

func.func @persistent(%q: !q, %w: !w, %o: !q) -> !q {
  // expected-error@+1 {{cannot be split on a GPU where blocks are persistent: split = 2}}
  %r = flashmhf.mhffn silu ins(%q, %w, %w : !q, !w, !w) outs(%o : !q)
      {schedule = #flashmhf.schedule<dff_tile = 32, persistent = true, split = 2>} -> !q
  return %r : !q
}

// -----

!q = tensor<1x1x?x64xbf16>
!w = tensor<1x10x32x64xbf16>

func.func @push(%q: !q, %w: !w, %o: !q) -> !q {
  // expected-error@+1 {{needs pieces that push to be a cluster of at most 16 blocks: push, split = 17}}
  %r = flashmhf.mhffn silu ins(%q, %w, %w : !q, !w, !w) outs(%o : !q)
      {schedule = #flashmhf.schedule<dff_tile = 16, split = 17, push = true>} -> !q
  return %r : !q
}

// -----

// Tiled by somebody who did not know.

!q = memref<1x4x256x64xbf16>
!tile = memref<1x1x64x64xbf16, strided<[65536, 16384, 64, 1], offset: ?>>
!w = memref<4x1x32x64xbf16>
!wtile = memref<1x1x32x64xbf16, strided<[2048, 2048, 64, 1], offset: ?>>
!acc = memref<1x1x64x64xf32>
#id = affine_map<(b, h, l, d) -> (b, h, l, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}

func.func @unsplit(%q: !q, %k: !w, %o: !q) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 64) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 64, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 64, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    // expected-error@+1 {{has a schedule of 2 pieces, but its partial sums are not added up; run flashmhf-split-dff before other tiling}}
    flashmhf.mhffn silu ins(%qt, %kt, %kt : !tile, !wtile, !wtile) outs(%acc : !acc)
        {schedule = #flashmhf.schedule<token_tile = 64, dff_tile = 32, consumers = 1, split = 2>}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %t = arith.truncf %in : f32 to bf16
      linalg.yield %t : bf16
    }
  }
  return
}

// -----

// A second reader of the partial sums.

!q = memref<1x1x64x64xbf16>
!w = memref<1x1x32x64xbf16>
!wtile = memref<1x1x16x64xbf16, strided<[2048, 2048, 64, 1], offset: ?>>
!acc = memref<1x1x64x64xf32, strided<[4096, 4096, 64, 1], offset: ?>>
!work = memref<2x1x1x64x64xf32>

func.func @read_twice(%q: !q, %k: !w, %other: !work) {
  %zero = arith.constant 0.0 : f32
  %work = memref.alloc() : !work
  scf.forall (%p) in (2) {
    %f = affine.apply affine_map<(p) -> (p * 16)>(%p)
    %kt = memref.subview %k[0, 0, %f, 0] [1, 1, 16, 64] [1, 1, 1, 1] : !w to !wtile
    %acc = memref.subview %work[%p, 0, 0, 0, 0] [1, 1, 1, 64, 64] [1, 1, 1, 1, 1] : !work to !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    flashmhf.mhffn silu ins(%q, %kt, %kt : !q, !wtile, !wtile) outs(%acc : !acc)
        {schedule = #flashmhf.schedule<token_tile = 64, dff_tile = 16, consumers = 1, split = 2>}
  }
  // expected-error@+1 {{uses the partial sums of a split mhffn, but is not in the one loop that adds them up}}
  memref.copy %work, %other : !work to !work
  return
}

// -----

// A loop over the partial sums that does not add them up.

!q = memref<1x1x64x64xbf16>
!w = memref<1x1x32x64xbf16>
!wtile = memref<1x1x16x64xbf16, strided<[2048, 2048, 64, 1], offset: ?>>
!acc = memref<1x1x64x64xf32, strided<[4096, 4096, 64, 1], offset: ?>>
!work = memref<2x1x1x64x64xf32>

func.func @not_a_sum(%q: !q, %k: !w, %other: !work) {
  %zero = arith.constant 0.0 : f32
  %work = memref.alloc() : !work
  scf.forall (%p) in (2) {
    %f = affine.apply affine_map<(p) -> (p * 16)>(%p)
    %kt = memref.subview %k[0, 0, %f, 0] [1, 1, 16, 64] [1, 1, 1, 1] : !w to !wtile
    %acc = memref.subview %work[%p, 0, 0, 0, 0] [1, 1, 1, 64, 64] [1, 1, 1, 1, 1] : !work to !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    flashmhf.mhffn silu ins(%q, %kt, %kt : !q, !wtile, !wtile) outs(%acc : !acc)
        {schedule = #flashmhf.schedule<token_tile = 64, dff_tile = 16, consumers = 1, split = 2>}
  }
  scf.forall (%l) in (1) {
    // expected-error@+1 {{has no place in the sum of the pieces of a split mhffn}}
    memref.copy %work, %other : !work to !work
  }
  return
}

// -----

!q = tensor<1x1x?x64xbf16>
!w = tensor<1x33x256x64xbf16>

func.func @pieces(%q: !q, %w: !w, %o: !q) -> !q {
  // expected-error@+1 {{needs at most 512 pieces on a GPU, has split = 513}}
  %r = flashmhf.mhffn silu ins(%q, %w, %w : !q, !w, !w) outs(%o : !q)
      {schedule = #flashmhf.schedule<dff_tile = 16, split = 513>} -> !q
  return %r : !q
}
