// RUN: flashmhf-opt %s --flashmhf-tile-tokens --flashmhf-tile-dff --canonicalize | FileCheck %s

// One sub-network needs no rewriting of the op: its loop folds away, and so does
// that over d_ff where one tile holds all of F.

#schedule = #flashmhf.schedule<token_tile = 64, dff_tile = 32, consumers = 1>

// CHECK-LABEL: func.func @steps
// CHECK:       scf.forall
// CHECK:         scf.for
// CHECK-NOT:     scf.for
// CHECK:           flashmhf.mhffn
func.func @steps(%q: tensor<1x2x128x16xbf16>, %w: tensor<2x1x64x16xbf16>, %o: tensor<1x2x128x16xbf16>) -> tensor<1x2x128x16xbf16> {
  %0 = flashmhf.mhffn silu ins(%q, %w, %w : tensor<1x2x128x16xbf16>, tensor<2x1x64x16xbf16>, tensor<2x1x64x16xbf16>)
    outs(%o : tensor<1x2x128x16xbf16>) {schedule = #schedule} -> tensor<1x2x128x16xbf16>
  return %0 : tensor<1x2x128x16xbf16>
}

// CHECK-LABEL: func.func @one_step
// CHECK:       scf.forall
// CHECK-NOT:     scf.for
// CHECK:         flashmhf.mhffn
func.func @one_step(%q: tensor<1x2x128x16xbf16>, %w: tensor<2x1x32x16xbf16>, %o: tensor<1x2x128x16xbf16>) -> tensor<1x2x128x16xbf16> {
  %0 = flashmhf.mhffn silu ins(%q, %w, %w : tensor<1x2x128x16xbf16>, tensor<2x1x32x16xbf16>, tensor<2x1x32x16xbf16>)
    outs(%o : tensor<1x2x128x16xbf16>) {schedule = #schedule} -> tensor<1x2x128x16xbf16>
  return %0 : tensor<1x2x128x16xbf16>
}
