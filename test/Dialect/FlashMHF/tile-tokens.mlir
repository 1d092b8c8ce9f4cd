// RUN: flashmhf-opt %s --flashmhf-tile-tokens --split-input-file | FileCheck %s

#s = #flashmhf.schedule<token_tile = 128>

// Two heads share one KUV-head. The zero fill moves to the slice, so that the
// loop shares the memory that was to be filled.

// CHECK-DAG: #[[$GROUP:.*]] = affine_map<(d0) -> (d0 floordiv 2)>
// CHECK-LABEL: func.func @zero_init
// CHECK-SAME: %[[Q:[^:]*]]: tensor<2x8x512x64xbf16>, %[[K:[^:]*]]: {{[^,]*}}, %[[U:[^:]*]]: {{[^,]*}}, %[[V:[^:]*]]: {{[^,]*}}, %[[R:[^:]*]]: {{[^,]*}}, %[[OUT:[^:]*]]: tensor<2x8x512x64xbf16>)
// CHECK-NOT: linalg.fill
// CHECK: %[[LOOP:.*]] = scf.forall (%[[B:.*]], %[[H:.*]], %[[L:.*]]) = (0, 0, 0) to (2, 8, 512) step (1, 1, 128) shared_outs(%[[O:.*]] = %[[OUT]])
// CHECK-DAG: %[[G:.*]] = affine.apply #[[$GROUP]](%[[H]])
// CHECK-DAG: %[[QT:.*]] = tensor.extract_slice %[[Q]][%[[B]], %[[H]], %[[L]], 0] [1, 1, 128, 64]
// CHECK-DAG: %[[KT:.*]] = tensor.extract_slice %[[K]][%[[G]], 0, 0, 0] [1, 3, 256, 64]
// CHECK-DAG: %[[UT:.*]] = tensor.extract_slice %[[U]][%[[G]], 0, 0, 0] [1, 3, 256, 64]
// CHECK-DAG: %[[VT:.*]] = tensor.extract_slice %[[V]][%[[G]], 0, 0, 0] [1, 3, 256, 64]
// CHECK-DAG: %[[RT:.*]] = tensor.extract_slice %[[R]][%[[B]], %[[H]], %[[L]], 0] [1, 1, 128, 3]
// CHECK-DAG: %[[OT:.*]] = tensor.extract_slice %[[O]][%[[B]], %[[H]], %[[L]], 0] [1, 1, 128, 64]
// CHECK: %[[ZERO:.*]] = linalg.fill {{.*}} outs(%[[OT]] :
// CHECK: %[[T:.*]] = flashmhf.mhffn silu ins(%[[QT]], %[[KT]], %[[VT]] : {{.*}}) up(%[[UT]] : {{.*}}) router(%[[RT]] : {{.*}}) outs(%[[ZERO]] : tensor<1x1x128x64xbf16>) {schedule = #flashmhf.schedule<{{.*}}>}
// CHECK: tensor.parallel_insert_slice %[[T]] into %[[O]][%[[B]], %[[H]], %[[L]], 0] [1, 1, 128, 64]
// CHECK: return %[[LOOP]]
func.func @zero_init(%q: tensor<2x8x512x64xbf16>, %k: tensor<4x3x256x64xbf16>, %u: tensor<4x3x256x64xbf16>, %v: tensor<4x3x256x64xbf16>, %r: tensor<2x8x512x3xf32>, %out: tensor<2x8x512x64xbf16>) -> tensor<2x8x512x64xbf16> {
  %zero = arith.constant 0.0 : bf16
  %init = linalg.fill ins(%zero : bf16) outs(%out : tensor<2x8x512x64xbf16>) -> tensor<2x8x512x64xbf16>
  %0 = flashmhf.mhffn silu ins(%q, %k, %v : tensor<2x8x512x64xbf16>, tensor<4x3x256x64xbf16>, tensor<4x3x256x64xbf16>) up(%u : tensor<4x3x256x64xbf16>) router(%r : tensor<2x8x512x3xf32>) outs(%init : tensor<2x8x512x64xbf16>) {schedule = #s} -> tensor<2x8x512x64xbf16>
  return %0 : tensor<2x8x512x64xbf16>
}

// -----

#s = #flashmhf.schedule<token_tile = 128>

// Another fill, and one that has other users, stay where they are.

// CHECK-LABEL: func.func @other_init
// CHECK: %[[ONES:.*]] = linalg.fill
// CHECK: scf.forall {{.*}} shared_outs(%{{.*}} = %[[ONES]])
// CHECK-NOT: linalg.fill
// CHECK: flashmhf.mhffn
func.func @other_init(%q: tensor<2x8x512x64xbf16>, %w: tensor<8x3x256x64xbf16>) -> tensor<2x8x512x64xbf16> {
  %one = arith.constant 1.0 : bf16
  %init = linalg.fill ins(%one : bf16) outs(%q : tensor<2x8x512x64xbf16>) -> tensor<2x8x512x64xbf16>
  %0 = flashmhf.mhffn silu ins(%q, %w, %w : tensor<2x8x512x64xbf16>, tensor<8x3x256x64xbf16>, tensor<8x3x256x64xbf16>) outs(%init : tensor<2x8x512x64xbf16>) {schedule = #s} -> tensor<2x8x512x64xbf16>
  return %0 : tensor<2x8x512x64xbf16>
}

// CHECK-LABEL: func.func @fill_with_users
// CHECK: %[[FILL:.*]] = linalg.fill
// CHECK: scf.forall
// CHECK: linalg.fill
// CHECK: return %{{.*}}, %[[FILL]]
func.func @fill_with_users(%q: tensor<2x8x512x64xbf16>, %w: tensor<8x3x256x64xbf16>) -> (tensor<2x8x512x64xbf16>, tensor<2x8x512x64xbf16>) {
  %zero = arith.constant 0.0 : bf16
  %init = linalg.fill ins(%zero : bf16) outs(%q : tensor<2x8x512x64xbf16>) -> tensor<2x8x512x64xbf16>
  %0 = flashmhf.mhffn silu ins(%q, %w, %w : tensor<2x8x512x64xbf16>, tensor<8x3x256x64xbf16>, tensor<8x3x256x64xbf16>) outs(%init : tensor<2x8x512x64xbf16>) {schedule = #s} -> tensor<2x8x512x64xbf16>
  return %0, %init : tensor<2x8x512x64xbf16>, tensor<2x8x512x64xbf16>
}

// -----

#s = #flashmhf.schedule<token_tile = 128>

// The last tile of tokens is smaller; G is not known to divide H.

// CHECK-DAG: #[[$MIN:.*]] = affine_map<(d0)[s0] -> (-d0 + s0, 128)>
// CHECK-DAG: #[[$GROUP:.*]] = affine_map<(d0)[s0, s1] -> (d0 floordiv (s0 floordiv s1))>
// CHECK-LABEL: func.func @dynamic
// CHECK-SAME: %[[Q:[^:]*]]: tensor<?x?x?x64xbf16>, %[[W:[^:]*]]:
// CHECK-DAG: %[[B:.*]] = tensor.dim %[[Q]], %c0
// CHECK-DAG: %[[H:.*]] = tensor.dim %[[Q]], %c1
// CHECK-DAG: %[[L:.*]] = tensor.dim %[[Q]], %c2
// CHECK: scf.forall (%[[I:.*]], %[[J:.*]], %[[K:.*]]) = (0, 0, 0) to (%[[B]], %[[H]], %[[L]]) step (1, 1, 128)
// CHECK: %[[M:.*]] = affine.min #[[$MIN]](%[[K]])[%[[L]]]
// CHECK: affine.apply #[[$GROUP]](%[[J]])
// CHECK: flashmhf.mhffn silu {{.*}} tensor<1x1x?x64xbf16>, tensor<1x3x256x64xbf16>
func.func @dynamic(%q: tensor<?x?x?x64xbf16>, %w: tensor<?x3x256x64xbf16>) -> tensor<?x?x?x64xbf16> {
  %0 = flashmhf.mhffn silu ins(%q, %w, %w : tensor<?x?x?x64xbf16>, tensor<?x3x256x64xbf16>, tensor<?x3x256x64xbf16>) outs(%q : tensor<?x?x?x64xbf16>) {schedule = #s} -> tensor<?x?x?x64xbf16>
  return %0 : tensor<?x?x?x64xbf16>
}

// -----

#s = #flashmhf.schedule<token_tile = 128>

// Fewer tokens than a tile.

// CHECK-LABEL: func.func @few_tokens
// CHECK: scf.forall {{.*}} to (2, 8, 33) step (1, 1, 33)
// CHECK: flashmhf.mhffn silu {{.*}} outs(%{{.*}} : tensor<1x1x33x64xbf16>)
func.func @few_tokens(%q: tensor<2x8x33x64xbf16>, %w: tensor<8x3x256x64xbf16>) -> tensor<2x8x33x64xbf16> {
  %0 = flashmhf.mhffn silu ins(%q, %w, %w : tensor<2x8x33x64xbf16>, tensor<8x3x256x64xbf16>, tensor<8x3x256x64xbf16>) outs(%q : tensor<2x8x33x64xbf16>) {schedule = #s} -> tensor<2x8x33x64xbf16>
  return %0 : tensor<2x8x33x64xbf16>
}

// -----

#s = #flashmhf.schedule<token_tile = 128>

// A tile is not tiled again, and an empty operation is its init.

// RUN: flashmhf-opt %s --flashmhf-tile-tokens --flashmhf-tile-tokens --split-input-file | FileCheck %s --check-prefix=TWICE
// TWICE-LABEL: func.func @memref
// TWICE: scf.forall
// TWICE-NOT: scf.forall
// TWICE-LABEL: func.func private @look

// CHECK-LABEL: func.func @empty
// CHECK-SAME: %[[Q:[^:]*]]: tensor<2x8x64x64xbf16>
// CHECK-NEXT: return %[[Q]]
func.func @empty(%q: tensor<2x8x64x64xbf16>, %w: tensor<8x0x256x64xbf16>) -> tensor<2x8x64x64xbf16> {
  %0 = flashmhf.mhffn silu ins(%q, %w, %w : tensor<2x8x64x64xbf16>, tensor<8x0x256x64xbf16>, tensor<8x0x256x64xbf16>) outs(%q : tensor<2x8x64x64xbf16>) {schedule = #s} -> tensor<2x8x64x64xbf16>
  return %0 : tensor<2x8x64x64xbf16>
}

// CHECK-LABEL: func.func @memref
// CHECK-SAME: %[[Q:[^:]*]]: memref<2x8x?x64xbf16>, %[[W:[^:]*]]: {{[^,]*}}, %[[O:[^:]*]]: memref<2x8x?x64xbf16>)
// CHECK-NOT: linalg.fill
// CHECK: scf.forall (%[[B:.*]], %[[H:.*]], %[[L:.*]]) = (0, 0, 0)
// CHECK: %[[OT:.*]] = memref.subview %[[O]][%[[B]], %[[H]], %[[L]], 0]
// CHECK: linalg.fill {{.*}} outs(%[[OT]]
// CHECK: flashmhf.mhffn {{.*}} outs(%[[OT]]
func.func @memref(%q: memref<2x8x?x64xbf16>, %w: memref<8x3x256x64xbf16>, %o: memref<2x8x?x64xbf16>) {
  %zero = arith.constant 0.0 : bf16
  linalg.fill ins(%zero : bf16) outs(%o : memref<2x8x?x64xbf16>)
  flashmhf.mhffn silu ins(%q, %w, %w : memref<2x8x?x64xbf16>, memref<8x3x256x64xbf16>, memref<8x3x256x64xbf16>) outs(%o : memref<2x8x?x64xbf16>) {schedule = #s}
  return
}

// Something may look at the memory between the fill and the operation.

// CHECK-LABEL: func.func @memref_seen
// CHECK: linalg.fill
// CHECK: call @look
// CHECK: scf.forall
// CHECK-NOT: linalg.fill
// CHECK: flashmhf.mhffn
func.func private @look()
func.func @memref_seen(%q: memref<2x8x?x64xbf16>, %w: memref<8x3x256x64xbf16>, %o: memref<2x8x?x64xbf16>) {
  %zero = arith.constant 0.0 : bf16
  linalg.fill ins(%zero : bf16) outs(%o : memref<2x8x?x64xbf16>)
  call @look() : () -> ()
  flashmhf.mhffn silu ins(%q, %w, %w : memref<2x8x?x64xbf16>, memref<8x3x256x64xbf16>, memref<8x3x256x64xbf16>) outs(%o : memref<2x8x?x64xbf16>) {schedule = #s}
  return
}
