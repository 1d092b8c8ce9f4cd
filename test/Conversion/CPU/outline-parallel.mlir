// RUN: flashmhf-opt %s --flashmhf-outline-parallel --canonicalize --split-input-file | FileCheck %s

// CHECK-LABEL: func @two_dims
//  CHECK-SAME: %[[M:.*]]: memref<?x8xf32>, %[[N:.*]]: index, %[[X:.*]]: f32
//   CHECK-DAG: %[[C:.*]] = llvm.alloca
//   CHECK-DAG: %[[BODY:.*]] = constant @two_dims_parallel
//   CHECK-NOT: scf.forall
//       CHECK: llvm.store %[[X]]
//       CHECK: %[[DESCRIPTOR:.*]] = builtin.unrealized_conversion_cast %[[M]]
//       CHECK: llvm.store %[[DESCRIPTOR]]
//       CHECK: call @flashmhf_parallel_for(%{{.*}}, %[[BODY]], %[[C]])

// CHECK-LABEL: func private @flashmhf_parallel_for(index, (index, index, !llvm.ptr) -> (), !llvm.ptr)

// CHECK-LABEL: func private @two_dims_parallel
//  CHECK-SAME: %[[BEGIN:.*]]: index, %[[END:.*]]: index, %[[C:.*]]: !llvm.ptr
//   CHECK-DAG: %[[C4:.*]] = arith.constant 4 : index
//       CHECK: scf.for %[[I:.*]] = %[[BEGIN]] to %[[END]] step
//       CHECK:   %[[REM:.*]] = arith.remsi %[[I]], %[[C4]]
//       CHECK:   %[[ROW:.*]] = arith.divsi %[[I]], %[[C4]]
//       CHECK:   %[[SCALED:.*]] = arith.muli %[[REM]], %{{.*}}
//       CHECK:   memref.store %{{.*}}, %{{.*}}[%[[ROW]],
func.func @two_dims(%m: memref<?x8xf32>, %n: index, %x: f32) {
  scf.forall (%i, %j) = (0, 1) to (%n, 8) step (1, 2) {
    memref.store %x, %m[%i, %j] : memref<?x8xf32>
  }
  return
}

// -----

// A loop without captures, and a name that is taken.
// CHECK-LABEL: func @again(
//       CHECK: constant @again_parallel_0
// CHECK-LABEL: func @again_parallel(
// CHECK-LABEL: func private @again_parallel_0
func.func @again() {
  scf.forall (%i) in (3) {
    func.call @again_parallel(%i) : (index) -> ()
  }
  return
}
func.func @again_parallel(%i: index) {
  return
}
