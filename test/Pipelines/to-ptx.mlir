// RUN: flashmhf-opt %s --flashmhf-to-ptx | FileCheck %s --check-prefix=BINARY
// A CUDA without its device library will do.
// RUN: rm -rf %t.cuda && mkdir %t.cuda
// RUN: env CUDA_HOME=%t.cuda CUDA_PATH=%t.cuda CUDA_ROOT=%t.cuda flashmhf-opt %s --flashmhf-to-ptx 2>&1 | FileCheck %s --check-prefix=BINARY --implicit-check-not=error:
// RUN: flashmhf-compile %s -o %t.ptx
// RUN: FileCheck %s < %t.ptx
// RUN: FileCheck %s --check-prefix=ALL < %t.ptx

!q = tensor<1x4x?x96xbf16>
!w = tensor<4x2x256x96xbf16>
!r = tensor<1x4x?x2xf32>

// BINARY-LABEL: gpu.binary @kernels
// BINARY-SAME: #nvvm.target<O = 3, chip = "sm_90a", features = "+ptx84">
// BINARY-SAME: .visible .entry ffn(
// BINARY: hopper.launch @kernels::@ffn

// Nothing goes to local memory, and no function is called.
// ALL-NOT: {{ld\.local|st\.local|\.local |call}}

// CHECK: .target sm_90a
// CHECK: .extern .shared .align 1024 .b8 flashmhf_shared_memory[];
// CHECK: .visible .entry ffn(
// Q, K, U, V as tensor maps, R and O as memrefs of rank 4.
// CHECK-NEXT: .param .align 64 .b8 ffn_param_0[128],
// CHECK-NEXT: .param .align 64 .b8 ffn_param_1[128],
// CHECK-NEXT: .param .align 64 .b8 ffn_param_2[128],
// CHECK-NEXT: .param .align 64 .b8 ffn_param_3[128],
// CHECK-NEXT: .param .u64 {{.*}}ffn_param_4,
// CHECK:      ffn_param_25
// CHECK-NOT:  ffn_param_26
// CHECK-DAG:  .maxntid 384, 1, 1
// CHECK-DAG:  .maxnreg 168
// CHECK:      mbarrier.init.shared
// CHECK:      fence.mbarrier_init.release.cluster
// The producer comes first.
// CHECK:      setmaxnreg.dec.sync.aligned.u32
// CHECK:      mbarrier.try_wait.parity.shared::cta.b64
// CHECK:      mbarrier.arrive.expect_tx.shared::cta.b64
// CHECK:      cp.async.bulk.tensor.5d.shared::cluster.global.tile.mbarrier::complete_tx::bytes
// CHECK:      setmaxnreg.inc.sync.aligned.u32
// CHECK:      mbarrier.try_wait.parity.shared::cta.b64
// CHECK:      wgmma.fence.sync.aligned
// CHECK:      wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16
// CHECK:      wgmma.commit_group.sync.aligned
// CHECK:      wgmma.wait_group.sync.aligned
// CHECK:      tanh.approx.f32
// CHECK:      cvt.rn.bf16x2.f32
// CHECK:      wgmma.mma_async.sync.aligned.m64n96k16.f32.bf16.bf16
// CHECK:      shfl.sync.bfly.b32
// CHECK:      st.global.v4.b32
func.func @ffn(%q: !q, %k: !w, %u: !w, %v: !w, %r: !r, %o: !q) -> !q {
  %zero = arith.constant 0.0 : bf16
  %init = linalg.fill ins(%zero : bf16) outs(%o : !q) -> !q
  %0 = flashmhf.mhffn silu ins(%q, %k, %v : !q, !w, !w) up(%u : !w) router(%r : !r) outs(%init : !q) {schedule = #flashmhf.schedule<>} -> !q
  return %0 : !q
}
