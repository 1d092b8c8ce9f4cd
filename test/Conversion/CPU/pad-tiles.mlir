// RUN: flashmhf-opt %s --flashmhf-pad-tiles --cse | FileCheck %s
// RUN: flashmhf-opt %s --flashmhf-pad-tiles=vector-bits=256 --cse | FileCheck %s --check-prefix=NARROW

// A bound on the tokens is known from the minimum; 6 rows become 8 and D = 20
// two vectors of 16 or three of 8. The zero init needs no copy.
// CHECK-LABEL: func @bounded
//  CHECK-SAME: %[[Q:[a-z0-9]+]]: tensor<1x1x?x20xf32>
//       CHECK: %[[N:.*]] = affine.min
//       CHECK: %[[TILE:.*]] = tensor.extract_slice %[[Q]]
//       CHECK: %[[Z:.*]] = linalg.fill {{.*}} -> tensor<1x1x64x32xf32>
//       CHECK: %[[PQ:.*]] = tensor.insert_slice %[[TILE]] into %[[Z]][0, 0, 0, 0] [1, 1, %[[N]], 20]
//       CHECK: tensor.insert_slice {{.*}} : tensor<1x1x6x20xf32> into tensor<1x1x8x32xf32>
//       CHECK: %[[PR:.*]] = tensor.insert_slice {{.*}} : tensor<1x1x?x1xf32> into tensor<1x1x64x1xf32>
//       CHECK: %[[O:.*]] = flashmhf.mhffn silu ins(%[[PQ]], {{.*}} router(%[[PR]] : {{.*}}) outs(%[[Z]] : tensor<1x1x64x32xf32>)
//       CHECK: tensor.extract_slice %[[O]][0, 0, 0, 0] [1, 1, %{{.*}}, 20] [1, 1, 1, 1] : {{.*}} to tensor<1x1x?x20xf32>
// NARROW-LABEL: func @bounded
//       NARROW: flashmhf.mhffn {{.*}} outs({{.*}} : tensor<1x1x64x24xf32>)
func.func @bounded(%q: tensor<1x1x?x20xf32>, %k: tensor<1x1x6x20xf32>, %r: tensor<1x1x?x1xf32>, %m: index, %l: index) -> tensor<1x1x?x20xf32> {
  %zero = arith.constant 0.0 : f32
  %n = affine.min affine_map<(d0)[s0] -> (64, s0 - d0)>(%m)[%l]
  %qt = tensor.extract_slice %q[0, 0, %m, 0] [1, 1, %n, 20] [1, 1, 1, 1] : tensor<1x1x?x20xf32> to tensor<1x1x?x20xf32>
  %rt = tensor.extract_slice %r[0, 0, %m, 0] [1, 1, %n, 1] [1, 1, 1, 1] : tensor<1x1x?x1xf32> to tensor<1x1x?x1xf32>
  %empty = tensor.empty(%n) : tensor<1x1x?x20xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<1x1x?x20xf32>) -> tensor<1x1x?x20xf32>
  %o = flashmhf.mhffn silu ins(%qt, %k, %k : tensor<1x1x?x20xf32>, tensor<1x1x6x20xf32>, tensor<1x1x6x20xf32>)
    router(%rt : tensor<1x1x?x1xf32>) outs(%init : tensor<1x1x?x20xf32>) -> tensor<1x1x?x20xf32>
  return %o : tensor<1x1x?x20xf32>
}

// An f64 vector has half as many lanes.
// CHECK-LABEL: func @doubles
//       CHECK: flashmhf.mhffn {{.*}} outs({{.*}} : tensor<1x1x8x24xf64>)
func.func @doubles(%q: tensor<1x1x3x20xf64>, %k: tensor<1x1x4x20xf64>) -> tensor<1x1x3x20xf64> {
  %o = flashmhf.mhffn silu ins(%q, %k, %k : tensor<1x1x3x20xf64>, tensor<1x1x4x20xf64>, tensor<1x1x4x20xf64>)
    outs(%q : tensor<1x1x3x20xf64>) -> tensor<1x1x3x20xf64>
  return %o : tensor<1x1x3x20xf64>
}

// Nothing to pad, or nothing known.
// CHECK-LABEL: func @kept
//   CHECK-NOT: insert_slice
//       CHECK: flashmhf.mhffn
//   CHECK-NOT: extract_slice
func.func @kept(%q: tensor<1x1x?x16xf32>, %k: tensor<1x1x?x16xf32>) -> tensor<1x1x?x16xf32> {
  %o = flashmhf.mhffn silu ins(%q, %k, %k : tensor<1x1x?x16xf32>, tensor<1x1x?x16xf32>, tensor<1x1x?x16xf32>)
    outs(%q : tensor<1x1x?x16xf32>) -> tensor<1x1x?x16xf32>
  return %o : tensor<1x1x?x16xf32>
}
