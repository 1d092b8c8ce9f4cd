// RUN: flashmhf-opt %s --flashmhf-assign-cpu-schedule | FileCheck %s

// CHECK-LABEL: func @narrow
// CHECK: flashmhf.mhffn {{.*}}token_tile = 64, dff_tile = 64,
func.func @narrow(%q: tensor<1x2x?x128xf32>, %k: tensor<2x1x256x128xf32>) -> tensor<1x2x?x128xf32> {
  %o = flashmhf.mhffn silu ins(%q, %k, %k : tensor<1x2x?x128xf32>, tensor<2x1x256x128xf32>, tensor<2x1x256x128xf32>)
    outs(%q : tensor<1x2x?x128xf32>) -> tensor<1x2x?x128xf32>
  return %o : tensor<1x2x?x128xf32>
}

// 8192 / 576 = 14, but 16 is the least.
// CHECK-LABEL: func @wide
// CHECK: flashmhf.mhffn {{.*}}token_tile = 64, dff_tile = 16,
func.func @wide(%q: tensor<1x2x?x576xf32>, %k: tensor<2x1x256x576xf32>) -> tensor<1x2x?x576xf32> {
  %o = flashmhf.mhffn silu ins(%q, %k, %k : tensor<1x2x?x576xf32>, tensor<2x1x256x576xf32>, tensor<2x1x256x576xf32>)
    outs(%q : tensor<1x2x?x576xf32>) -> tensor<1x2x?x576xf32>
  return %o : tensor<1x2x?x576xf32>
}

// 8192 / 96 = 85, of which 64 is the power of two.
// CHECK-LABEL: func @odd
// CHECK: flashmhf.mhffn {{.*}}token_tile = 64, dff_tile = 64,
func.func @odd(%q: tensor<1x2x?x96xf32>, %k: tensor<2x1x256x96xf32>) -> tensor<1x2x?x96xf32> {
  %o = flashmhf.mhffn silu ins(%q, %k, %k : tensor<1x2x?x96xf32>, tensor<2x1x256x96xf32>, tensor<2x1x256x96xf32>)
    outs(%q : tensor<1x2x?x96xf32>) -> tensor<1x2x?x96xf32>
  return %o : tensor<1x2x?x96xf32>
}

// CHECK-LABEL: func @given
// CHECK: flashmhf.mhffn {{.*}}token_tile = 128, dff_tile = 32,
// CHECK-NOT: split
func.func @given(%q: tensor<1x2x?x128xf32>, %k: tensor<2x1x256x128xf32>) -> tensor<1x2x?x128xf32> {
  %o = flashmhf.mhffn silu ins(%q, %k, %k : tensor<1x2x?x128xf32>, tensor<2x1x256x128xf32>, tensor<2x1x256x128xf32>)
    outs(%q : tensor<1x2x?x128xf32>) {schedule = #flashmhf.schedule<dff_tile = 32, split = 2>} -> tensor<1x2x?x128xf32>
  return %o : tensor<1x2x?x128xf32>
}
