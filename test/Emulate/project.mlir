// A projection of ones: G K = 80, which the init, 1, is added to.
// RUN: flashmhf-opt %s --flashmhf-to-hopper \
// RUN:   --flashmhf-emulate="pattern=ones tokens=70" \
// RUN:   -split-input-file -verify-diagnostics -o /dev/null

!x = tensor<2x5x?x16xbf16>
!w = tensor<3x5x32x16xbf16>
!o = tensor<2x3x?x32xbf16>
func.func @exchanged(%x: !x, %w: !w, %out: !o) -> !o {
  // expected-remark@-1 {{argument #2: sum 1088640.000, smallest 81.000, largest 81.000}}
  %o = flashmhf.project ins(%x, %w : !x, !w) outs(%out : !o)
      {schedule = #flashmhf.schedule<token_tile = 24, dff_tile = 16, stages = [2, 3, 3], consumers = 1, exchange = true>} -> !o
  return %o : !o
}

// -----

// Five steps in two pieces, which meet in global memory; a programmatic launch
// reads and writes nothing but W before its predecessor has ended.
!x = tensor<2x5x?x16xbf16>
!w = tensor<3x5x32x16xbf16>
!o = tensor<2x3x?x32xbf16>
func.func @pieces(%x: !x, %w: !w, %out: !o) -> !o {
  // expected-remark@-1 {{argument #2: sum 1088640.000, smallest 81.000, largest 81.000}}
  %o = flashmhf.project ins(%x, %w : !x, !w) outs(%out : !o)
      {schedule = #flashmhf.schedule<token_tile = 64, dff_tile = 16, consumers = 1, split = 2, programmatic = true>} -> !o
  return %o : !o
}

// -----

!x = tensor<2x5x?x16xbf16>
!w = tensor<3x5x32x16xbf16>
!o = tensor<2x3x?x32xf32>
func.func @pushed(%x: !x, %w: !w, %out: !o) -> !o {
  // expected-remark@-1 {{argument #2: sum 1088640.000, smallest 81.000, largest 81.000}}
  %o = flashmhf.project ins(%x, %w : !x, !w) outs(%out : !o)
      {schedule = #flashmhf.schedule<token_tile = 128, dff_tile = 16, consumers = 2, split = 5, push = true, programmatic = true>} -> !o
  return %o : !o
}

// -----

// Three tiles of tokens: the cluster's fourth block has none of its own.
!x = tensor<2x5x?x16xbf16>
!w = tensor<3x5x32x16xbf16>
!o = tensor<2x3x?x32xbf16>
func.func @clustered(%x: !x, %w: !w, %out: !o) -> !o {
  // expected-remark@-1 {{argument #2: sum 1088640.000, smallest 81.000, largest 81.000}}
  %o = flashmhf.project ins(%x, %w : !x, !w) outs(%out : !o)
      {schedule = #flashmhf.schedule<token_tile = 24, dff_tile = 16, stages = [2, 1, 1], consumers = 1, cluster = 4, exchange = true, programmatic = true>} -> !o
  return %o : !o
}
