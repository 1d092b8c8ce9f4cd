// RUN: flashmhf-opt %s --flashmhf-to-hopper \
// RUN:   --flashmhf-emulate="pattern=ones tokens=65" \
// RUN:   -split-input-file -verify-diagnostics -o /dev/null
//
// Kernels as the pipeline leaves them, on tensors of ones.

// A = 16 * 16, O = 2 * 32 * 256, exactly; in 2 * 65 * 16 elements. The second
// token tile has one row.
// expected-remark @below {{argument #5: sum 34078720.000, smallest 16384.000, largest 16384.000}}
func.func @identity(%q: tensor<?x2x?x16xbf16>, %k: tensor<1x2x32x16xbf16>,
                    %u: tensor<1x2x32x16xbf16>, %v: tensor<1x2x32x16xbf16>,
                    %r: tensor<?x2x?x2xf32>, %out: tensor<?x2x?x16xbf16>)
    -> tensor<?x2x?x16xbf16> {
  %c0 = arith.constant 0.0 : bf16
  %init = linalg.fill ins(%c0 : bf16) outs(%out : tensor<?x2x?x16xbf16>)
      -> tensor<?x2x?x16xbf16>
  %o = flashmhf.mhffn identity
      ins(%q, %k, %v : tensor<?x2x?x16xbf16>, tensor<1x2x32x16xbf16>, tensor<1x2x32x16xbf16>)
      up(%u : tensor<1x2x32x16xbf16>) router(%r : tensor<?x2x?x2xf32>)
      outs(%init : tensor<?x2x?x16xbf16>)
      {schedule = #flashmhf.schedule<token_tile = 64, dff_tile = 32, consumers = 1>}
      -> tensor<?x2x?x16xbf16>
  return %o : tensor<?x2x?x16xbf16>
}

// -----

// Without a fill the operator adds to its init: 1 + 40 * 16, and rounds once.
// 40 is not a multiple of the tile. Nothing scales or gates.
// expected-remark @below {{argument #3: sum 666640.000, smallest 641.000, largest 641.000}}
func.func @accumulate(%q: tensor<?x1x?x16xf16>, %k: tensor<1x1x40x16xf16>,
                      %v: tensor<1x1x40x16xf16>, %out: tensor<?x1x?x16xf16>)
    -> tensor<?x1x?x16xf16> {
  %o = flashmhf.mhffn relu
      ins(%q, %k, %v : tensor<?x1x?x16xf16>, tensor<1x1x40x16xf16>, tensor<1x1x40x16xf16>)
      outs(%out : tensor<?x1x?x16xf16>)
      -> tensor<?x1x?x16xf16>
  return %o : tensor<?x1x?x16xf16>
}
