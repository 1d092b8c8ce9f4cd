func.func @mhffn(%q: tensor<1x4x?x64xbf16>, %k: tensor<4x2x256x64xbf16>,
                 %u: tensor<4x2x256x64xbf16>, %v: tensor<4x2x256x64xbf16>,
                 %r: tensor<1x4x?x2xf32>, %out: tensor<1x4x?x64xbf16>)
    -> tensor<1x4x?x64xbf16> {
  %zero = arith.constant 0.0 : bf16
  %init = linalg.fill ins(%zero : bf16) outs(%out : tensor<1x4x?x64xbf16>)
      -> tensor<1x4x?x64xbf16>
  %o = flashmhf.mhffn silu
      ins(%q, %k, %v : tensor<1x4x?x64xbf16>, tensor<4x2x256x64xbf16>,
                       tensor<4x2x256x64xbf16>)
      up(%u : tensor<4x2x256x64xbf16>) router(%r : tensor<1x4x?x2xf32>)
      outs(%init : tensor<1x4x?x64xbf16>) -> tensor<1x4x?x64xbf16>
  return %o : tensor<1x4x?x64xbf16>
}
