// The form that lowerings to a machine start from: no copy of an operand, no
// buffer but the accumulator, the output written once.

// RUN: flashmhf-opt %s --flashmhf-assign-schedule --flashmhf-tile-tokens --flashmhf-tile-dff \
// RUN:   --one-shot-bufferize=bufferize-function-boundaries --drop-equivalent-buffer-results --cse --canonicalize \
// RUN:   | FileCheck %s --implicit-check-not=memref.alloc --implicit-check-not=memref.copy --implicit-check-not=linalg.fill --implicit-check-not=linalg.generic

// CHECK-LABEL: func.func private @static
// CHECK-SAME: %[[Q:[^:]*]]: memref<2x8x4096x128xbf16, {{[^>]*>>}}, %[[K:[^:]*]]: memref<8x11x256x128xbf16, {{[^>]*>>}}, %[[U:[^:]*]]: memref<8x11x256x128xbf16, {{[^>]*>>}}, %[[V:[^:]*]]: memref<8x11x256x128xbf16, {{[^>]*>>}}, %[[R:[^:]*]]: memref<2x8x4096x11xf32, {{[^>]*>>}}, %[[OUT:[^:]*]]: memref<2x8x4096x128xbf16, {{[^>]*>>}}) {
// CHECK:      scf.forall (%[[B:.*]], %[[H:.*]], %[[L:.*]]) = (0, 0, 0) to (2, 8, 4096) step (1, 1, 128) {
// CHECK-NEXT:   %[[QT:.*]] = memref.subview %[[Q]][%[[B]], %[[H]], %[[L]], 0] [1, 1, 128, 128] [1, 1, 1, 1]
// CHECK-NEXT:   %[[OT:.*]] = memref.subview %[[OUT]][%[[B]], %[[H]], %[[L]], 0] [1, 1, 128, 128] [1, 1, 1, 1]
// CHECK-NEXT:   %[[ACC:.*]] = memref.alloc() {{.*}} : memref<1x1x128x128xf32>
// CHECK-NEXT:   linalg.fill ins(%{{.*}} : f32) outs(%[[ACC]] : memref<1x1x128x128xf32>)
// CHECK-NEXT:   scf.for %[[E:.*]] = %c0 to %c11 step %c1 {
// CHECK-NEXT:     scf.for %[[F:.*]] = %c0 to %c256 step %c128 {
// CHECK-NEXT:       %[[KT:.*]] = memref.subview %[[K]][%[[H]], %[[E]], %[[F]], 0] [1, 1, 128, 128] [1, 1, 1, 1]
// CHECK-NEXT:       %[[UT:.*]] = memref.subview %[[U]][%[[H]], %[[E]], %[[F]], 0] [1, 1, 128, 128] [1, 1, 1, 1]
// CHECK-NEXT:       %[[VT:.*]] = memref.subview %[[V]][%[[H]], %[[E]], %[[F]], 0] [1, 1, 128, 128] [1, 1, 1, 1]
// CHECK-NEXT:       %[[RT:.*]] = memref.subview %[[R]][%[[B]], %[[H]], %[[L]], %[[E]]] [1, 1, 128, 1] [1, 1, 1, 1]
// CHECK-NEXT:       flashmhf.mhffn silu ins(%[[QT]], %[[KT]], %[[VT]] : {{.*}}) up(%[[UT]] : {{.*}}) router(%[[RT]] : {{.*}}) outs(%[[ACC]] : memref<1x1x128x128xf32>) {schedule = #flashmhf.schedule<token_tile = 128, dff_tile = 128, {{.*}}>}
// CHECK-NEXT:     }
// CHECK-NEXT:   }
// CHECK-NEXT:   linalg.generic {{.*}} ins(%[[ACC]] : memref<1x1x128x128xf32>) outs(%[[OT]] : {{.*}}) {
// CHECK-NEXT:   ^bb0(%[[X:.*]]: f32, %{{.*}}: bf16):
// CHECK-NEXT:     %[[Y:.*]] = arith.truncf %[[X]] : f32 to bf16
// CHECK-NEXT:     linalg.yield %[[Y]] : bf16
// CHECK-NEXT:   }
// CHECK-NEXT: }
// CHECK-NEXT: return{{$}}
func.func private @static(%q: tensor<2x8x4096x128xbf16>, %k: tensor<8x11x256x128xbf16>, %u: tensor<8x11x256x128xbf16>, %v: tensor<8x11x256x128xbf16>, %r: tensor<2x8x4096x11xf32>, %out: tensor<2x8x4096x128xbf16>) -> tensor<2x8x4096x128xbf16> {
  %zero = arith.constant 0.0 : bf16
  %init = linalg.fill ins(%zero : bf16) outs(%out : tensor<2x8x4096x128xbf16>) -> tensor<2x8x4096x128xbf16>
  %0 = flashmhf.mhffn silu ins(%q, %k, %v : tensor<2x8x4096x128xbf16>, tensor<8x11x256x128xbf16>, tensor<8x11x256x128xbf16>) up(%u : tensor<8x11x256x128xbf16>) router(%r : tensor<2x8x4096x11xf32>) outs(%init : tensor<2x8x4096x128xbf16>) -> tensor<2x8x4096x128xbf16>
  return %0 : tensor<2x8x4096x128xbf16>
}

// CHECK-LABEL: func.func private @dynamic
// CHECK-SAME: %[[Q:[^:]*]]: memref<?x8x?x128xbf16, {{[^>]*>>}}, %[[K:[^:]*]]: memref<8x11x256x128xbf16, {{[^>]*>>}}, %[[U:[^:]*]]: memref<8x11x256x128xbf16, {{[^>]*>>}}, %[[V:[^:]*]]: memref<8x11x256x128xbf16, {{[^>]*>>}}, %[[R:[^:]*]]: memref<?x8x?x11xf32, {{[^>]*>>}}, %[[OUT:[^:]*]]: memref<?x8x?x128xbf16, {{[^>]*>>}}) {
// CHECK-DAG:  %[[NB:.*]] = memref.dim %[[Q]], %c0
// CHECK-DAG:  %[[NL:.*]] = memref.dim %[[Q]], %c2
// CHECK:      scf.forall (%[[B:.*]], %[[H:.*]], %[[L:.*]]) = (0, 0, 0) to (%[[NB]], 8, %[[NL]]) step (1, 1, 128) {
// CHECK-NEXT:   %[[M:.*]] = affine.min #{{.*}}(%[[L]])[%[[NL]]]
// CHECK-NEXT:   %[[QT:.*]] = memref.subview %[[Q]][%[[B]], %[[H]], %[[L]], 0] [1, 1, %[[M]], 128] [1, 1, 1, 1]
// CHECK-NEXT:   %[[OT:.*]] = memref.subview %[[OUT]][%[[B]], %[[H]], %[[L]], 0] [1, 1, %[[M]], 128] [1, 1, 1, 1]
// CHECK-NEXT:   %[[ACC:.*]] = memref.alloc(%[[M]]) {{.*}} : memref<1x1x?x128xf32>
// CHECK-NEXT:   linalg.fill ins(%{{.*}} : f32) outs(%[[ACC]] : memref<1x1x?x128xf32>)
// CHECK-NEXT:   scf.for %[[E:.*]] = %c0 to %c11 step %c1 {
// CHECK-NEXT:     scf.for %[[F:.*]] = %c0 to %c256 step %c128 {
// CHECK-NEXT:       %[[KT:.*]] = memref.subview %[[K]][%[[H]], %[[E]], %[[F]], 0] [1, 1, 128, 128] [1, 1, 1, 1]
// CHECK-NEXT:       %[[UT:.*]] = memref.subview %[[U]][%[[H]], %[[E]], %[[F]], 0] [1, 1, 128, 128] [1, 1, 1, 1]
// CHECK-NEXT:       %[[VT:.*]] = memref.subview %[[V]][%[[H]], %[[E]], %[[F]], 0] [1, 1, 128, 128] [1, 1, 1, 1]
// CHECK-NEXT:       %[[RT:.*]] = memref.subview %[[R]][%[[B]], %[[H]], %[[L]], %[[E]]] [1, 1, %[[M]], 1] [1, 1, 1, 1]
// CHECK-NEXT:       flashmhf.mhffn silu ins(%[[QT]], %[[KT]], %[[VT]] : {{.*}}) up(%[[UT]] : {{.*}}) router(%[[RT]] : {{.*}}) outs(%[[ACC]] : memref<1x1x?x128xf32>) {schedule = #flashmhf.schedule<token_tile = 128, dff_tile = 128, {{.*}}>}
// CHECK-NEXT:     }
// CHECK-NEXT:   }
// CHECK-NEXT:   linalg.generic {{.*}} ins(%[[ACC]] : memref<1x1x?x128xf32>) outs(%[[OT]] : {{.*}}) {
// CHECK-NEXT:   ^bb0(%[[X:.*]]: f32, %{{.*}}: bf16):
// CHECK-NEXT:     %[[Y:.*]] = arith.truncf %[[X]] : f32 to bf16
// CHECK-NEXT:     linalg.yield %[[Y]] : bf16
// CHECK-NEXT:   }
// CHECK-NEXT: }
// CHECK-NEXT: return{{$}}
func.func private @dynamic(%q: tensor<?x8x?x128xbf16>, %k: tensor<8x11x256x128xbf16>, %u: tensor<8x11x256x128xbf16>, %v: tensor<8x11x256x128xbf16>, %r: tensor<?x8x?x11xf32>, %out: tensor<?x8x?x128xbf16>) -> tensor<?x8x?x128xbf16> {
  %zero = arith.constant 0.0 : bf16
  %init = linalg.fill ins(%zero : bf16) outs(%out : tensor<?x8x?x128xbf16>) -> tensor<?x8x?x128xbf16>
  %0 = flashmhf.mhffn silu ins(%q, %k, %v : tensor<?x8x?x128xbf16>, tensor<8x11x256x128xbf16>, tensor<8x11x256x128xbf16>) up(%u : tensor<8x11x256x128xbf16>) router(%r : tensor<?x8x?x11xf32>) outs(%init : tensor<?x8x?x128xbf16>) -> tensor<?x8x?x128xbf16>
  return %0 : tensor<?x8x?x128xbf16>
}
