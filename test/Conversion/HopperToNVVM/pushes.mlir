// RUN: flashmhf-opt %s --hopper-lower-rings --hopper-lower-warpgroups --canonicalize --cse | FileCheck %s --check-prefix=ROLES
// RUN: flashmhf-opt %s --hopper-lower-rings --hopper-lower-warpgroups --hopper-distribute --canonicalize --cse | FileCheck %s

!o = memref<?x4x?x16xbf16>

gpu.module @kernels {
  // The barriers of the inbox take one arrival each. The block says that it has
  // begun once they are initialised; the threads of the producer, which push
  // nothing, wait for the others at their end.

  // ROLES-LABEL: gpu.func @inbox
  // ROLES:      %[[BASE:.*]] = arith.andi
  // ROLES:      scf.if
  // ROLES:        nvvm.mbarrier.init
  // ROLES:        nvvm.mbarrier.init
  // ROLES:        %[[B0:.*]] = arith.addi %[[BASE]], %c4112_i32
  // ROLES-NEXT:   %[[P0:.*]] = llvm.inttoptr %[[B0]]
  // ROLES-NEXT:   nvvm.mbarrier.init %[[P0]], %c1_i32
  // ROLES-NEXT:   %[[B1:.*]] = arith.addi %[[BASE]], %c4120_i32
  // ROLES-NEXT:   %[[P1:.*]] = llvm.inttoptr %[[B1]]
  // ROLES-NEXT:   nvvm.mbarrier.init %[[P1]], %c1_i32
  // ROLES-NEXT:   nvvm.fence.mbarrier.init
  // ROLES:      gpu.barrier
  // ROLES-NEXT: nvvm.cluster.arrive.relaxed
  // ROLES:      scf.if
  // ROLES-NEXT:   nvvm.setmaxregister decrease
  // ROLES-NEXT:   nvvm.cluster.wait
  // ROLES-NEXT: } else {
  // ROLES:        %[[I:.*]] = arith.index_cast %{{.*}} : index to i32
  // ROLES-NEXT:   %[[SKIP:.*]] = arith.muli %[[I]], %c4224_i32
  // ROLES-NEXT:   %[[ROWS:.*]] = arith.addi %[[SKIP]]
  // ROLES-NEXT:   %[[SKIP8:.*]] = arith.muli %[[I]], %c8_i32
  // ROLES-NEXT:   %[[BARRIER:.*]] = arith.addi %[[SKIP8]]
  // ROLES-NEXT:   hopper.inbox_at %[[ROWS]], %[[BARRIER]]
  gpu.func @inbox(%mk: !hopper.tensor_map<1x1x16x16xbf16>, %n: index) kernel {
    %K = hopper.ring "K" at 0 barriers 4096 : <1 x 16x16xbf16>
    %inbox = hopper.inbox at 512 barriers 4112 : !hopper.inbox<3 x 22x16, parts 2>
    hopper.warpgroups producer registers 24 {
    } consumers 2 registers 240 {
      hopper.expect %inbox rows %n : !hopper.inbox<3 x 22x16, parts 2>
    }
    gpu.return
  }

  // 3 * 16 * 4 bytes for each row, by one thread.

  // CHECK-LABEL: gpu.func @expect
  // CHECK-SAME: (%{{.*}}: i32, %[[BARRIER:.*]]: i32, %[[N:.*]]: index)
  // CHECK:      %[[THREAD:.*]] = arith.remui %{{.*}}, %c128
  // CHECK:      %[[IS:.*]] = arith.cmpi eq, %[[THREAD]], %c0
  // CHECK:      %[[ROWS:.*]] = arith.index_cast %[[N]]
  // CHECK:      %[[BYTES:.*]] = arith.muli %[[ROWS]], %c192_i32
  // CHECK:      llvm.inline_asm has_side_effects {{.*}} "@$2 mbarrier.arrive.expect_tx.shared::cta.b64 _, [$0], $1;", {{.*}} %[[BARRIER]], %[[BYTES]], %[[IS]]
  gpu.func @expect(%a: i32, %b: i32, %n: index) kernel {
    %inbox = hopper.inbox_at %a, %b : !hopper.inbox<3 x 22x16>
    hopper.expect %inbox rows %n : !hopper.inbox<3 x 22x16>
    gpu.return
  }

  // (min(L - row, 64) + 2 - p) / 3, and L - row is 0 past the end.

  // CHECK-LABEL: gpu.func @owned_rows
  // CHECK-SAME: (%[[P:.*]]: index, %[[ROW:.*]]: index, %[[O:.*]]: memref<?x4x?x16xbf16>
  // CHECK:      %[[L:.*]] = memref.dim %[[O]], %c2
  // CHECK:      %[[IS:.*]] = arith.cmpi ult, %[[ROW]], %[[L]]
  // CHECK:      %[[REST:.*]] = arith.subi %[[L]], %[[ROW]]
  // CHECK:      %[[LEFT:.*]] = arith.select %[[IS]], %[[REST]], %c0
  // CHECK:      %[[MOST:.*]] = arith.minui %[[LEFT]], %c64
  // CHECK:      %[[UP:.*]] = arith.subi %c2, %[[P]]
  // CHECK:      %[[SUM:.*]] = arith.addi %[[MOST]], %[[UP]]
  // CHECK:      %[[WORD:.*]] = arith.index_cast %[[SUM]]
  // CHECK:      arith.divui %[[WORD]], %c3_i32
  gpu.func @owned_rows(%p: index, %row: index, %o: !o, %out: memref<index>) kernel {
    %n = hopper.owned_rows %p of 3 in %o[%row] rows 64 : !o
    memref.store %n, %out[] : memref<index>
    gpu.return
  }

  // Row r goes to block r mod 3, to place r / 3 of 22 there, 64 bytes each, if it
  // is one of the tensor. The two elements of either row of two groups.

  // CHECK-LABEL: gpu.func @push
  // CHECK-SAME: (%[[A:.*]]: i32, %[[BARRIER:.*]]: i32, %[[P:.*]]: index, %[[ROW:.*]]: index
  // CHECK:      nvvm.cluster.wait
  // CHECK:      %[[R0:.*]] = arith.index_cast
  // CHECK:      %[[R1:.*]] = arith.addi %[[R:.*]], %c8_i32
  // CHECK:      %[[OWNER:.*]] = arith.remui %[[R]], %c3_i32
  // CHECK:      %[[PLACE:.*]] = arith.divui %[[R]], %c3_i32
  // CHECK:      %[[PIECE:.*]] = arith.index_cast %[[P]]
  // CHECK:      %[[AT:.*]] = arith.muli %[[PLACE]], %c64_i32
  // CHECK:      arith.addi %[[AT]], %[[A]]
  // CHECK:      arith.muli %[[PIECE]], %c1408_i32
  // CHECK:      %[[TO:.*]] = llvm.inline_asm {{.*}} "mapa.shared::cluster.u32 $0, $1, $2;", {{.*}} %{{.*}}, %[[OWNER]]
  // CHECK:      %[[COUNT:.*]] = llvm.inline_asm {{.*}} "mapa.shared::cluster.u32 $0, $1, $2;", {{.*}} %[[BARRIER]], %[[OWNER]]
  // CHECK:      %[[IN:.*]] = arith.cmpi ult
  // CHECK:      llvm.inline_asm has_side_effects {{.*}} "@$4 st.async.shared::cluster.mbarrier::complete_tx::bytes.v2.f32 [$0+0], {$1, $2}, [$3];", {{.*}} %[[TO]], %{{.*}}, %{{.*}}, %[[COUNT]], %[[IN]]
  // CHECK:      llvm.inline_asm {{.*}} [$0+32], {{.*}} %[[TO]], %{{.*}}, %{{.*}}, %[[COUNT]], %[[IN]]
  // CHECK:      arith.remui %[[R1]], %c3_i32
  // CHECK:      llvm.inline_asm {{.*}} [$0+0]
  // CHECK:      llvm.inline_asm {{.*}} [$0+32]
  // CHECK-NOT:  st.async
  gpu.func @push(%a: i32, %b: i32, %p: index, %row: index, %o: !o) kernel {
    %inbox = hopper.inbox_at %a, %b : !hopper.inbox<3 x 22x16>
    %acc = arith.constant dense<1.0> : vector<64x16xf32>
    hopper.await_cluster
    hopper.push %acc to %inbox[%p] row %row like %o : vector<64x16xf32>, !hopper.inbox<3 x 22x16>, !o
    gpu.return
  }

  // Waits, and adds up in the order of the pieces: 4 columns of a row of each.

  // CHECK-LABEL: gpu.func @sum
  // CHECK-SAME: (%[[A:.*]]: i32, %[[BARRIER:.*]]: i32, %[[P:.*]]: index, %[[H:.*]]: index, %[[ROW:.*]]: index, %[[N:.*]]: index
  // CHECK:      llvm.inline_asm {{.*}}mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 done, [$0], 0;{{.*}} %[[BARRIER]]
  // CHECK:      %[[FIRST:.*]] = arith.addi %[[ROW]], %[[P]]
  // CHECK:      %[[END:.*]] = arith.muli %[[N]], %c4
  // CHECK:      scf.for %[[ITEM:.*]] = %{{.*}} to %[[END]] step %c128 {
  // CHECK:        %[[V0:.*]] = llvm.inline_asm has_side_effects {{.*}} "ld.shared.v4.f32 {$0, $1, $2, $3}, [$4+0];"
  // CHECK:        %[[X0:.*]] = llvm.extractvalue %[[V0]][0]
  // CHECK:        %[[V1:.*]] = llvm.inline_asm {{.*}} [$4+1408]
  // CHECK:        %[[X1:.*]] = llvm.extractvalue %[[V1]][0]
  // CHECK:        %[[V2:.*]] = llvm.inline_asm {{.*}} [$4+2816]
  // CHECK:        %[[X2:.*]] = llvm.extractvalue %[[V2]][0]
  // CHECK:        %[[S1:.*]] = arith.addf %[[X0]], %[[X1]]
  // CHECK:        %[[S2:.*]] = arith.addf %[[S1]], %[[X2]]
  // CHECK:        %[[K:.*]] = arith.divui %[[ITEM]], %c4
  // CHECK:        %[[SKIP:.*]] = arith.muli %[[K]], %c3
  // CHECK:        arith.addi %[[FIRST]], %[[SKIP]]
  // CHECK:        %[[OLD:.*]] = memref.load
  // CHECK:        %[[WIDE:.*]] = arith.extf %[[OLD]]
  // CHECK:        arith.addf %[[WIDE]], %[[S2]]
  // CHECK:        st.global.v2.b32
  gpu.func @sum(%a: i32, %b: i32, %p: index, %h: index, %row: index, %n: index, %o: !o) kernel {
    %inbox = hopper.inbox_at %a, %b : !hopper.inbox<3 x 22x16>
    hopper.sum_pushed %inbox into %o[%h, %h, %row] piece %p rows %n accumulate : !hopper.inbox<3 x 22x16>, !o
    gpu.return
  }
}
