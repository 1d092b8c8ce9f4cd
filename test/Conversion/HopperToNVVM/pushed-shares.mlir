// RUN: flashmhf-opt %s --hopper-distribute --canonicalize --cse | FileCheck %s

!o = memref<?x4x?x16xbf16>

gpu.module @kernels {
  // Two units, of shares 0 and 1. A unit goes to the thread of the same number of
  // its owner, behind those of the pieces in front of this one, if it is not its
  // own.

  // CHECK-LABEL: gpu.func @push
  // CHECK-SAME: (%[[INBOX:[a-z0-9]+]]: i32, %[[BARRIER:[a-z0-9]+]]: i32, %[[P:[a-z0-9]+]]: index,
  // CHECK:      %[[PIECE:.*]] = arith.index_cast %[[P]] : index to i32
  // CHECK:      %[[LATER:.*]] = arith.cmpi ugt, %[[PIECE]], %c0_i32
  // CHECK:      %[[ONE:.*]] = arith.extui %[[LATER]]
  // CHECK:      %[[SENDER:.*]] = arith.subi %[[PIECE]], %[[ONE]]
  // CHECK:      %[[THREAD:.*]] = arith.muli %{{.*}}, %c16_i32
  // CHECK:      %[[MINE:.*]] = arith.addi %[[THREAD]], %[[INBOX]]
  // CHECK:      %[[SKIP:.*]] = arith.muli %[[SENDER]], %c2048_i32
  // CHECK:      %[[PLACE:.*]] = arith.addi %[[SKIP]], %[[MINE]]
  // CHECK:      %[[THERE:.*]] = llvm.inline_asm {{.*}}"mapa.shared::cluster.u32 $0, $1, $2;", "=r,r,r" %[[PLACE]], %c0_i32
  // CHECK:      %[[COUNTER:.*]] = llvm.inline_asm {{.*}}"mapa.shared::cluster.u32 $0, $1, $2;", "=r,r,r" %[[BARRIER]], %c0_i32
  // CHECK:      %[[OTHER:.*]] = arith.cmpi ne, %[[PIECE]], %c0_i32
  // CHECK:      llvm.inline_asm has_side_effects {{.*}}"@$6 st.async.shared::cluster.mbarrier::complete_tx::bytes.v4.f32 [$0+0], {$1, $2, $3, $4}, [$5];", {{.*}} %[[THERE]], {{.*}} %[[COUNTER]], %[[OTHER]]
  // CHECK:      arith.cmpi ugt, %[[PIECE]], %c1_i32
  // CHECK:      st.async
  // CHECK-NOT:  st.async
  gpu.func @push(%a: i32, %b: i32, %p: index, %v: memref<?x4x?x16xf32>, %i: index) kernel {
    %c0 = arith.constant 0 : index
    %inbox = hopper.inbox_at %a, %b : !hopper.inbox<shares 3 x 64x16>
    %acc = hopper.load %v[%i, %i, %i, %c0] : memref<?x4x?x16xf32> -> vector<64x16xf32>
    hopper.push_shares %acc to %inbox[%p] : vector<64x16xf32>, !hopper.inbox<shares 3 x 64x16>
    gpu.return
  }

  // Piece p has (2 + 2 - p) / 3 units, which each of two others sends. Sums are in
  // the order of the pieces, with what the thread itself has in its place.

  // CHECK-LABEL: gpu.func @sum
  // CHECK-SAME: (%[[INBOX:[a-z0-9]+]]: i32, %[[BARRIER:[a-z0-9]+]]: i32, %[[P:[a-z0-9]+]]: index,
  // CHECK:      %[[PIECE:.*]] = arith.index_cast %[[P]] : index to i32
  // CHECK:      %[[UP:.*]] = arith.subi %c4_i32, %[[PIECE]]
  // CHECK:      %[[UNITS:.*]] = arith.divui %[[UP]], %c3_i32
  // CHECK:      %[[BYTES:.*]] = arith.muli %[[UNITS]], %c4096_i32
  // CHECK:      llvm.inline_asm has_side_effects {{.*}}mbarrier.arrive.expect_tx{{.*}} %[[BARRIER]], %[[BYTES]]
  // CHECK:      %[[IS0:.*]] = arith.cmpi eq, %[[PIECE]], %c0_i32
  // CHECK:      %[[IS1:.*]] = arith.cmpi eq, %[[PIECE]], %c1_i32
  // CHECK:      %[[IS2:.*]] = arith.cmpi eq, %[[PIECE]], %c2_i32
  // CHECK:      mbarrier.try_wait.parity.acquire.cluster{{.*}} %[[BARRIER]]
  // CHECK:      %[[L0:.*]] = llvm.inline_asm {{.*}}ld.shared.v4.f32
  // CHECK:      %[[S0:.*]] = llvm.extractvalue %[[L0]][0]
  // CHECK:      %[[V0:.*]] = arith.select %[[IS0]], %[[OWN:.*]], %[[S0]]
  // CHECK:      %[[L1:.*]] = llvm.inline_asm {{.*}}ld.shared.v4.f32
  // CHECK:      %[[S1:.*]] = llvm.extractvalue %[[L1]][0]
  // CHECK:      %[[V1:.*]] = arith.select %[[IS1]], %[[OWN]], %[[S1]]
  // CHECK:      %[[T1:.*]] = arith.addf %[[V0]], %[[V1]]
  // CHECK:      ld.shared.v4.f32
  // CHECK:      %[[V2:.*]] = arith.select %[[IS2]], %[[OWN]],
  // CHECK:      arith.addf %[[T1]], %[[V2]]
  // CHECK-NOT:  ld.shared
  // CHECK-COUNT-2: nvvm.shfl.sync
  // CHECK:      scf.if
  // CHECK-COUNT-4: memref.load
  // CHECK:      st.global.v2.b32
  gpu.func @sum(%a: i32, %b: i32, %p: index, %v: memref<?x4x?x16xf32>, %i: index, %o: !o) kernel {
    %c0 = arith.constant 0 : index
    %inbox = hopper.inbox_at %a, %b : !hopper.inbox<shares 3 x 64x16>
    %acc = hopper.load %v[%i, %i, %i, %c0] : memref<?x4x?x16xf32> -> vector<64x16xf32>
    hopper.sum_pushed_shares %acc, %inbox[%p] into %o[%i, %i, %i] accumulate : vector<64x16xf32>, !hopper.inbox<shares 3 x 64x16>, !o
    gpu.return
  }
}
