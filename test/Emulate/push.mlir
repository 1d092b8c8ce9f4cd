// The values of pieces.mlir, however many blocks run at once: a cluster does.
// RUN: flashmhf-opt %s --flashmhf-to-hopper \
// RUN:   --flashmhf-emulate="pattern=ones tokens=65 multiprocessors=132" \
// RUN:   -verify-diagnostics -o /dev/null
// RUN: flashmhf-opt %s --flashmhf-to-hopper \
// RUN:   --flashmhf-emulate="pattern=ones tokens=65 multiprocessors=1" \
// RUN:   -verify-diagnostics -o /dev/null

func.func @pieces(%q: tensor<1x2x?x16xbf16>, %k: tensor<2x1x40x16xbf16>, %out: tensor<1x2x?x16xf32>) -> tensor<1x2x?x16xf32> {
  // expected-remark@-1 {{argument #2: sum 21301280.000, smallest 10241.000, largest 10241.000}}
  %o = flashmhf.mhffn relu ins(%q, %k, %k : tensor<1x2x?x16xbf16>, tensor<2x1x40x16xbf16>, tensor<2x1x40x16xbf16>)
      up(%k : tensor<2x1x40x16xbf16>) outs(%out : tensor<1x2x?x16xf32>)
      {schedule = #flashmhf.schedule<token_tile = 64, dff_tile = 16, consumers = 1, split = 3, push = true>} -> tensor<1x2x?x16xf32>
  return %o : tensor<1x2x?x16xf32>
}
