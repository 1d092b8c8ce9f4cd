// RUN: flashmhf-opt %s --flashmhf-to-hopper | FileCheck %s

// With scale_sums A is not multiplied by R. The products with V of a sub-network
// sum on their own: the first of them starts from zero, and behind the last the
// sum is added to that of all, times R.

!q = tensor<1x4x?x64xbf16>
!w = tensor<4x2x256x64xbf16>
!r = tensor<1x4x?x2xf32>
#schedule = #flashmhf.schedule<dff_tile = 64, scale_sums = true>

// CHECK-LABEL: gpu.func @steps
// CHECK:       consumers 2
// CHECK-DAG:   %[[E:.*]]:2 = scf.for %[[SUB:.*]] = {{.*}} iter_args(%[[ACC0:.*]] = %[[ZERO:.*]], %[[PART0:.*]] = %[[ZERO]])
// CHECK:       %[[F:.*]]:2 = scf.for %[[COLUMN:.*]] = {{.*}} iter_args(%[[ACC:.*]] = %[[ACC0]], %[[PART:.*]] = %[[PART0]])
// CHECK:       %[[R:.*]] = hopper.load_rows %{{.*}}[{{.*}}, %[[SUB]]]
// CHECK-NOT:   hopper.row_scale
// CHECK:       %[[A:.*]] = arith.truncf
// CHECK:       %[[MORE:.*]] = arith.cmpi ne, %[[COLUMN]], %c0
// CHECK-NEXT:  %[[LAST:.*]] = arith.cmpi sge, %[[COLUMN]], %c192
// CHECK-NEXT:  %[[P:.*]] = hopper.wgmma %[[A]], %{{.*}} acc %[[PART]] : vector<64x64xf32> if %[[MORE]] :
// CHECK-NEXT:  %[[SUM:.*]] = hopper.wait %[[P]]
// CHECK:       %[[ALL:.*]] = hopper.add_scaled %[[ACC]], %[[SUM]], %[[R]] if %[[LAST]] : vector<64x64xf32>, vector<64xf32>
// CHECK-NEXT:  scf.yield %[[ALL]], %[[SUM]]
// CHECK:       scf.yield %[[F]]#0, %[[F]]#1
// CHECK:       arith.truncf %[[E]]#0
func.func @steps(%q: !q, %k: !w, %v: !w, %r: !r, %o: !q) -> !q {
  %zero = arith.constant 0.0 : bf16
  %init = linalg.fill ins(%zero : bf16) outs(%o : !q) -> !q
  %0 = flashmhf.mhffn silu ins(%q, %k, %v : !q, !w, !w) router(%r : !r) outs(%init : !q) {schedule = #schedule} -> !q
  return %0 : !q
}

// The last tile of a ragged sub-network starts at 192 of 200. A single tile starts and
// ends it: both conditions are constants.

!narrow = tensor<4x2x200x64xbf16>
!short = tensor<4x2x40x64xbf16>

// CHECK-LABEL: gpu.func @ragged
// CHECK:       arith.cmpi sge, %{{.*}}, %c136 : index
func.func @ragged(%q: !q, %k: !narrow, %v: !narrow, %r: !r, %o: !q) -> !q {
  %zero = arith.constant 0.0 : bf16
  %init = linalg.fill ins(%zero : bf16) outs(%o : !q) -> !q
  %0 = flashmhf.mhffn silu ins(%q, %k, %v : !q, !narrow, !narrow) router(%r : !r) outs(%init : !q) {schedule = #schedule} -> !q
  return %0 : !q
}

// CHECK-LABEL: gpu.func @one_tile
// CHECK-DAG:   %[[TRUE:.*]] = arith.constant true
// CHECK-DAG:   %[[FALSE:.*]] = arith.constant false
// CHECK:       hopper.wgmma {{.*}} if %[[FALSE]]
// CHECK:       hopper.add_scaled {{.*}} if %[[TRUE]]
func.func @one_tile(%q: !q, %k: !short, %v: !short, %r: !r, %o: !q) -> !q {
  %zero = arith.constant 0.0 : bf16
  %init = linalg.fill ins(%zero : bf16) outs(%o : !q) -> !q
  %0 = flashmhf.mhffn silu ins(%q, %k, %v : !q, !short, !short) router(%r : !r) outs(%init : !q) {schedule = #schedule} -> !q
  return %0 : !q
}

// A piece may end inside of a sub-network: what it has of it is added then.

#split = #flashmhf.schedule<dff_tile = 64, split = 3, registers = [40, 232], scale_sums = true>

// CHECK-LABEL: gpu.func @piece
// CHECK:       consumers 2
// CHECK:       scf.for %[[STEP:.*]] = %{{.*}} to %[[END:.*]] step %[[BY:.*]] iter_args(%[[ACC:.*]] = %[[ZERO:.*]], %[[PART:.*]] = %[[ZERO]])
// CHECK:       %[[MORE:.*]] = arith.cmpi ne, %[[COLUMN:.*]], %c0
// CHECK-NEXT:  %[[LAST:.*]] = arith.cmpi sge, %[[COLUMN]], %c192
// CHECK-NEXT:  %[[FINAL:.*]] = arith.subi %[[END]], %[[BY]]
// CHECK-NEXT:  %[[ENDS:.*]] = arith.cmpi sge, %[[STEP]], %[[FINAL]]
// CHECK-NEXT:  %[[EITHER:.*]] = arith.ori %[[LAST]], %[[ENDS]]
// CHECK:       hopper.wgmma {{.*}} if %[[MORE]]
// CHECK:       hopper.add_scaled {{.*}} if %[[EITHER]]
func.func @piece(%q: !q, %k: !w, %v: !w, %r: !r, %o: !q) -> !q {
  %zero = arith.constant 0.0 : bf16
  %init = linalg.fill ins(%zero : bf16) outs(%o : !q) -> !q
  %0 = flashmhf.mhffn silu ins(%q, %k, %v : !q, !w, !w) router(%r : !r) outs(%init : !q) {schedule = #split} -> !q
  return %0 : !q
}

// Without R there is nothing to scale.

// CHECK-LABEL: gpu.func @no_router
// CHECK-NOT:   hopper.add_scaled
// CHECK-NOT:   hopper.wgmma {{.*}} if
// CHECK:       gpu.return
func.func @no_router(%q: !q, %k: !w, %v: !w, %o: !q) -> !q {
  %zero = arith.constant 0.0 : bf16
  %init = linalg.fill ins(%zero : bf16) outs(%o : !q) -> !q
  %0 = flashmhf.mhffn silu ins(%q, %k, %v : !q, !w, !w) outs(%init : !q) {schedule = #schedule} -> !q
  return %0 : !q
}
