// RUN: flashmhf-opt %s --flashmhf-split-dff --split-input-file --verify-diagnostics

func.func @empty_pieces(%q: tensor<1x1x5x16xf16>, %k: tensor<1x3x40x16xf16>, %out: tensor<1x1x5x16xf16>) -> tensor<1x1x5x16xf16> {
  // expected-error@+1 {{cannot be split into 10 pieces: E = 3 sub-networks of F = 40 have 9 tiles of dff_tile = 16}}
  %o = flashmhf.mhffn relu ins(%q, %k, %k : tensor<1x1x5x16xf16>, tensor<1x3x40x16xf16>, tensor<1x3x40x16xf16>)
      outs(%out : tensor<1x1x5x16xf16>) {schedule = #flashmhf.schedule<dff_tile = 16, split = 10>} -> tensor<1x1x5x16xf16>
  return %o : tensor<1x1x5x16xf16>
}

// -----

func.func @dynamic(%q: tensor<1x1x5x16xf16>, %k: tensor<1x?x40x16xf16>, %out: tensor<1x1x5x16xf16>) -> tensor<1x1x5x16xf16> {
  // expected-error@+1 {{needs static E and F to be split into 2 pieces}}
  %o = flashmhf.mhffn relu ins(%q, %k, %k : tensor<1x1x5x16xf16>, tensor<1x?x40x16xf16>, tensor<1x?x40x16xf16>)
      outs(%out : tensor<1x1x5x16xf16>) {schedule = #flashmhf.schedule<dff_tile = 16, split = 2>} -> tensor<1x1x5x16xf16>
  return %o : tensor<1x1x5x16xf16>
}

// -----

func.func @none(%q: tensor<1x1x5x16xf16>, %out: tensor<1x1x5x16xf16>) -> tensor<1x1x5x16xf16> {
  // expected-error@+1 {{schedule: 'split' must be positive, got 0}}
  %o = flashmhf.mhffn relu ins(%q, %q, %q : tensor<1x1x5x16xf16>, tensor<1x1x5x16xf16>, tensor<1x1x5x16xf16>) outs(%out : tensor<1x1x5x16xf16>) {schedule = #flashmhf.schedule<split = 0>} -> tensor<1x1x5x16xf16>
  return %o : tensor<1x1x5x16xf16>
}
