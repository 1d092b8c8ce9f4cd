// RUN: not flashmhf-opt %s --flashmhf-to-hopper --flashmhf-emulate="pattern=ones tokens=65" 2>&1 | FileCheck %s

// Multicast between the blocks of a cluster is refused, not approximated.
// CHECK: error: cannot emulate ring "V", which a cluster of 2 blocks fills together

func.func @f(%q: tensor<1x2x?x64xbf16>, %w: tensor<1x2x128x64xbf16>, %out: tensor<1x2x?x64xbf16>) -> tensor<1x2x?x64xbf16> {
  %o = flashmhf.mhffn relu ins(%q, %w, %w : tensor<1x2x?x64xbf16>, tensor<1x2x128x64xbf16>, tensor<1x2x128x64xbf16>) outs(%out : tensor<1x2x?x64xbf16>)
    {schedule = #flashmhf.schedule<dff_tile = 64, cluster = 2, persistent = true, overlap = true>} -> tensor<1x2x?x64xbf16>
  return %o : tensor<1x2x?x64xbf16>
}
