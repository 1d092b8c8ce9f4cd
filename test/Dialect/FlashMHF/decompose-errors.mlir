// RUN: flashmhf-opt %s --flashmhf-decompose --split-input-file --verify-diagnostics

func.func @dynamic_kuv_heads(%q: memref<2x8x64x64xbf16>, %w: memref<?x3x256x64xbf16>) {
  // expected-error@+1 {{'flashmhf.mhffn' op cannot be decomposed with dynamic H or G; tile the heads by one first}}
  flashmhf.mhffn silu ins(%q, %w, %w : memref<2x8x64x64xbf16>, memref<?x3x256x64xbf16>, memref<?x3x256x64xbf16>) outs(%q : memref<2x8x64x64xbf16>)
  return
}

// -----

func.func @dynamic_heads(%q: tensor<2x?x64x64xbf16>, %w: tensor<4x3x256x64xbf16>) -> tensor<2x?x64x64xbf16> {
  // expected-error@+1 {{'flashmhf.mhffn' op cannot be decomposed with dynamic H or G; tile the heads by one first}}
  %0 = flashmhf.mhffn silu ins(%q, %w, %w : tensor<2x?x64x64xbf16>, tensor<4x3x256x64xbf16>, tensor<4x3x256x64xbf16>) outs(%q : tensor<2x?x64x64xbf16>) -> tensor<2x?x64x64xbf16>
  return %0 : tensor<2x?x64x64xbf16>
}
