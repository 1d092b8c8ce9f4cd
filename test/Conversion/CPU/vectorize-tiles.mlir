// RUN: flashmhf-opt %s --pass-pipeline='builtin.module(func.func(flashmhf-vectorize-tiles),canonicalize,cse,loop-invariant-code-motion,loop-invariant-subset-hoisting,canonicalize)' | FileCheck %s
// RUN: flashmhf-opt %s --pass-pipeline='builtin.module(func.func(flashmhf-vectorize-tiles{vector-bits=256}),canonicalize)' | FileCheck %s --check-prefix=NARROW

#id = affine_map<(d0, d1) -> (d0, d1)>

// The product is computed block by block where the activation needs it; its
// accumulator is a vector from the first step to the last.
// CHECK-LABEL: func @fused
//   CHECK-DAG: %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : vector<4x64xf32>
//   CHECK-NOT: linalg
//       CHECK: scf.for {{.*}} step %c64
//       CHECK:   scf.for {{.*}} step %c4
//       CHECK:     %[[S:.*]] = scf.for {{.*}} iter_args(%[[ACC:.*]] = %[[ZERO]]) -> (vector<4x64xf32>)
//   CHECK-NOT:       vector.transfer_write
//       CHECK:       %[[NEXT:.*]] = vector.outerproduct %{{.*}}, %{{.*}}, %[[ACC]] {{.*}} : vector<4xf32>, vector<64xf32>
//       CHECK:       scf.yield %[[NEXT]]
//       CHECK:     %[[E:.*]] = math.exp %[[S]] : vector<4x64xf32>
//       CHECK:     vector.transfer_write %[[E]]
//   CHECK-NOT: linalg
//       CHECK: return
// NARROW-LABEL: func @fused
//       NARROW: vector.outerproduct {{.*}} : vector<4xf32>, vector<16xf32>
func.func @fused(%a: tensor<8x32xf32>, %b: tensor<32x128xf32>) -> tensor<8x128xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<8x128xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%empty : tensor<8x128xf32>) -> tensor<8x128xf32>
  %s = linalg.matmul ins(%a, %b : tensor<8x32xf32>, tensor<32x128xf32>) outs(%zeros : tensor<8x128xf32>) -> tensor<8x128xf32>
  %e = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%s : tensor<8x128xf32>) outs(%empty : tensor<8x128xf32>) {
  ^bb0(%x: f32, %y: f32):
    %0 = math.exp %x : f32
    linalg.yield %0 : f32
  } -> tensor<8x128xf32>
  return %e : tensor<8x128xf32>
}

// 96 columns are three times two vectors of f32, 8 are one of f64; fewer columns
// take more rows.
// CHECK-LABEL: func @blocks
//       CHECK: vector.outerproduct {{.*}} : vector<8xf32>, vector<32xf32>
//       CHECK: vector.outerproduct {{.*}} : vector<16xf64>, vector<8xf64>
func.func @blocks(%a: tensor<8x32xf32>, %b: tensor<32x96xf32>, %c: tensor<8x96xf32>,
                  %d: tensor<32x3xf64>, %e: tensor<3x8xf64>, %f: tensor<32x8xf64>) -> (tensor<8x96xf32>, tensor<32x8xf64>) {
  %s = linalg.matmul ins(%a, %b : tensor<8x32xf32>, tensor<32x96xf32>) outs(%c : tensor<8x96xf32>) -> tensor<8x96xf32>
  %t = linalg.matmul ins(%d, %e : tensor<32x3xf64>, tensor<3x8xf64>) outs(%f : tensor<32x8xf64>) -> tensor<32x8xf64>
  return %s, %t : tensor<8x96xf32>, tensor<32x8xf64>
}

// CHECK-LABEL: func @left_alone
//       CHECK: linalg.matmul {{.*}} tensor<8x20xf32>
//       CHECK: linalg.matmul {{.*}} tensor<?x64xf32>
func.func @left_alone(%a: tensor<8x32xf32>, %b: tensor<32x20xf32>, %c: tensor<8x20xf32>,
                      %d: tensor<?x32xf32>, %e: tensor<32x64xf32>, %f: tensor<?x64xf32>) -> (tensor<8x20xf32>, tensor<?x64xf32>) {
  %s = linalg.matmul ins(%a, %b : tensor<8x32xf32>, tensor<32x20xf32>) outs(%c : tensor<8x20xf32>) -> tensor<8x20xf32>
  %t = linalg.matmul ins(%d, %e : tensor<?x32xf32>, tensor<32x64xf32>) outs(%f : tensor<?x64xf32>) -> tensor<?x64xf32>
  return %s, %t : tensor<8x20xf32>, tensor<?x64xf32>
}

// A sum of nothing is not fused, which would ask for tiles of nothing.
// CHECK-LABEL: func @empty_sum
//       CHECK: linalg.matmul {{.*}} tensor<8x128xf32>
func.func @empty_sum(%a: tensor<8x0xf32>, %b: tensor<0x128xf32>, %c: tensor<8x128xf32>) -> tensor<8x128xf32> {
  %empty = tensor.empty() : tensor<8x128xf32>
  %s = linalg.matmul ins(%a, %b : tensor<8x0xf32>, tensor<0x128xf32>) outs(%c : tensor<8x128xf32>) -> tensor<8x128xf32>
  %e = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%s : tensor<8x128xf32>) outs(%empty : tensor<8x128xf32>) {
  ^bb0(%x: f32, %y: f32):
    %0 = math.exp %x : f32
    linalg.yield %0 : f32
  } -> tensor<8x128xf32>
  return %e : tensor<8x128xf32>
}
