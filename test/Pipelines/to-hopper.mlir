// RUN: flashmhf-opt %s --flashmhf-to-hopper | FileCheck %s

!q = tensor<1x4x?x64xbf16>
!w = tensor<4x2x256x64xbf16>

// What the chain arrives at: one kernel, specialised, with rings of the depth
// of the schedule, and a launch in place of the op.

// CHECK-LABEL: gpu.module @kernels
// CHECK-LABEL: gpu.func @ffn
// CHECK-SAME: flashmhf.schedule = #flashmhf.schedule<token_tile = 128, dff_tile = 64, stages = [3, 2, 2],
// CHECK:      hopper.ring "Q" : <1 x 128x64xbf16, parts 2>
// CHECK:      hopper.ring "K" : <3 x 64x64xbf16>
// CHECK:      hopper.ring "V" : <2 x 64x64xbf16>
// CHECK:      hopper.warpgroups producer registers 24 {
// CHECK:        hopper.put {{.*}} into %Q
// CHECK:        hopper.put {{.*}} into %K
// CHECK:        hopper.put {{.*}} into %V
// CHECK:      } consumers 2 registers 240 {
// CHECK:        hopper.wgmma {{.*}} transpose_b
// CHECK:        hopper.wgmma {{.*}} acc
// CHECK:        hopper.store
// CHECK:      }
// CHECK-LABEL: func.func @ffn
// CHECK-SAME: (%[[Q:.*]]: memref<1x4x?x64xbf16, {{.*}}>, %[[K:.*]]: memref<4x2x256x64xbf16, {{.*}}>, %[[V:.*]]: memref<4x2x256x64xbf16, {{.*}}>, %[[O:.*]]: memref<1x4x?x64xbf16, {{.*}}>) {
// CHECK:      hopper.launch @kernels::@ffn args(%[[Q]], %[[K]], %[[V]], %[[O]] : {{.*}}) as [!hopper.tensor_map<1x1x64x64xbf16>, !hopper.tensor_map<1x1x64x64xbf16>, !hopper.tensor_map<1x1x64x64xbf16>, memref<{{.*}}>] over %[[O]] tiles [1, 1, 128]
// CHECK-NEXT: return
func.func @ffn(%q: !q, %k: !w, %v: !w, %o: !q) -> !q {
  %zero = arith.constant 0.0 : bf16
  %init = linalg.fill ins(%zero : bf16) outs(%o : !q) -> !q
  %0 = flashmhf.mhffn silu ins(%q, %k, %v : !q, !w, !w) outs(%init : !q) {schedule = #flashmhf.schedule<dff_tile = 64, stages = [3, 2, 2]>} -> !q
  return %0 : !q
}

