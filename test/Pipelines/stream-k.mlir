// RUN: flashmhf-opt %s --flashmhf-to-hopper | FileCheck %s
// RUN: flashmhf-opt %s --flashmhf-to-hopper --flashmhf-emulate="tokens=450 multiprocessors=3" -o /dev/null 2>&1 | FileCheck %s --check-prefix=RUNS
// RUN: flashmhf-opt %s --flashmhf-to-hopper --flashmhf-emulate="tokens=450 multiprocessors=8" -o /dev/null 2>&1 | FileCheck %s --check-prefix=RUNS

// Blocks that share tiles, pipelined and with tiles that end under the next: a part
// is left, also while the next tile begins, and parts are added to the last tile only.

// CHECK:       hopper.work_item
// CHECK:       scf.while
// CHECK-NOT:     hopper.work_item
// CHECK:         scf.for
// CHECK:       } do {
// CHECK:         hopper.work_item
// CHECK-NOT:     hopper.add_parts
// CHECK-NOT:     hopper.work_item
// CHECK:         hopper.leave_part
// CHECK-NOT:     hopper.add_parts
// CHECK:         scf.yield
// CHECK:       hopper.leave_part
// CHECK-NEXT:  hopper.add_parts
// CHECK:       hopper.store
// CHECK:       hopper.launch {{.*}} persistent stream_k

// 8 tiles of 128 tokens: 3 blocks of 2 and two thirds, or 8 of one, which is the
// same to within the rounding of f32.

// RUNS: remark: argument #5: sum [[SUM:-?[0-9]+\.[0-9]]]
func.func @f(%q: tensor<1x2x?x64xbf16>, %k: tensor<2x3x96x64xbf16>, %u: tensor<2x3x96x64xbf16>,
             %v: tensor<2x3x96x64xbf16>, %r: tensor<1x2x?x3xf32>, %o: tensor<1x2x?x64xbf16>) -> tensor<1x2x?x64xbf16> {
  %0 = flashmhf.mhffn silu
    ins(%q, %k, %v : tensor<1x2x?x64xbf16>, tensor<2x3x96x64xbf16>, tensor<2x3x96x64xbf16>)
    up(%u : tensor<2x3x96x64xbf16>) router(%r : tensor<1x2x?x3xf32>)
    outs(%o : tensor<1x2x?x64xbf16>)
    {schedule = #flashmhf.schedule<dff_tile = 16, persistent = true, overlap = true, fuse_tiles = true, halve_q = true, stream_k = true>} -> tensor<1x2x?x64xbf16>
  return %0 : tensor<1x2x?x64xbf16>
}
