// RUN: flashmhf-opt %s --flashmhf-approximate-math | FileCheck %s

// CHECK-LABEL: func @f32
//   CHECK-NOT: math.exp
//   CHECK-NOT: math.tanh
//       CHECK: return
func.func @f32(%x: vector<4x16xf32>) -> (vector<4x16xf32>, vector<4x16xf32>) {
  %e = math.exp %x : vector<4x16xf32>
  %t = math.tanh %x : vector<4x16xf32>
  return %e, %t : vector<4x16xf32>, vector<4x16xf32>
}

// CHECK-LABEL: func @f64
//       CHECK: math.exp
//       CHECK: math.tanh
func.func @f64(%x: vector<8xf64>) -> (vector<8xf64>, vector<8xf64>) {
  %e = math.exp %x : vector<8xf64>
  %t = math.tanh %x : vector<8xf64>
  return %e, %t : vector<8xf64>, vector<8xf64>
}
