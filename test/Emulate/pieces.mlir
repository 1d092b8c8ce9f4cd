// RUN: flashmhf-opt %s --flashmhf-to-hopper \
// RUN:   --flashmhf-emulate="pattern=ones tokens=65 multiprocessors=132" \
// RUN:   -split-input-file -verify-diagnostics -o /dev/null
// The same where blocks cannot wait for one another: 12 do not fit.
// RUN: flashmhf-opt %s --flashmhf-to-hopper \
// RUN:   --flashmhf-emulate="pattern=ones tokens=65 multiprocessors=11" \
// RUN:   -split-input-file -verify-diagnostics -o /dev/null

// 3 steps of 16, 16 and 8 rows in 3 pieces: O = 40 * (1 * 16 * 16 + 1), as the
// init of ones is added once. 65 rows, 2 heads, 16 columns of 256 (f32 rounds
// nothing): relu(16) * 16 = 256, times 40, and 1: 10241.
func.func @pieces(%q: tensor<1x2x?x16xbf16>, %k: tensor<2x1x40x16xbf16>, %out: tensor<1x2x?x16xf32>) -> tensor<1x2x?x16xf32> {
  // expected-remark@-1 {{argument #2: sum 21301280.000, smallest 10241.000, largest 10241.000}}
  %o = flashmhf.mhffn relu ins(%q, %k, %k : tensor<1x2x?x16xbf16>, tensor<2x1x40x16xbf16>, tensor<2x1x40x16xbf16>)
      up(%k : tensor<2x1x40x16xbf16>) outs(%out : tensor<1x2x?x16xf32>)
      {schedule = #flashmhf.schedule<token_tile = 64, dff_tile = 16, consumers = 1, split = 3>} -> tensor<1x2x?x16xf32>
  return %o : tensor<1x2x?x16xf32>
}

// -----

// The same in clusters of two tiles that share K, U and V: 2 heads, 2 tiles of 64
// rows, 3 pieces, 12 blocks.
func.func @clusters(%q: tensor<1x2x?x16xbf16>, %k: tensor<2x1x40x16xbf16>, %out: tensor<1x2x?x16xf32>) -> tensor<1x2x?x16xf32> {
  // expected-remark@-1 {{argument #2: sum 21301280.000, smallest 10241.000, largest 10241.000}}
  %o = flashmhf.mhffn relu ins(%q, %k, %k : tensor<1x2x?x16xbf16>, tensor<2x1x40x16xbf16>, tensor<2x1x40x16xbf16>)
      up(%k : tensor<2x1x40x16xbf16>) outs(%out : tensor<1x2x?x16xf32>)
      {schedule = #flashmhf.schedule<token_tile = 64, dff_tile = 16, consumers = 1, cluster = 2, overlap = true, split = 3>} -> tensor<1x2x?x16xf32>
  return %o : tensor<1x2x?x16xf32>
}
