// RUN: flashmhf-opt %s --flashmhf-to-hopper | FileCheck %s

// With halve_q SiLU and sigmoid take Q K^T / 2 as it comes; what U makes half as
// large is made good once, on the output.

!q = tensor<1x4x?x64xbf16>
!w = tensor<4x2x256x64xbf16>
#schedule = #flashmhf.schedule<dff_tile = 64, halve_q = true>

// CHECK-LABEL: gpu.func @silu
// CHECK-NOT:   dense<5.000000e-01>
// CHECK:       %[[Q:.*]] = hopper.get %Q
// CHECK-NEXT:  hopper.scale %[[Q]], 5.000000e-01 : <64x64xbf16>
// CHECK:       %[[S:.*]] = hopper.wait
// CHECK:       %[[T:.*]] = math.tanh %[[S]]
// CHECK-NEXT:  math.fma %[[S]], %[[T]], %[[S]]
// CHECK:       hopper.release %[[Q]]
// CHECK-NEXT:  %[[SUM:.*]] = arith.mulf %{{.*}}, %[[TWO:.*]] : vector<64x64xf32>
// CHECK-NEXT:  %[[OUT:.*]] = arith.truncf %[[SUM]]
// CHECK:       hopper.store %[[OUT]]
func.func @silu(%q: !q, %k: !w, %u: !w, %v: !w, %o: !q) -> !q {
  %zero = arith.constant 0.0 : bf16
  %init = linalg.fill ins(%zero : bf16) outs(%o : !q) -> !q
  %r = flashmhf.mhffn silu ins(%q, %k, %v : !q, !w, !w) up(%u : !w) outs(%init : !q) {schedule = #schedule} -> !q
  return %r : !q
}

// Without U nothing is left to make good.

// CHECK-LABEL: gpu.func @sigmoid
// CHECK:       %[[Q:.*]] = hopper.get %Q
// CHECK-NEXT:  hopper.scale %[[Q]], 5.000000e-01
// CHECK:       %[[S:.*]] = hopper.wait
// CHECK:       math.tanh %[[S]]
// CHECK:       hopper.release %[[Q]]
// CHECK-NOT:   arith.mulf
// CHECK:       hopper.store
func.func @sigmoid(%q: !q, %k: !w, %v: !w, %o: !q) -> !q {
  %zero = arith.constant 0.0 : bf16
  %init = linalg.fill ins(%zero : bf16) outs(%o : !q) -> !q
  %r = flashmhf.mhffn sigmoid ins(%q, %k, %v : !q, !w, !w) outs(%init : !q) {schedule = #schedule} -> !q
  return %r : !q
}

// Other activations are not functions of x / 2.

// CHECK-LABEL: gpu.func @relu
// CHECK-NOT:   hopper.scale
// CHECK:       gpu.return
func.func @relu(%q: !q, %k: !w, %v: !w, %o: !q) -> !q {
  %zero = arith.constant 0.0 : bf16
  %init = linalg.fill ins(%zero : bf16) outs(%o : !q) -> !q
  %r = flashmhf.mhffn relu ins(%q, %k, %v : !q, !w, !w) outs(%init : !q) {schedule = #schedule} -> !q
  return %r : !q
}
