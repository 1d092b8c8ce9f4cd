// RUN: flashmhf-opt %s --flashmhf-decompose --verify-diagnostics

func.func @dynamic_kuv_heads(%q: memref<2x8x64x64xbf16>, %w: memref<?x3x256x64xbf16>) {
  // expected-error@+1 {{'flashmhf.mhffn' op cannot be decomposed with H = 8 static and G dynamic}}
  flashmhf.mhffn silu ins(%q, %w, %w : memref<2x8x64x64xbf16>, memref<?x3x256x64xbf16>, memref<?x3x256x64xbf16>) outs(%q : memref<2x8x64x64xbf16>)
  return
}
