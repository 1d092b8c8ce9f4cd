// Behind the heads: 8 heads of 128 to a model of 1024, seen as 16 x 64 columns.
!x = tensor<?x8x?x128xbf16>
!w = tensor<16x8x64x128xbf16>
!o = tensor<?x16x?x64xbf16>
func.func @project(%x: !x, %w: !w, %out: !o) -> !o {
  %zero = arith.constant 0.0 : bf16
  %init = linalg.fill ins(%zero : bf16) outs(%out : !o) -> !o
  %o = flashmhf.project ins(%x, %w : !x, !w) outs(%init : !o) -> !o
  return %o : !o
}
