// RUN: flashmhf-opt %s --transform-interpreter --canonicalize --cse --split-input-file | FileCheck %s

// Tiles of heads that cover whole groups take as many KUV-heads.

// CHECK-DAG: #[[$GROUP:.*]] = affine_map<(d0) -> (d0 floordiv 2)>
// CHECK-LABEL: func.func @groups_of_heads
// CHECK-SAME: %[[Q:[^:]*]]: {{[^,]*}}, %[[W:[^:]*]]:
// CHECK: scf.for %[[H:.*]] = %c0 to %c8 step %c4
// CHECK-DAG: %[[G:.*]] = affine.apply #[[$GROUP]](%[[H]])
// CHECK-DAG: tensor.extract_slice %[[Q]][0, %[[H]], 0, 0] [2, 4, 64, 16]
// CHECK-DAG: tensor.extract_slice %[[W]][%[[G]], 0, 0, 0] [2, 3, 32, 16]
func.func @groups_of_heads(%q: tensor<2x8x64x16xf32>, %w: tensor<4x3x32x16xf32>) -> tensor<2x8x64x16xf32> {
  %0 = flashmhf.mhffn silu ins(%q, %w, %w : tensor<2x8x64x16xf32>, tensor<4x3x32x16xf32>, tensor<4x3x32x16xf32>) outs(%q : tensor<2x8x64x16xf32>) -> tensor<2x8x64x16xf32>
  return %0 : tensor<2x8x64x16xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["flashmhf.mhffn"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_for %op tile_sizes [0, 4] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// All five loops; a wide init carries the sum over E and F.

// CHECK-LABEL: func.func @all_loops
// CHECK-SAME: %[[Q:[^:]*]]: {{[^,]*}}, %[[W:[^:]*]]: {{[^,]*}}, %[[R:[^:]*]]: {{[^,]*}}, %{{.*}})
// CHECK: scf.for %[[B:.*]] = %c0 to %c2 step %c1{{ }}
// CHECK: scf.for %[[H:.*]] = %c0 to %c4 step %c1{{ }}
// CHECK: scf.for %[[L:.*]] = %c0 to %c64 step %c32{{ }}
// CHECK: scf.for %[[E:.*]] = %c0 to %c6 step %c2{{ }}
// CHECK: scf.for %[[F:.*]] = %c0 to %c32 step %c8 iter_args(%[[O:.*]] =
// CHECK-DAG: %[[QT:.*]] = tensor.extract_slice %[[Q]][%[[B]], %[[H]], %[[L]], 0] [1, 1, 32, 16]
// CHECK-DAG: %[[WT:.*]] = tensor.extract_slice %[[W]][%[[H]], %[[E]], %[[F]], 0] [1, 2, 8, 16]
// CHECK-DAG: %[[RT:.*]] = tensor.extract_slice %[[R]][%[[B]], %[[H]], %[[L]], %[[E]]] [1, 1, 32, 2]
// CHECK-DAG: %[[OT:.*]] = tensor.extract_slice %[[O]][%[[B]], %[[H]], %[[L]], 0] [1, 1, 32, 16]
// CHECK: %[[T:.*]] = flashmhf.mhffn silu ins(%[[QT]], %[[WT]], %[[WT]] : {{.*}}) router(%[[RT]] : {{.*}}) outs(%[[OT]] :
// CHECK: tensor.insert_slice %[[T]] into %[[O]][%[[B]], %[[H]], %[[L]], 0] [1, 1, 32, 16]
func.func @all_loops(%q: tensor<2x4x64x16xbf16>, %w: tensor<4x6x32x16xbf16>, %r: tensor<2x4x64x6xf32>, %o: tensor<2x4x64x16xf32>) -> tensor<2x4x64x16xf32> {
  %0 = flashmhf.mhffn silu ins(%q, %w, %w : tensor<2x4x64x16xbf16>, tensor<4x6x32x16xbf16>, tensor<4x6x32x16xbf16>) router(%r : tensor<2x4x64x6xf32>) outs(%o : tensor<2x4x64x16xf32>) -> tensor<2x4x64x16xf32>
  return %0 : tensor<2x4x64x16xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["flashmhf.mhffn"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loops:5 = transform.structured.tile_using_for %op tile_sizes [1, 1, 32, 2, 8] : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op, !transform.any_op, !transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// An mhffn is fused into the tiled loop of its consumer.

// CHECK-LABEL: func.func @fuse
// CHECK: scf.for
// CHECK: scf.for
// CHECK: %[[T:.*]] = flashmhf.mhffn silu {{.*}} outs(%{{.*}} : tensor<1x4x16x16xf32>)
// CHECK: linalg.exp ins(%[[T]] :
func.func @fuse(%q: tensor<2x4x64x16xf32>, %w: tensor<4x6x32x16xf32>, %o: tensor<2x4x64x16xf32>) -> tensor<2x4x64x16xf32> {
  %0 = flashmhf.mhffn silu ins(%q, %w, %w : tensor<2x4x64x16xf32>, tensor<4x6x32x16xf32>, tensor<4x6x32x16xf32>) outs(%q : tensor<2x4x64x16xf32>) -> tensor<2x4x64x16xf32>
  %1 = linalg.exp ins(%0 : tensor<2x4x64x16xf32>) outs(%o : tensor<2x4x64x16xf32>) -> tensor<2x4x64x16xf32>
  return %1 : tensor<2x4x64x16xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["linalg.exp"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loops:2 = transform.structured.fuse %op tile_sizes [1, 0, 16] : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op)
    transform.yield
  }
}
