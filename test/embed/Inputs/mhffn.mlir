func.func @mhffn(%q: tensor<?x8x?x128xbf16>, %k: tensor<8x11x256x128xbf16>,
                 %u: tensor<8x11x256x128xbf16>, %v: tensor<8x11x256x128xbf16>,
                 %r: tensor<?x8x?x11xf32>, %out: tensor<?x8x?x128xbf16>)
    -> tensor<?x8x?x128xbf16> {
  %zero = arith.constant 0.0 : bf16
  %init = linalg.fill ins(%zero : bf16) outs(%out : tensor<?x8x?x128xbf16>)
      -> tensor<?x8x?x128xbf16>
  %o = flashmhf.mhffn silu
      ins(%q, %k, %v : tensor<?x8x?x128xbf16>, tensor<8x11x256x128xbf16>,
          tensor<8x11x256x128xbf16>)
      up(%u : tensor<8x11x256x128xbf16>)
      router(%r : tensor<?x8x?x11xf32>)
      outs(%init : tensor<?x8x?x128xbf16>) -> tensor<?x8x?x128xbf16>
  return %o : tensor<?x8x?x128xbf16>
}
