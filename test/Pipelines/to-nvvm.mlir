// RUN: flashmhf-opt %s --flashmhf-to-nvvm | FileCheck %s
// RUN: flashmhf-opt %s --flashmhf-to-nvvm | FileCheck %s --check-prefix=ONLY

!q = tensor<1x4x?x64xbf16>
!w = tensor<4x2x256x64xbf16>
!r = tensor<1x4x?x2xf32>

// Only LLVM and NVVM are left in the kernel; the host keeps the launch.

// ONLY:     llvm.func @ffn({{.*}} {{{$}}
// ONLY-NOT: unrealized_conversion_cast
// ONLY-NOT: {{(arith|scf|memref|affine|vector|math|gpu|hopper)\.}}
// ONLY:     llvm.return
// ONLY-LABEL: func.func @ffn

// CHECK-LABEL: gpu.module @kernels
// CHECK:      llvm.mlir.global external @flashmhf_shared_memory() {addr_space = 3 : i32, alignment = 1024 : i64}
// CHECK:      llvm.func @ffn(%{{.*}}: !llvm.ptr {llvm.align = 64 : i64, llvm.byval = !llvm.array<128 x i8>, nvvm.grid_constant},
// CHECK-SAME: hopper.shared_memory = {{[0-9]+}} : i64
// CHECK-SAME: nvvm.maxnreg = 168 : i32
// CHECK-SAME: nvvm.maxntid = array<i32: 384, 1, 1>
// CHECK:      nvvm.mbarrier.init
// CHECK:      nvvm.fence.mbarrier.init
// CHECK:      nvvm.setmaxregister decrease
// CHECK:      cp.async.bulk.tensor.5d
// CHECK:      nvvm.setmaxregister increase
// CHECK:      wgmma.mma_async
// CHECK-LABEL: func.func @ffn
// CHECK:      hopper.launch @kernels::@ffn
func.func @ffn(%q: !q, %k: !w, %u: !w, %v: !w, %r: !r, %o: !q) -> !q {
  %zero = arith.constant 0.0 : bf16
  %init = linalg.fill ins(%zero : bf16) outs(%o : !q) -> !q
  %0 = flashmhf.mhffn silu ins(%q, %k, %v : !q, !w, !w) up(%u : !w) router(%r : !r) outs(%init : !q)
    {schedule = #flashmhf.schedule<token_tile = 128, dff_tile = 128, consumers = 2>} -> !q
  return %0 : !q
}
