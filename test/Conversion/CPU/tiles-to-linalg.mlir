// RUN: flashmhf-opt %s --flashmhf-tiles-to-linalg --split-input-file | FileCheck %s

// CHECK-DAG: #[[$T:.*]] = affine_map<(d0, d1) -> (d1, d0)>
// CHECK-DAG: #[[$ID:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[$COL:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-DAG: #[[$FM:.*]] = affine_map<(d0, d1, d2) -> (d2, d0)>
// CHECK-DAG: #[[$FD:.*]] = affine_map<(d0, d1, d2) -> (d2, d1)>
// CHECK-DAG: #[[$MD:.*]] = affine_map<(d0, d1, d2) -> (d0, d1)>

// CHECK-LABEL: func @tile
//  CHECK-SAME: %[[Q:[a-z0-9]+]]: tensor<1x1x8x16xf32>, %[[K:[a-z0-9]+]]: tensor<1x1x4x16xf32>, %[[U:[a-z0-9]+]]: {{[^,]*}}, %[[V:[a-z0-9]+]]: {{[^,]*}}, %[[R:[a-z0-9]+]]: tensor<1x1x8x1xf32>, %[[O:[a-z0-9]+]]:
//       CHECK: %[[Q2:.*]] = tensor.extract_slice %[[Q]]{{.*}} to tensor<8x16xf32>
//       CHECK: %[[QT:.*]] = linalg.generic {indexing_maps = [#[[$T]], #[[$ID]]]{{.*}} ins(%[[Q2]] : {{.*}}) outs({{.*}} : tensor<16x8xf32>)
//       CHECK: %[[R1:.*]] = tensor.extract_slice %[[R]]{{.*}} to tensor<8xf32>
//       CHECK: %[[RC:.*]] = linalg.copy ins(%[[R1]]
//       CHECK: %[[K2:.*]] = tensor.extract_slice %[[K]]{{.*}} to tensor<4x16xf32>
//       CHECK: %[[S:.*]] = linalg.matmul ins(%[[K2]], %[[QT]] : {{.*}} -> tensor<4x8xf32>
//       CHECK: %[[U2:.*]] = tensor.extract_slice %[[U]]
//       CHECK: %[[TT:.*]] = linalg.matmul ins(%[[U2]], %[[QT]] :
//       CHECK: %[[A:.*]] = linalg.generic {indexing_maps = [#[[$ID]], #[[$ID]], #[[$COL]], #[[$ID]]]{{.*}} ins(%[[S]], %[[TT]], %[[RC]]
//   CHECK-NOT: truncf
//       CHECK: %[[O2:.*]] = tensor.extract_slice %[[O]]
//       CHECK: %[[V2:.*]] = tensor.extract_slice %[[V]]
//       CHECK: %[[P:.*]] = linalg.contract indexing_maps = [#[[$FM]], #[[$FD]], #[[$MD]]] ins(%[[A]], %[[V2]]
//       CHECK: %[[SUM:.*]] = linalg.generic {{.*}} ins(%[[P]] : {{.*}}) outs(%[[O2]]
//       CHECK: tensor.insert_slice %[[SUM]] into %[[O]]
func.func @tile(%q: tensor<1x1x8x16xf32>, %k: tensor<1x1x4x16xf32>, %u: tensor<1x1x4x16xf32>, %v: tensor<1x1x4x16xf32>,
                %r: tensor<1x1x8x1xf32>, %o: tensor<1x1x8x16xf32>) -> tensor<1x1x8x16xf32> {
  %0 = flashmhf.mhffn silu ins(%q, %k, %v : tensor<1x1x8x16xf32>, tensor<1x1x4x16xf32>, tensor<1x1x4x16xf32>)
    up(%u : tensor<1x1x4x16xf32>) router(%r : tensor<1x1x8x1xf32>) outs(%o : tensor<1x1x8x16xf32>) -> tensor<1x1x8x16xf32>
  return %0 : tensor<1x1x8x16xf32>
}

// -----

// Operands are widened first; A is rounded to the input type once.
// CHECK-LABEL: func @bf16
//       CHECK: arith.extf {{.*}} bf16 to f32
//       CHECK: linalg.yield
//       CHECK: tensor<16x8xf32>
//       CHECK: arith.extf {{.*}} bf16 to f32
//       CHECK: linalg.matmul ins({{.*}} : tensor<4x16xf32>, tensor<16x8xf32>)
//       CHECK: arith.maximumf
//  CHECK-NEXT: %[[A:.*]] = arith.truncf {{.*}} f32 to bf16
//  CHECK-NEXT: arith.extf %[[A]]
//   CHECK-NOT: truncf
//       CHECK: return
func.func @bf16(%q: tensor<1x1x8x16xbf16>, %k: tensor<1x1x4x16xbf16>, %v: tensor<1x1x4x16xbf16>, %o: tensor<1x1x8x16xf32>) -> tensor<1x1x8x16xf32> {
  %0 = flashmhf.mhffn relu ins(%q, %k, %v : tensor<1x1x8x16xbf16>, tensor<1x1x4x16xbf16>, tensor<1x1x4x16xbf16>)
    outs(%o : tensor<1x1x8x16xf32>) -> tensor<1x1x8x16xf32>
  return %0 : tensor<1x1x8x16xf32>
}
