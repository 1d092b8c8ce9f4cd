// RUN: flashmhf-opt %s --transform-interpreter --split-input-file --verify-diagnostics=only-expected

func.func @part_of_a_group(%q: tensor<2x8x64x16xf32>, %w: tensor<2x3x32x16xf32>) -> tensor<2x8x64x16xf32> {
  // expected-error@+1 {{'flashmhf.mhffn' op heads must be tiled by 1 or by multiples of H / G = 8 / 2 = 4, got a tile of 2 heads}}
  %0 = flashmhf.mhffn silu ins(%q, %w, %w : tensor<2x8x64x16xf32>, tensor<2x3x32x16xf32>, tensor<2x3x32x16xf32>) outs(%q : tensor<2x8x64x16xf32>) -> tensor<2x8x64x16xf32>
  return %0 : tensor<2x8x64x16xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["flashmhf.mhffn"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_for %op tile_sizes [0, 2] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

func.func @dynamic_groups(%q: tensor<2x?x64x16xf32>, %w: tensor<?x3x32x16xf32>) -> tensor<2x?x64x16xf32> {
  // expected-error@+1 {{'flashmhf.mhffn' op with dynamic H or G can be tiled by one head or not at all}}
  %0 = flashmhf.mhffn silu ins(%q, %w, %w : tensor<2x?x64x16xf32>, tensor<?x3x32x16xf32>, tensor<?x3x32x16xf32>) outs(%q : tensor<2x?x64x16xf32>) -> tensor<2x?x64x16xf32>
  return %0 : tensor<2x?x64x16xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["flashmhf.mhffn"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_for %op tile_sizes [0, 2] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

func.func @narrow_init(%q: tensor<2x8x64x16xbf16>, %w: tensor<8x3x32x16xbf16>) -> tensor<2x8x64x16xbf16> {
  // expected-error@+1 {{'flashmhf.mhffn' op tiled along E or F needs an 'init' of the accumulation type 'f32', got 'bf16': it would be rounded once per tile}}
  %0 = flashmhf.mhffn silu ins(%q, %w, %w : tensor<2x8x64x16xbf16>, tensor<8x3x32x16xbf16>, tensor<8x3x32x16xbf16>) outs(%q : tensor<2x8x64x16xbf16>) -> tensor<2x8x64x16xbf16>
  return %0 : tensor<2x8x64x16xbf16>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["flashmhf.mhffn"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_for %op tile_sizes [0, 0, 0, 1] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}
