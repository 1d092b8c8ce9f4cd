// RUN: flashmhf-opt %s --split-input-file --verify-diagnostics

func.func @kinds(%x: tensor<1x1x5x16xbf16>, %w: memref<2x1x8x16xbf16>, %o: tensor<1x2x5x8xbf16>) {
  // expected-error@+1 {{'flashmhf.project' op operands must be all tensors or all memrefs, but 'w' is 'memref<2x1x8x16xbf16>' and 'init' is 'tensor<1x2x5x8xbf16>'}}
  %0 = flashmhf.project ins(%x, %w : tensor<1x1x5x16xbf16>, memref<2x1x8x16xbf16>) outs(%o : tensor<1x2x5x8xbf16>) -> tensor<1x2x5x8xbf16>
  return
}

// -----

func.func @no_result(%x: tensor<1x1x5x16xbf16>, %w: tensor<2x1x8x16xbf16>, %o: tensor<1x2x5x8xbf16>) {
  // expected-error@+1 {{op on tensors must have one result}}
  flashmhf.project ins(%x, %w : tensor<1x1x5x16xbf16>, tensor<2x1x8x16xbf16>) outs(%o : tensor<1x2x5x8xbf16>)
  return
}

// -----

func.func @result(%x: tensor<1x1x5x16xbf16>, %w: tensor<2x1x8x16xbf16>, %o: tensor<1x2x5x8xbf16>) {
  // expected-error@+1 {{op result type 'tensor<1x2x?x8xbf16>' differs from the type of 'init' 'tensor<1x2x5x8xbf16>'}}
  %0 = flashmhf.project ins(%x, %w : tensor<1x1x5x16xbf16>, tensor<2x1x8x16xbf16>) outs(%o : tensor<1x2x5x8xbf16>) -> tensor<1x2x?x8xbf16>
  return
}

// -----

func.func @layout(%x: memref<1x1x4x16xbf16, affine_map<(a, b, c, d) -> (a, b, c floordiv 2, d, c mod 2)>>, %w: memref<2x1x8x16xbf16>, %o: memref<1x2x4x8xbf16>) {
  // expected-error@+1 {{op operand #0 must have a strided layout, got 'memref<1x1x4x16xbf16, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2 floordiv 2, d3, d2 mod 2)>>'}}
  flashmhf.project ins(%x, %w : memref<1x1x4x16xbf16, affine_map<(a, b, c, d) -> (a, b, c floordiv 2, d, c mod 2)>>, memref<2x1x8x16xbf16>) outs(%o : memref<1x2x4x8xbf16>)
  return
}

// -----

func.func @weights_type(%x: memref<1x1x5x16xbf16>, %w: memref<2x1x8x16xf16>, %o: memref<1x2x5x8xbf16>) {
  // expected-error@+1 {{op element type of 'w' must be 'bf16', like that of 'x', got 'f16'}}
  flashmhf.project ins(%x, %w : memref<1x1x5x16xbf16>, memref<2x1x8x16xf16>) outs(%o : memref<1x2x5x8xbf16>)
  return
}

// -----

func.func @output_type(%x: memref<1x1x5x16xbf16>, %w: memref<2x1x8x16xbf16>, %o: memref<1x2x5x8xf16>) {
  // expected-error@+1 {{op element type of 'init' must be 'bf16' or the accumulation type 'f32', got 'f16'}}
  flashmhf.project ins(%x, %w : memref<1x1x5x16xbf16>, memref<2x1x8x16xbf16>) outs(%o : memref<1x2x5x8xf16>)
  return
}

// -----

func.func @depth(%x: memref<1x1x5x16xbf16>, %w: memref<2x1x8x32xbf16>, %o: memref<1x2x5x8xbf16>) {
  // expected-error@+1 {{op size K differs: dimension 3 of 'w' is 32, but 'x' has 16}}
  flashmhf.project ins(%x, %w : memref<1x1x5x16xbf16>, memref<2x1x8x32xbf16>) outs(%o : memref<1x2x5x8xbf16>)
  return
}

// -----

func.func @groups(%x: memref<1x3x5x16xbf16>, %w: memref<2x1x8x16xbf16>, %o: memref<1x2x5x8xbf16>) {
  // expected-error@+1 {{op size G differs: dimension 1 of 'w' is 1, but 'x' has 3}}
  flashmhf.project ins(%x, %w : memref<1x3x5x16xbf16>, memref<2x1x8x16xbf16>) outs(%o : memref<1x2x5x8xbf16>)
  return
}

// -----

func.func @heads(%x: memref<1x1x?x16xbf16>, %w: memref<2x1x8x16xbf16>, %o: memref<1x3x?x8xbf16>) {
  // expected-error@+1 {{op size H differs: dimension 1 of 'init' is 3, but 'w' has 2}}
  flashmhf.project ins(%x, %w : memref<1x1x?x16xbf16>, memref<2x1x8x16xbf16>) outs(%o : memref<1x3x?x8xbf16>)
  return
}
