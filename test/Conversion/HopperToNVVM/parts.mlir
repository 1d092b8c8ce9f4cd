// RUN: flashmhf-opt %s --hopper-lower-warpgroups --hopper-distribute --canonicalize --cse | FileCheck %s

gpu.module @kernels {
  // Of 64 x 16 elements a thread has 8: two stores of 16 bytes, 2 KB apart, at
  // parts + slot * 4096 + thread * 16, then the thread's own flag.

  // CHECK-LABEL: gpu.func @leave
  // CHECK-SAME:  (%[[V:.*]]: memref<?x4x?x16xf32>, %[[P:.*]]: index, %[[F:.*]]: index, %[[SLOT:.*]]: index, %[[IF:.*]]: i1)
  // CHECK:       %[[THREAD:.*]] = arith.remui %{{.*}}, %c128
  // CHECK:       %[[AT:.*]] = arith.muli %[[SLOT]], %c4096
  // CHECK:       %[[PLACE:.*]] = arith.addi %[[P]], %[[AT]]
  // CHECK:       %[[OWN:.*]] = arith.muli %[[THREAD]], %c16
  // CHECK:       arith.addi %[[PLACE]], %[[OWN]]
  // CHECK:       %[[FLAGS:.*]] = arith.muli %[[SLOT]], %c128
  // CHECK:       %[[NUMBER:.*]] = arith.addi %[[FLAGS]], %[[THREAD]]
  // CHECK:       %[[BYTE:.*]] = arith.muli %[[NUMBER]], %c4
  // CHECK:       %[[FLAG:.*]] = arith.addi %[[F]], %[[BYTE]]
  // CHECK:       llvm.inline_asm has_side_effects
  // CHECK-SAME:  @$10 st.global.v4.f32 [$8+0], {$0, $1, $2, $3};{{.*}}@$10 st.global.v4.f32 [$8+2048], {$4, $5, $6, $7};{{.*}}@$10 st.release.gpu.global.u32 [$9], 1;
  // CHECK-SAME:  %[[IF]]
  gpu.func @leave(%v: memref<?x4x?x16xf32>, %parts: index, %flags: index, %slot: index, %if: i1) kernel {
    hopper.warpgroups producer registers 24 {
    } consumers 2 registers 240 {
      %c0 = arith.constant 0 : index
      %s = hopper.load %v[%c0, %c0, %c0, %c0] : memref<?x4x?x16xf32> -> vector<64x16xf32>
      hopper.leave_part %s, %parts[%slot] flags %flags if %if : vector<64x16xf32>
    }
    gpu.return
  }

  // The first is in the slot 2 in front of the block's own, each next 2 further on:
  // 8192 bytes and 1024 of flags. A flag is seen, and taken down, before what it is
  // for is loaded.

  // CHECK-LABEL: gpu.func @add
  // CHECK-SAME:  (%[[V:[^:]*]]: memref<?x4x?x16xf32>, %[[P:[^:]*]]: index, %[[F:[^:]*]]: index, %[[SLOT:[^:]*]]: index, %[[COUNT:[^:]*]]: index)
  // CHECK:       %[[FIRST:.*]] = arith.subi %[[SLOT]], %c2
  // CHECK:       %[[AT:.*]] = arith.muli %[[FIRST]], %c4096
  // CHECK:       arith.addi %[[P]], %[[AT]]
  // CHECK:       %[[N:.*]] = arith.index_cast %[[COUNT]] : index to i32
  // CHECK:       llvm.inline_asm has_side_effects
  // CHECK-SAME:  NEXT:{{.*}}WAIT:{{.*}}ld.acquire.gpu.global.u32 up, [flag];{{.*}}@p bra WAIT;{{.*}}st.relaxed.gpu.global.u32 [flag], 0;
  // CHECK-SAME:  ld.relaxed.gpu.global.v4.f32 {x0, x1, x2, x3}, [part+0];{{.*}}add.rn.f32 $0, $0, x0;{{.*}}add.rn.f32 $3, $3, x3;
  // CHECK-SAME:  ld.relaxed.gpu.global.v4.f32 {x0, x1, x2, x3}, [part+2048];{{.*}}add.rn.f32 $7, $7, x3;
  // CHECK-SAME:  sub.s64 part, part, 8192;{{.*}}sub.s64 flag, flag, 1024;{{.*}}bra NEXT;
  // CHECK-SAME:  %[[N]]
  gpu.func @add(%v: memref<?x4x?x16xf32>, %parts: index, %flags: index, %slot: index, %count: index) kernel {
    hopper.warpgroups producer registers 24 {
    } consumers 2 registers 240 {
      %c0 = arith.constant 0 : index
      %s = hopper.load %v[%c0, %c0, %c0, %c0] : memref<?x4x?x16xf32> -> vector<64x16xf32>
      %sum = hopper.add_parts %s, %parts[%slot] stride 2 count %count flags %flags : vector<64x16xf32>
      hopper.store %sum, %v[%c0, %c0, %c0, %c0] : vector<64x16xf32>, memref<?x4x?x16xf32>
    }
    gpu.return
  }
}
