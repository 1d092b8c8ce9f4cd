// RUN: flashmhf-opt %s --hopper-lower-rings --canonicalize --cse | FileCheck %s

!map = !hopper.tensor_map<1x1x64x96xbf16>
!ring = !hopper.ring<2 x 64x96xbf16>
!slot = !hopper.slot<64x96xbf16>

// CHECK-LABEL: gpu.module @kernels
gpu.module @kernels {
  // CHECK: llvm.mlir.global external @flashmhf_shared_memory() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>

  // Two slots of 12288 bytes; the barriers follow, full before empty.

  // CHECK-LABEL: gpu.func @ring
  // CHECK-SAME: (%[[MAP:.*]]: !llvm.ptr, %[[I:.*]]: index)
  // CHECK-SAME: hopper.tensor_maps = 1 : i64
  // CHECK-DAG:  %[[C1:.*]] = arith.constant 1 : i32
  // CHECK-DAG:  %[[C8:.*]] = arith.constant 8 : i32
  // CHECK-DAG:  %[[C32:.*]] = arith.constant 32 : i32
  // CHECK-DAG:  %[[BYTES:.*]] = arith.constant 12288 : i32
  // CHECK-DAG:  %[[FULL0:.*]] = arith.constant 24576 : i32
  // CHECK-DAG:  %[[EMPTY0:.*]] = arith.constant 24592 : i32
  // CHECK-DAG:  %[[C1023:.*]] = arith.constant 1023 : i32
  // CHECK-DAG:  %[[MASK:.*]] = arith.constant -1024 : i32

  // The start of dynamic shared memory, aligned to 1024.
  // CHECK:      %[[START:.*]] = llvm.mlir.addressof @flashmhf_shared_memory
  // CHECK:      %[[ADDRESS:.*]] = llvm.ptrtoint %[[START]]
  // CHECK-NEXT: %[[UP:.*]] = arith.addi %[[ADDRESS]], %[[C1023]]
  // CHECK-NEXT: %[[BASE:.*]] = arith.andi %[[UP]], %[[MASK]]

  // One thread initialises: full[2] wait for one arrival, empty[2] for that of
  // each warp of the consumers.
  // CHECK:      scf.if
  // CHECK:        %[[F:.*]] = arith.addi %[[BASE]], %[[FULL0]]
  // CHECK-NEXT:   %[[FP:.*]] = llvm.inttoptr %[[F]] : i32 to !llvm.ptr<3>
  // CHECK-NEXT:   nvvm.mbarrier.init %[[FP]], %[[C1]]
  // CHECK:        %[[E:.*]] = arith.addi %[[BASE]], %[[EMPTY0]]
  // CHECK-NEXT:   %[[EP:.*]] = llvm.inttoptr %[[E]] : i32 to !llvm.ptr<3>
  // CHECK-NEXT:   nvvm.mbarrier.init %[[EP]], %[[C8]]
  // CHECK-COUNT-2: nvvm.mbarrier.init
  // CHECK-NOT:    nvvm.mbarrier.init
  // CHECK:        nvvm.fence.mbarrier.init
  // CHECK-NEXT: }
  // CHECK:      gpu.barrier

  // The producer waits for an empty slot, by the parity opposite to its phase,
  // and starts the transfer. Panels are 32 columns wide, as 96 is no multiple
  // of 64: [column in panel, row, panel, head, batch].
  // CHECK:      hopper.warpgroups producer
  // CHECK:        memref.store %{{.*}}, %[[STAGE:.*]][]
  // CHECK:        memref.store %{{.*}}, %[[PHASE:.*]][]
  // CHECK:        %[[S:.*]] = memref.load %[[STAGE]][]
  // CHECK:        %[[P:.*]] = memref.load %[[PHASE]][]
  // CHECK:        %[[NEXT:.*]] = arith.addi %[[S]], %[[C1]]
  // CHECK:        %[[WRAPS:.*]] = arith.cmpi eq, %[[NEXT]], %{{.*}} : i32
  // CHECK:        %[[WRAPPED:.*]] = arith.select %[[WRAPS]], %{{.*}}, %[[NEXT]]
  // CHECK:        %[[FLIP:.*]] = arith.extui %[[WRAPS]] : i1 to i32
  // CHECK:        %[[FLIPPED:.*]] = arith.xori %[[P]], %[[FLIP]]
  // CHECK:        memref.store %[[WRAPPED]], %[[STAGE]][]
  // CHECK:        memref.store %[[FLIPPED]], %[[PHASE]][]
  // CHECK:        %[[PARITY:.*]] = arith.xori %[[P]], %[[C1]]
  // CHECK:        %[[AT:.*]] = arith.muli %[[S]], %[[C8]]
  // CHECK:        %[[EMPTY:.*]] = arith.addi %{{.*}}, %[[EMPTY0]]
  // CHECK:        llvm.inline_asm has_side_effects {{.*}}mbarrier.try_wait.parity.shared::cta.b64 done, [$0], $1;{{.*}}, "r,r,~{memory}" %[[EMPTY]], %[[PARITY]]
  // CHECK:        %[[FULL:.*]] = arith.addi %{{.*}}, %[[FULL0]]
  // CHECK:        llvm.inline_asm has_side_effects {{.*}}"mbarrier.arrive.expect_tx.shared::cta.b64 _, [$0], 12288;", "r,~{memory}" %[[FULL]]
  // CHECK:        %[[SLOT:.*]] = arith.muli %[[S]], %[[BYTES]]
  // CHECK:        %[[TO:.*]] = arith.addi %{{.*}}, %[[SLOT]]
  // CHECK:        %[[I32:.*]] = arith.index_cast %[[I]] : index to i32
  // CHECK:        %[[PANEL:.*]] = arith.divui %[[I32]], %[[C32]]
  // CHECK:        %[[COLUMN:.*]] = arith.remui %[[I32]], %[[C32]]
  // CHECK:        llvm.inline_asm has_side_effects {{.*}}"cp.async.bulk.tensor.5d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [$0], [$1, {$2, $3, $4, $5, $6}], [$7];", "r,l,r,r,r,r,r,r,~{memory}" %[[TO]], %[[MAP]], %[[COLUMN]], %[[I32]], %[[PANEL]], %[[I32]], %[[I32]], %[[FULL]]

  // A consumer waits for the phase itself; the slot knows its empty barrier.
  // CHECK:      consumers 2
  // CHECK:        memref.store %{{.*}}, %[[CSTAGE:.*]][]
  // CHECK:        memref.store %{{.*}}, %[[CPHASE:.*]][]
  // CHECK:        %[[CS:.*]] = memref.load %[[CSTAGE]][]
  // CHECK:        %[[CP:.*]] = memref.load %[[CPHASE]][]
  // CHECK:        %[[CFULL:.*]] = arith.addi %{{.*}}, %[[FULL0]]
  // CHECK:        mbarrier.try_wait.parity{{.*}} %[[CFULL]], %[[CP]]
  // CHECK:        %[[FROM:.*]] = arith.addi %[[BASE]], %{{.*}}
  // CHECK:        %[[CEMPTY:.*]] = arith.addi %{{.*}}, %[[EMPTY0]]
  // CHECK:        %[[GOT:.*]] = hopper.slot_at %[[FROM]], %[[CEMPTY]] : <64x96xbf16>
  // CHECK:        hopper.release %[[GOT]]
  // CHECK-NOT:  hopper.ring
  gpu.func @ring(%m: !map, %i: index) kernel {
    %r = hopper.ring "K" at 0 barriers 24576 : !ring
    hopper.warpgroups producer registers 24 {
      hopper.put %m[%i, %i, %i, %i] into %r : !map, !ring
    } consumers 2 registers 240 {
      %s = hopper.get %r : !ring -> !slot
      hopper.release %s : !slot
    }
    gpu.return
  }

  // The first tile is in slot 0, in the first phase of its barrier.

  // CHECK-LABEL: gpu.func @await_first
  // CHECK-SAME:  %[[IF:[a-z0-9]+]]: i1) kernel
  // CHECK:       %[[FULL:.*]] = arith.constant 24576 : i32
  // CHECK:       scf.if %[[IF]] {
  // CHECK:         mbarrier.try_wait.parity
  // CHECK-NOT:   hopper.await_first
  gpu.func @await_first(%m: !map, %i: index, %if: i1) kernel {
    %r = hopper.ring "K" at 0 barriers 24576 : !ring
    hopper.warpgroups producer registers 24 {
      hopper.put %m[%i, %i, %i, %i] into %r : !map, !ring
      hopper.await_first %r if %if : !ring
    } consumers 2 registers 240 {
    }
    gpu.return
  }

  // A kernel without rings has nothing to initialise.

  // CHECK-LABEL: gpu.func @no_rings
  // CHECK-NEXT: gpu.return
  gpu.func @no_rings() kernel {
    gpu.return
  }
}
