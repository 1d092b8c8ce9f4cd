// RUN: flashmhf-opt %s --flashmhf-to-cpu --mlir-print-ir-after=flashmhf-outline-parallel -o /dev/null 2>&1 | FileCheck %s
// RUN: flashmhf-opt %s --flashmhf-to-cpu | FileCheck %s --check-prefix=LLVM
// RUN: flashmhf-opt %s --flashmhf-to-cpu=parallel=false | FileCheck %s --check-prefix=SERIAL

// Scratch is as large as tiles of 64 tokens by 64 rows or by D = 128, whatever
// L, E and F are; the activation of one tile is the only one there is. All of
// it is allocated outside the loops over d_ff.

// CHECK-LABEL: func.func @mhffn(
//   CHECK-NOT: memref.alloc(%
//       CHECK: call @flashmhf_parallel_for
// CHECK-LABEL: func.func private @mhffn_parallel(
//   CHECK-NOT: memref.alloc(%
//       CHECK: scf.for
//       CHECK:   %[[QT:.*]] = memref.alloc() {{.*}} : memref<128x64xf32>
//       CHECK:   linalg.generic {{.*}} outs(%[[QT]] :
//   CHECK-DAG:   %[[O:.*]] = memref.alloc() {{.*}} : memref<64x128xf32>
//   CHECK-DAG:   %[[A:.*]] = memref.alloc() {{.*}} : memref<64x64xf32>
//       CHECK:   scf.for %{{.*}} to %[[E:.*]] step
//   CHECK-NOT:     memref.alloc
//       CHECK:     scf.for %{{.*}} to %[[F:.*]] step %c64
//   CHECK-NOT:       memref.alloc

// The weights of f32 are read where they are.
//   CHECK-NOT:       memref.copy
//       CHECK:       scf.for {{.*}} step %c4
//       CHECK:         scf.for {{.*}} -> (vector<4x64xf32>)
//       CHECK:           vector.outerproduct
//       CHECK:         scf.for {{.*}} -> (vector<4x64xf32>)
//       CHECK:           vector.outerproduct
//       CHECK:         math.exp {{.*}} : vector<4x64xf32>
//       CHECK:         vector.transfer_write %{{.*}}, %[[AB:[^\[]*]]
//       CHECK:       scf.for {{.*}} step %c64
//       CHECK:         scf.for {{.*}} step %c4
//       CHECK:           scf.for {{.*}} -> (vector<4x64xf32>)
//       CHECK:             vector.outerproduct
//   CHECK-NOT: memref.alloc(%
//       CHECK: return

// The body has no stack of its own, and the mathematics is inline.
//       LLVM: llvm.func @mhffn(
//   LLVM-NOT: llvm.return
//       LLVM: llvm.alloca
//   LLVM-NOT: llvm.alloca
//       LLVM: llvm.func @_mlir_ciface_mhffn(%{{[a-z0-9]+}}: !llvm.ptr, %{{[a-z0-9]+}}: !llvm.ptr, %{{[a-z0-9]+}}: !llvm.ptr, %{{[a-z0-9]+}}: !llvm.ptr, %{{[a-z0-9]+}}: !llvm.ptr, %{{[a-z0-9]+}}: !llvm.ptr) attributes
//       LLVM: llvm.func @flashmhf_parallel_for(i64, !llvm.ptr, !llvm.ptr)
//       LLVM: llvm.func @mhffn_parallel(%{{.*}}: i64, %{{.*}}: i64, %{{.*}}: !llvm.ptr)
//   LLVM-NOT: llvm.alloca
//   LLVM-NOT: llvm.intr.exp

// SERIAL-NOT: flashmhf_parallel_for
// SERIAL-NOT: llvm.alloca
func.func @mhffn(%q: tensor<?x8x?x128xf32>, %k: tensor<8x11x256x128xf32>, %u: tensor<8x11x256x128xf32>,
                 %v: tensor<8x11x256x128xf32>, %r: tensor<?x8x?x11xf32>, %out: tensor<?x8x?x128xf32>) -> tensor<?x8x?x128xf32> {
  %zero = arith.constant 0.0 : f32
  %init = linalg.fill ins(%zero : f32) outs(%out : tensor<?x8x?x128xf32>) -> tensor<?x8x?x128xf32>
  %o = flashmhf.mhffn silu ins(%q, %k, %v : tensor<?x8x?x128xf32>, tensor<8x11x256x128xf32>, tensor<8x11x256x128xf32>)
    up(%u : tensor<8x11x256x128xf32>) router(%r : tensor<?x8x?x11xf32>) outs(%init : tensor<?x8x?x128xf32>) -> tensor<?x8x?x128xf32>
  return %o : tensor<?x8x?x128xf32>
}
