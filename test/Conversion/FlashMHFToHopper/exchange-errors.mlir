// RUN: flashmhf-opt %s --flashmhf-split-dff --flashmhf-tile-tokens --flashmhf-tile-dff --flashmhf-bufferize --flashmhf-fuse-swiglu --split-input-file --verify-diagnostics

!q = tensor<1x1x?x64xbf16>
!w = tensor<1x2x128x64xbf16>

func.func @tokens(%q: !q, %w: !w, %o: !q) -> !q {
  // expected-error@+1 {{needs a token_tile of 8, 16 or 32 where roles are exchanged, has 64}}
  %r = flashmhf.mhffn silu ins(%q, %w, %w : !q, !w, !w) outs(%o : !q)
      {schedule = #flashmhf.schedule<token_tile = 64, dff_tile = 64, consumers = 1, exchange = true>} -> !q
  return %r : !q
}

// -----

!q = tensor<1x1x?x64xbf16>
!w = tensor<1x2x128x64xbf16>

func.func @wide_step(%q: !q, %w: !w, %o: !q) -> !q {
  // expected-error@+1 {{needs a dff_tile of at most 64 where roles are exchanged, has 128}}
  %r = flashmhf.mhffn silu ins(%q, %w, %w : !q, !w, !w) outs(%o : !q)
      {schedule = #flashmhf.schedule<token_tile = 8, dff_tile = 128, consumers = 1, exchange = true>} -> !q
  return %r : !q
}

// -----

!q = tensor<1x1x?x64xbf16>
!w = tensor<1x2x128x64xbf16>

func.func @narrow_step(%q: !q, %w: !w, %o: !q) -> !q {
  // expected-error@+1 {{needs a dff_tile that is all of F or a multiple of 64 where roles are exchanged, has 32}}
  %r = flashmhf.mhffn silu ins(%q, %w, %w : !q, !w, !w) outs(%o : !q)
      {schedule = #flashmhf.schedule<token_tile = 8, dff_tile = 32, consumers = 1, exchange = true>} -> !q
  return %r : !q
}

// -----

!q = tensor<1x1x?x64xbf16>
!w = tensor<1x2x128x64xbf16>

func.func @persistent(%q: !q, %w: !w, %o: !q) -> !q {
  // expected-error@+1 {{cannot be computed with exchanged roles where blocks are persistent or form clusters or Q is halved: persistent, cluster = 1}}
  %r = flashmhf.mhffn silu ins(%q, %w, %w : !q, !w, !w) outs(%o : !q)
      {schedule = #flashmhf.schedule<token_tile = 8, dff_tile = 64, consumers = 1, persistent = true, exchange = true>} -> !q
  return %r : !q
}

// -----

!q = tensor<1x1x?x64xbf16>
!w = tensor<1x2x128x64xbf16>

func.func @halved(%q: !q, %w: !w, %o: !q) -> !q {
  // expected-error@+1 {{cannot be computed with exchanged roles where blocks are persistent or form clusters or Q is halved: halve_q, cluster = 2}}
  %r = flashmhf.mhffn silu ins(%q, %w, %w : !q, !w, !w) outs(%o : !q)
      {schedule = #flashmhf.schedule<token_tile = 8, dff_tile = 64, consumers = 1, cluster = 2, halve_q = true, exchange = true>} -> !q
  return %r : !q
}

// -----

!q = tensor<1x1x?x256xbf16>
!w = tensor<1x2x64x256xbf16>

func.func @registers(%q: !q, %w: !w, %o: !q) -> !q {
  // expected-error@+1 {{needs 80 registers per thread for accumulators (D = 256, 1 x dff_tile = 64) and 32 besides, but a consumer has 104}}
  %r = flashmhf.mhffn silu ins(%q, %w, %w : !q, !w, !w) outs(%o : !q)
      {schedule = #flashmhf.schedule<token_tile = 32, dff_tile = 64, consumers = 1, registers = [24, 104], exchange = true>} -> !q
  return %r : !q
}
