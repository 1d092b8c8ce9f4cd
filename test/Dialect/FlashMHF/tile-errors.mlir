// RUN: flashmhf-opt %s --flashmhf-tile-tokens --split-input-file --verify-diagnostics
// RUN: flashmhf-opt %s --flashmhf-tile-dff --split-input-file --verify-diagnostics

func.func @no_schedule(%q: memref<2x8x64x64xbf16>, %w: memref<8x3x256x64xbf16>) {
  // expected-error@+1 {{'flashmhf.mhffn' op has no schedule to tile by}}
  flashmhf.mhffn silu ins(%q, %w, %w : memref<2x8x64x64xbf16>, memref<8x3x256x64xbf16>, memref<8x3x256x64xbf16>) outs(%q : memref<2x8x64x64xbf16>)
  return
}
