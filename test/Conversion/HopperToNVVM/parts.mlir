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
  // CHECK:       llvm.inline_asm has_side_effects {{.*}} "@$5 st.global.v4.b32 [$0], {$1, $2, $3, $4};", {{.*}} %[[IF]]
  // CHECK:       llvm.getelementptr %{{.*}}[2048]
  // CHECK:       llvm.inline_asm has_side_effects {{.*}} "@$5 st.global.v4.b32 [$0], {$1, $2, $3, $4};", {{.*}} %[[IF]]
  // CHECK-NOT:   st.global.v4
  // CHECK:       llvm.inline_asm has_side_effects {{.*}} "@$1 st.release.gpu.global.u32 [$0], 1;", {{.*}} %[[IF]]
  gpu.func @leave(%v: memref<?x4x?x16xf32>, %parts: index, %flags: index, %slot: index, %if: i1) kernel {
    hopper.warpgroups producer registers 24 {
    } consumers 2 registers 240 {
      %c0 = arith.constant 0 : index
      %s = hopper.load %v[%c0, %c0, %c0, %c0] : memref<?x4x?x16xf32> -> vector<64x16xf32>
      hopper.leave_part %s, %parts[%slot] flags %flags if %if : vector<64x16xf32>
    }
    gpu.return
  }

  // The n-th is in the slot 2 n in front of the block's own; the flag is seen, and
  // taken down, before anything is loaded.

  // CHECK-LABEL: gpu.func @add
  // CHECK-SAME:  (%[[V:.*]]: memref<?x4x?x16xf32>, %[[P:.*]]: index, %[[F:.*]]: index, %[[SLOT:.*]]: index, %[[COUNT:.*]]: index)
  // CHECK:       %{{.*}}:8 = scf.for %[[N:.*]] = %c0 to %[[COUNT]] step %c1
  // CHECK:         %[[NEXT:.*]] = arith.addi %[[N]], %c1
  // CHECK:         %[[BACK:.*]] = arith.muli %[[NEXT]], %c2
  // CHECK:         arith.subi %[[SLOT]], %[[BACK]]
  // CHECK:         llvm.inline_asm has_side_effects {{.*}}ld.acquire.gpu.global.u32{{.*}}@down bra WAIT;{{.*}}st.relaxed.gpu.global.u32 [$0], 0;
  // CHECK:         llvm.inline_asm has_side_effects {{.*}} "ld.relaxed.gpu.global.v4.f32
  // CHECK-COUNT-4: arith.addf
  // CHECK:         llvm.inline_asm has_side_effects {{.*}} "ld.relaxed.gpu.global.v4.f32
  // CHECK-COUNT-4: arith.addf
  // CHECK:         scf.yield
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
