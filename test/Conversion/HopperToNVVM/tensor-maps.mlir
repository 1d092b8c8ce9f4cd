// RUN: flashmhf-opt %s --hopper-lower-rings | FileCheck %s

!map = !hopper.tensor_map<1x1x64x96xbf16>
!ring = !hopper.ring<2 x 64x96xbf16>
!slot = !hopper.slot<64x96xbf16>

gpu.module @kernels {
  // Where weights are read once, the first thread of the producer asks for all
  // maps, while the first of the block makes the barriers.

  // CHECK-LABEL: gpu.func @once
  // CHECK-SAME: (%[[Q:.*]]: !llvm.ptr, %[[K:.*]]: !llvm.ptr, %[[I:.*]]: index)
  // CHECK:      %[[THREAD:.*]] = gpu.thread_id x
  // CHECK:      %[[FIRST:.*]] = arith.constant 256 : index
  // CHECK:      %[[IS:.*]] = arith.cmpi eq, %[[THREAD]], %[[FIRST]]
  // CHECK:      scf.if %[[IS]] {
  // CHECK-NEXT:   llvm.inline_asm has_side_effects asm_dialect = att "prefetch.tensormap [$0];", "l" %[[Q]]
  // CHECK-NEXT:   llvm.inline_asm has_side_effects asm_dialect = att "prefetch.tensormap [$0];", "l" %[[K]]
  // CHECK-NEXT: }
  // CHECK:      nvvm.mbarrier.init
  // CHECK:      gpu.barrier
  gpu.func @once(%q: !map, %k: !map, %i: index) kernel {
    %r = hopper.ring "K" at 0 barriers 24576 : !ring
    hopper.warpgroups producer registers 40 {
      hopper.put %q[%i, %i, %i, %i] into %r : !map, !ring
      hopper.put %k[%i, %i, %i, %i] into %r evict_first : !map, !ring
    } consumers 2 registers 232 {
      %a = hopper.get %r : !ring -> !slot
      hopper.release %a : !slot
      %b = hopper.get %r : !ring -> !slot
      hopper.release %b : !slot
    }
    gpu.return
  }

  // CHECK-LABEL: gpu.func @often
  // CHECK-NOT:  prefetch
  gpu.func @often(%k: !map, %i: index) kernel {
    %r = hopper.ring "K" at 0 barriers 24576 : !ring
    hopper.warpgroups producer registers 40 {
      hopper.put %k[%i, %i, %i, %i] into %r : !map, !ring
    } consumers 2 registers 232 {
      %a = hopper.get %r : !ring -> !slot
      hopper.release %a : !slot
    }
    gpu.return
  }
}
