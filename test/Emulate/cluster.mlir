// RUN: flashmhf-opt %s --flashmhf-to-hopper \
// RUN:   --flashmhf-emulate="pattern=ones tokens=65 multiprocessors=4" \
// RUN:   -split-input-file -verify-diagnostics -o /dev/null
//
// Blocks of a cluster that fill their rings together, on tensors of ones. Of
// the two token tiles of a cluster one lies wholly past the end.

// A = 64, O = 1 + 2 * 64 * 128 in 2 * 65 * 64 elements; 16385 rounds to 16384.
// expected-remark @below {{argument #2: sum 136314880.000, smallest 16384.000, largest 16384.000}}
func.func @f(%q: tensor<1x2x?x64xbf16>, %w: tensor<1x2x128x64xbf16>, %out: tensor<1x2x?x64xbf16>) -> tensor<1x2x?x64xbf16> {
  %o = flashmhf.mhffn relu ins(%q, %w, %w : tensor<1x2x?x64xbf16>, tensor<1x2x128x64xbf16>, tensor<1x2x128x64xbf16>) outs(%out : tensor<1x2x?x64xbf16>)
    {schedule = #flashmhf.schedule<dff_tile = 64, cluster = 2, persistent = true, overlap = true>} -> tensor<1x2x?x64xbf16>
  return %o : tensor<1x2x?x64xbf16>
}

// -----

// Four blocks, in another order of the sub-networks for each cluster; the
// shares are parts of panels.
// expected-remark @below {{argument #2: sum 136314880.000, smallest 16384.000, largest 16384.000}}
func.func @f(%q: tensor<1x2x?x64xbf16>, %w: tensor<1x2x128x64xbf16>, %out: tensor<1x2x?x64xbf16>) -> tensor<1x2x?x64xbf16> {
  %o = flashmhf.mhffn relu ins(%q, %w, %w : tensor<1x2x?x64xbf16>, tensor<1x2x128x64xbf16>, tensor<1x2x128x64xbf16>) outs(%out : tensor<1x2x?x64xbf16>)
    {schedule = #flashmhf.schedule<dff_tile = 32, cluster = 4, persistent = true, rotate = true>} -> tensor<1x2x?x64xbf16>
  return %o : tensor<1x2x?x64xbf16>
}
