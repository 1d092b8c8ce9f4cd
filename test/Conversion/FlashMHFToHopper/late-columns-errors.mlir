// RUN: flashmhf-opt %s --flashmhf-to-hopper -split-input-file -verify-diagnostics

// A fragment's columns are dealt out in groups of 8, and some of a step must be early.

!q = tensor<1x4x?x64xbf16>
!w = tensor<4x2x256x64xbf16>
func.func @group(%q: !q, %k: !w, %u: !w, %v: !w, %o: !q) -> !q {
  %zero = arith.constant 0.0 : bf16
  %init = linalg.fill ins(%zero : bf16) outs(%o : !q) -> !q
  // expected-error@+1 {{needs late_columns that are a multiple of 8 and fewer than those of a step: 12 of 64}}
  %r = flashmhf.mhffn silu ins(%q, %k, %v : !q, !w, !w) up(%u : !w) outs(%init : !q) {schedule = #flashmhf.schedule<dff_tile = 64, late_columns = 12>} -> !q
  return %r : !q
}

// -----

!q = tensor<1x4x?x64xbf16>
!w = tensor<4x2x40x64xbf16>
func.func @all(%q: !q, %k: !w, %u: !w, %v: !w, %o: !q) -> !q {
  %zero = arith.constant 0.0 : bf16
  %init = linalg.fill ins(%zero : bf16) outs(%o : !q) -> !q
  // expected-error@+1 {{fewer than those of a step: 48 of 48}}
  %r = flashmhf.mhffn silu ins(%q, %k, %v : !q, !w, !w) up(%u : !w) outs(%init : !q) {schedule = #flashmhf.schedule<dff_tile = 64, late_columns = 48>} -> !q
  return %r : !q
}
