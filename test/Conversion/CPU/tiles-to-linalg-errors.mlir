// RUN: flashmhf-opt %s --flashmhf-tiles-to-linalg --split-input-file --verify-diagnostics

func.func @heads(%q: tensor<1x2x8x16xf32>, %k: tensor<2x1x4x16xf32>) -> tensor<1x2x8x16xf32> {
  // expected-error @+1 {{'flashmhf.mhffn' op is not one tile: H is 2, expected 1}}
  %0 = flashmhf.mhffn relu ins(%q, %k, %k : tensor<1x2x8x16xf32>, tensor<2x1x4x16xf32>, tensor<2x1x4x16xf32>)
    outs(%q : tensor<1x2x8x16xf32>) -> tensor<1x2x8x16xf32>
  return %0 : tensor<1x2x8x16xf32>
}

// -----

func.func @batches(%q: tensor<?x1x8x16xf32>, %k: tensor<1x1x4x16xf32>) -> tensor<?x1x8x16xf32> {
  // expected-error @+1 {{'flashmhf.mhffn' op is not one tile: B is dynamic, expected 1}}
  %0 = flashmhf.mhffn relu ins(%q, %k, %k : tensor<?x1x8x16xf32>, tensor<1x1x4x16xf32>, tensor<1x1x4x16xf32>)
    outs(%q : tensor<?x1x8x16xf32>) -> tensor<?x1x8x16xf32>
  return %0 : tensor<?x1x8x16xf32>
}

// -----

func.func @rounded(%q: tensor<1x1x8x16xbf16>, %k: tensor<1x1x4x16xbf16>) -> tensor<1x1x8x16xbf16> {
  // expected-error @+1 {{'flashmhf.mhffn' op accumulates into 'bf16', expected 'f32'}}
  %0 = flashmhf.mhffn relu ins(%q, %k, %k : tensor<1x1x8x16xbf16>, tensor<1x1x4x16xbf16>, tensor<1x1x4x16xbf16>)
    outs(%q : tensor<1x1x8x16xbf16>) -> tensor<1x1x8x16xbf16>
  return %0 : tensor<1x1x8x16xbf16>
}
