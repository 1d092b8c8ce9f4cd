// RUN: flashmhf-opt %s --flashmhf-tile-dff --split-input-file | FileCheck %s

#s = #flashmhf.schedule<dff_tile = 128>

// However many tiles there are, the sum is f32 and is rounded to bf16 once. An
// init that is zero is overwritten: neither it nor its fill is read.

// CHECK-LABEL: func.func @zero_init
// CHECK-SAME: %[[Q:[^:]*]]: tensor<1x1x128x64xbf16>, %[[K:[^:]*]]: {{[^,]*}}, %[[U:[^:]*]]: {{[^,]*}}, %[[V:[^:]*]]: {{[^,]*}}, %[[R:[^:]*]]: {{[^,]*}}, %[[OUT:[^:]*]]: tensor<1x1x128x64xbf16>)
// CHECK: %[[EMPTY:.*]] = tensor.empty() : tensor<1x1x128x64xf32>
// CHECK-NEXT: %[[ZERO:.*]] = arith.constant 0.000000e+00 : f32
// CHECK-NEXT: %[[FILL:.*]] = linalg.fill ins(%[[ZERO]] : f32) outs(%[[EMPTY]] : tensor<1x1x128x64xf32>)
// CHECK-NOT: linalg.fill
// CHECK: %[[SUM:.*]] = scf.for %[[E:.*]] = %c0{{.*}} to %c3{{.*}} step %c1{{.*}} iter_args(%[[A0:.*]] = %[[FILL]]) -> (tensor<1x1x128x64xf32>)
// CHECK:   %[[INNER:.*]] = scf.for %[[F:.*]] = %c0{{.*}} to %c256{{.*}} step %c128{{.*}} iter_args(%[[A1:.*]] = %[[A0]]) -> (tensor<1x1x128x64xf32>)
// CHECK-DAG: %[[KT:.*]] = tensor.extract_slice %[[K]][0, %[[E]], %[[F]], 0] [1, 1, 128, 64]
// CHECK-DAG: %[[UT:.*]] = tensor.extract_slice %[[U]][0, %[[E]], %[[F]], 0] [1, 1, 128, 64]
// CHECK-DAG: %[[VT:.*]] = tensor.extract_slice %[[V]][0, %[[E]], %[[F]], 0] [1, 1, 128, 64]
// CHECK-DAG: %[[RT:.*]] = tensor.extract_slice %[[R]][0, 0, 0, %[[E]]] [1, 1, 128, 1]
// CHECK:     %[[T:.*]] = flashmhf.mhffn silu ins(%[[Q]], %[[KT]], %[[VT]] : {{.*}}) up(%[[UT]] : {{.*}}) router(%[[RT]] : {{.*}}) outs(%[[A1]] : tensor<1x1x128x64xf32>) {schedule = #flashmhf.schedule<{{.*}}>}
// CHECK:     scf.yield %[[T]]
// CHECK:   scf.yield %[[INNER]]
// CHECK-NOT: truncf
// CHECK: %[[ROUNDED:.*]] = linalg.generic {{.*}} ins(%[[SUM]] : tensor<1x1x128x64xf32>) outs(%[[OUT]] : tensor<1x1x128x64xbf16>)
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %{{.*}}: bf16):
// CHECK-NEXT:   %[[Y:.*]] = arith.truncf %[[X]] : f32 to bf16
// CHECK-NEXT:   linalg.yield %[[Y]]
// CHECK-NOT: truncf
// CHECK: return %[[ROUNDED]]
func.func @zero_init(%q: tensor<1x1x128x64xbf16>, %k: tensor<1x3x256x64xbf16>, %u: tensor<1x3x256x64xbf16>, %v: tensor<1x3x256x64xbf16>, %r: tensor<1x1x128x3xf32>, %out: tensor<1x1x128x64xbf16>) -> tensor<1x1x128x64xbf16> {
  %zero = arith.constant 0.0 : bf16
  %init = linalg.fill ins(%zero : bf16) outs(%out : tensor<1x1x128x64xbf16>) -> tensor<1x1x128x64xbf16>
  %0 = flashmhf.mhffn silu ins(%q, %k, %v : tensor<1x1x128x64xbf16>, tensor<1x3x256x64xbf16>, tensor<1x3x256x64xbf16>) up(%u : tensor<1x3x256x64xbf16>) router(%r : tensor<1x1x128x3xf32>) outs(%init : tensor<1x1x128x64xbf16>) {schedule = #s} -> tensor<1x1x128x64xbf16>
  return %0 : tensor<1x1x128x64xbf16>
}

// -----

#s = #flashmhf.schedule<dff_tile = 128>

// CHECK-LABEL: func.func @accumulate
// CHECK-SAME: %{{[^:]*}}: {{[^,]*}}, %{{[^:]*}}: {{[^,]*}}, %[[OUT:[^:]*]]: tensor<1x1x128x64xf16>)
// CHECK: %[[SUM:.*]] = scf.for
// CHECK: linalg.generic {{.*}} ins(%[[SUM]] : tensor<1x1x128x64xf32>) outs(%[[OUT]] : tensor<1x1x128x64xf16>)
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[OLD:.*]]: f16):
// CHECK-NEXT:   %[[WIDE:.*]] = arith.extf %[[OLD]] : f16 to f32
// CHECK-NEXT:   %[[ADD:.*]] = arith.addf %[[WIDE]], %[[X]] : f32
// CHECK-NEXT:   %[[Y:.*]] = arith.truncf %[[ADD]] : f32 to f16
// CHECK-NEXT:   linalg.yield %[[Y]]
func.func @accumulate(%q: tensor<1x1x128x64xf16>, %w: tensor<1x3x256x64xf16>, %out: tensor<1x1x128x64xf16>) -> tensor<1x1x128x64xf16> {
  %0 = flashmhf.mhffn silu ins(%q, %w, %w : tensor<1x1x128x64xf16>, tensor<1x3x256x64xf16>, tensor<1x3x256x64xf16>) outs(%out : tensor<1x1x128x64xf16>) {schedule = #s} -> tensor<1x1x128x64xf16>
  return %0 : tensor<1x1x128x64xf16>
}

// -----

#s = #flashmhf.schedule<dff_tile = 128>

// Nothing is rounded where the output is as wide as the accumulation.

// CHECK-LABEL: func.func @wide_output
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<1x1x128x64xf64>) outs(%{{.*}} : tensor<1x1x128x64xf64>)
// CHECK-NEXT: ^bb0(%[[X:.*]]: f64, %[[OLD:.*]]: f64):
// CHECK-NEXT:   %[[ADD:.*]] = arith.addf %[[OLD]], %[[X]] : f64
// CHECK-NEXT:   linalg.yield %[[ADD]]
func.func @wide_output(%q: tensor<1x1x128x64xf64>, %w: tensor<1x3x256x64xf64>, %out: tensor<1x1x128x64xf64>) -> tensor<1x1x128x64xf64> {
  %0 = flashmhf.mhffn silu ins(%q, %w, %w : tensor<1x1x128x64xf64>, tensor<1x3x256x64xf64>, tensor<1x3x256x64xf64>) outs(%out : tensor<1x1x128x64xf64>) {schedule = #s} -> tensor<1x1x128x64xf64>
  return %0 : tensor<1x1x128x64xf64>
}

// -----

#s = #flashmhf.schedule<dff_tile = 128>

// The last tile of F is smaller; on memrefs the accumulator is an allocation.

// CHECK-DAG: #[[$MIN:.*]] = affine_map<(d0) -> (128, -d0 + 200)>
// CHECK-LABEL: func.func @memref_zero_init
// CHECK-SAME: %[[Q:[^:]*]]: memref<1x1x?x64xbf16>, %[[W:[^:]*]]: {{[^,]*}}, %[[O:[^:]*]]: memref<1x1x?x64xbf16>)
// CHECK: %[[L:.*]] = memref.dim %[[O]], %c2
// CHECK: %[[ACC:.*]] = memref.alloc(%[[L]]) : memref<1x1x?x64xf32>
// CHECK: linalg.fill {{.*}} outs(%[[ACC]] : memref<1x1x?x64xf32>)
// CHECK-NOT: linalg.fill
// CHECK: scf.for %[[E:.*]] =
// CHECK:   scf.for %[[F:.*]] =
// CHECK:     %[[N:.*]] = affine.min #[[$MIN]](%[[F]])
// CHECK:     %[[WT:.*]] = memref.subview %[[W]][0, %[[E]], %[[F]], 0] [1, 1, %[[N]], 64]
// CHECK:     flashmhf.mhffn silu ins(%[[Q]], %[[WT]], %{{.*}} : {{.*}}) outs(%[[ACC]] : memref<1x1x?x64xf32>)
// CHECK: linalg.generic {{.*}} ins(%[[ACC]] : {{.*}}) outs(%[[O]] :
// CHECK-NEXT: ^bb0
// CHECK-NEXT:   arith.truncf
func.func @memref_zero_init(%q: memref<1x1x?x64xbf16>, %w: memref<1x3x200x64xbf16>, %o: memref<1x1x?x64xbf16>) {
  %zero = arith.constant 0.0 : bf16
  linalg.fill ins(%zero : bf16) outs(%o : memref<1x1x?x64xbf16>)
  flashmhf.mhffn silu ins(%q, %w, %w : memref<1x1x?x64xbf16>, memref<1x3x200x64xbf16>, memref<1x3x200x64xbf16>) outs(%o : memref<1x1x?x64xbf16>) {schedule = #s}
  return
}

// CHECK-LABEL: func.func @memref_accumulate
// CHECK-SAME: %{{[^:]*}}: {{[^,]*}}, %{{[^:]*}}: {{[^,]*}}, %[[O:[^:]*]]: memref<1x1x?x64xbf16>)
// CHECK: linalg.generic {{.*}} outs(%[[O]] :
// CHECK-NEXT: ^bb0
// CHECK-NEXT:   arith.extf
// CHECK-NEXT:   arith.addf
// CHECK-NEXT:   arith.truncf
func.func @memref_accumulate(%q: memref<1x1x?x64xbf16>, %w: memref<1x3x200x64xbf16>, %o: memref<1x1x?x64xbf16>) {
  flashmhf.mhffn silu ins(%q, %w, %w : memref<1x1x?x64xbf16>, memref<1x3x200x64xbf16>, memref<1x3x200x64xbf16>) outs(%o : memref<1x1x?x64xbf16>) {schedule = #s}
  return
}

// -----

#s = #flashmhf.schedule<dff_tile = 128>

// All of H, E and F dynamic, heads not tiled: K keeps its heads.

// CHECK-LABEL: func.func @dynamic
// CHECK-SAME: %[[Q:[^:]*]]: tensor<2x?x?x64xbf16>, %[[W:[^:]*]]: tensor<?x?x?x64xbf16>
// CHECK-DAG: %[[E:.*]] = tensor.dim %[[W]], %c1
// CHECK-DAG: %[[F:.*]] = tensor.dim %[[W]], %c2
// CHECK: scf.for %{{.*}} = %{{.*}} to %[[E]] step
// CHECK:   scf.for %{{.*}} = %{{.*}} to %[[F]] step
// CHECK:     flashmhf.mhffn silu ins(%[[Q]], %{{.*}}, %{{.*}} : tensor<2x?x?x64xbf16>, tensor<?x1x?x64xbf16>, tensor<?x1x?x64xbf16>)
func.func @dynamic(%q: tensor<2x?x?x64xbf16>, %w: tensor<?x?x?x64xbf16>) -> tensor<2x?x?x64xbf16> {
  %0 = flashmhf.mhffn silu ins(%q, %w, %w : tensor<2x?x?x64xbf16>, tensor<?x?x?x64xbf16>, tensor<?x?x?x64xbf16>) outs(%q : tensor<2x?x?x64xbf16>) {schedule = #s} -> tensor<2x?x?x64xbf16>
  return %0 : tensor<2x?x?x64xbf16>
}

// -----

#s = #flashmhf.schedule<dff_tile = 128>

// F smaller than the tile is one tile.

// CHECK-LABEL: func.func @narrow
// CHECK: scf.for %{{.*}} = %{{.*}} to %c48{{.*}} step %c48
// CHECK-NOT: affine.min
// CHECK: flashmhf.mhffn {{.*}} tensor<1x1x48x64xbf16>
func.func @narrow(%q: tensor<1x1x16x64xbf16>, %w: tensor<1x3x48x64xbf16>) -> tensor<1x1x16x64xbf16> {
  %0 = flashmhf.mhffn silu ins(%q, %w, %w : tensor<1x1x16x64xbf16>, tensor<1x3x48x64xbf16>, tensor<1x3x48x64xbf16>) outs(%q : tensor<1x1x16x64xbf16>) {schedule = #s} -> tensor<1x1x16x64xbf16>
  return %0 : tensor<1x1x16x64xbf16>
}

// CHECK-LABEL: func.func @empty
// CHECK-SAME: %[[Q:[^:]*]]: tensor<1x1x16x64xbf16>
// CHECK-NEXT: return %[[Q]]
func.func @empty(%q: tensor<1x1x16x64xbf16>, %w: tensor<1x3x0x64xbf16>) -> tensor<1x1x16x64xbf16> {
  %0 = flashmhf.mhffn silu ins(%q, %w, %w : tensor<1x1x16x64xbf16>, tensor<1x3x0x64xbf16>, tensor<1x3x0x64xbf16>) outs(%q : tensor<1x1x16x64xbf16>) {schedule = #s} -> tensor<1x1x16x64xbf16>
  return %0 : tensor<1x1x16x64xbf16>
}

// A tile is not tiled again, even if its width is only bounded.

// RUN: flashmhf-opt %s --flashmhf-tile-dff --flashmhf-tile-dff --split-input-file | FileCheck %s --check-prefix=TWICE
// TWICE-LABEL: func.func @dynamic
// TWICE-COUNT-2: scf.for
// TWICE-NOT: scf.for
// TWICE-LABEL: func.func @narrow
