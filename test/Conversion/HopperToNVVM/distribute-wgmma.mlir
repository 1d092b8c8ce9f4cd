// RUN: flashmhf-opt %s --hopper-distribute --canonicalize --cse | FileCheck %s

// The matrix descriptor is built beside each instruction from a 32-bit word:
// bits 0-13 the address / 16, bits 16-29 the leading byte offset / 16. Its high
// word is constant: the stride between 8 rows / 16, and the swizzle in bits
// 30-31: 1 for 128 bytes, 2 for 64, 3 for 32.

gpu.module @kernels {
  // Rows of 64 columns are 128 bytes: stride 8 * 128 / 16 = 64, so 1 << 30 | 64;
  // 16 columns further are 32 bytes. A starts at a row of its slot. B stands as
  // it is needed, "K-major": the last operand is 0. The first step overwrites.

  // CHECK-LABEL: gpu.func @swizzle_128
  // CHECK-SAME: (%[[A:.*]]: i32, %[[B:.*]]: i32, %[[ROW:.*]]: index)
  // CHECK-DAG:  %[[ROW32:.*]] = arith.index_cast %[[ROW]] : index to i32
  // CHECK-DAG:  %[[BYTES:.*]] = arith.muli %[[ROW32]], %c128_i32
  // CHECK-DAG:  %[[FIRST:.*]] = arith.addi %[[A]], %[[BYTES]]
  // CHECK-DAG:  %[[MASKED:.*]] = arith.andi %[[FIRST]], %c262143_i32
  // CHECK-DAG:  %[[UNITS:.*]] = arith.shrui %[[MASKED]], %c4_i32
  // CHECK-DAG:  %[[DA:.*]] = arith.ori %[[UNITS]], %c65536_i32
  // CHECK-DAG:  %[[BMASKED:.*]] = arith.andi %[[B]], %c262143_i32
  // CHECK-DAG:  %[[BUNITS:.*]] = arith.shrui %[[BMASKED]], %c4_i32
  // CHECK-DAG:  %[[DB:.*]] = arith.ori %[[BUNITS]], %c65536_i32
  // CHECK:      nvvm.wgmma.fence.aligned
  // CHECK-NEXT: %[[S:.*]] = llvm.inline_asm has_side_effects
  // CHECK-SAME: .reg .b32 lo;
  // CHECK-SAME: add.u32 lo, $4, 0;\0Amov.b64 da, {lo, 1073741888};\0Aadd.u32 lo, $5, 0;\0Amov.b64 db, {lo, 1073741888};\0Awgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {$0, $1, $2, $3}, da, db, 0, 1, 1, 0, 0;
  // CHECK-SAME: add.u32 lo, $4, 2;\0Amov.b64 da, {lo, 1073741888};\0Aadd.u32 lo, $5, 2;\0Amov.b64 db, {lo, 1073741888};\0Awgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {$0, $1, $2, $3}, da, db, 1, 1, 1, 0, 0;
  // CHECK-SAME: add.u32 lo, $4, 4;{{.*}}add.u32 lo, $4, 6;
  // CHECK-SAME: "=f,=f,=f,=f,r,r,~{memory}" %[[DA]], %[[DB]] : (i32, i32)
  // CHECK:      nvvm.wgmma.commit.group.sync.aligned
  // CHECK:      llvm.inline_asm has_side_effects {{.*}}"wgmma.wait_group.sync.aligned 1;", "=f,=f,=f,=f,0,1,2,3,~{memory}"
  gpu.func @swizzle_128(%a: i32, %b: i32, %row: index) {
    %q = hopper.slot_at %a, %a : !hopper.slot<128x64xbf16>
    %k = hopper.slot_at %b, %b : !hopper.slot<8x64xbf16>
    %s = hopper.wgmma %q[%row], %k transpose_b : !hopper.slot<128x64xbf16>, !hopper.slot<8x64xbf16> -> !hopper.inflight<vector<64x8xf32>>
    %0 = hopper.wait %s pending 1 : !hopper.inflight<vector<64x8xf32>>
    gpu.return
  }

  // A condition is the first step's scale of the accumulator: where it does not hold,
  // what the registers have is not read.

  // CHECK-LABEL: gpu.func @starts_if
  // CHECK-SAME: (%{{.*}}: i32, %[[C:[^ ]*]]: i1,
  // CHECK:      llvm.inline_asm has_side_effects
  // CHECK-SAME: {$0, $1, $2, $3, $4, $5, $6, $7}, {$8, $9, $10, $11}, db, $17, 1, 1, 1;
  // CHECK-SAME: {$0, $1, $2, $3, $4, $5, $6, $7}, {$12, $13, $14, $15}, db, 1, 1, 1, 1;
  // CHECK-SAME: "=f,=f,=f,=f,=f,=f,=f,=f,r,r,r,r,r,r,r,r,r,b,0,1,2,3,4,5,6,7,~{memory}"
  // CHECK-SAME: %[[C]],
  gpu.func @starts_if(%b: i32, %c: i1, %r: memref<1x4x?x32xbf16>, %o: memref<1x4x?x16xf32>, %i: index) {
    %a = hopper.load %r[%i, %i, %i, %i] : memref<1x4x?x32xbf16> -> vector<64x32xbf16>
    %acc = hopper.load %o[%i, %i, %i, %i] : memref<1x4x?x16xf32> -> vector<64x16xf32>
    %v = hopper.slot_at %b, %b : !hopper.slot<32x16xbf16>
    %p = hopper.wgmma %a, %v acc %acc : vector<64x16xf32> if %c : vector<64x32xbf16>, !hopper.slot<32x16xbf16> -> !hopper.inflight<vector<64x16xf32> reads vector<64x32xbf16>>
    %0 = hopper.wait %p : !hopper.inflight<vector<64x16xf32> reads vector<64x32xbf16>>
    hopper.store %0, %o[%i, %i, %i, %i] : vector<64x16xf32>, memref<1x4x?x16xf32>
    gpu.return
  }

  // 96 columns are 3 panels of 32: rows of 64 bytes, stride 32, 2 << 30 | 32. The
  // third step of 16 is in the second panel, 64 * 64 bytes on for A.

  // CHECK-LABEL: gpu.func @swizzle_64
  // CHECK:      llvm.inline_asm has_side_effects
  // CHECK-SAME: add.u32 lo, $4, 0;\0Amov.b64 da, {lo, 2147483680};\0Aadd.u32 lo, $5, 0;\0Amov.b64 db, {lo, 2147483680};
  // CHECK-SAME: add.u32 lo, $4, 2;{{.*}}add.u32 lo, $5, 2;
  // CHECK-SAME: add.u32 lo, $4, 256;{{.*}}add.u32 lo, $5, 32;
  // CHECK-SAME: add.u32 lo, $4, 258;{{.*}}add.u32 lo, $5, 34;
  // CHECK-SAME: add.u32 lo, $4, 512;{{.*}}add.u32 lo, $5, 64;
  // CHECK-SAME: add.u32 lo, $4, 514;{{.*}}add.u32 lo, $5, 66;
  gpu.func @swizzle_64(%a: i32, %b: i32) {
    %q = hopper.slot_at %a, %a : !hopper.slot<64x96xbf16>
    %k = hopper.slot_at %b, %b : !hopper.slot<8x96xbf16>
    %s = hopper.wgmma %q, %k transpose_b : !hopper.slot<64x96xbf16>, !hopper.slot<8x96xbf16> -> !hopper.inflight<vector<64x8xf32>>
    %0 = hopper.wait %s : !hopper.inflight<vector<64x8xf32>>
    gpu.return
  }

  // 16 columns: rows of 32 bytes, stride 16, 3 << 30 | 16. A from registers, 4
  // words a step; B transposed ("MN-major", last operand 1), its panels 16 * 32
  // bytes apart (32 << 16), the next 16 rows in the same panel. The accumulator
  // goes in where the result comes out; A stays reserved until the wait.

  // CHECK-LABEL: gpu.func @registers
  // CHECK-SAME: (%[[B:.*]]: i32,
  // CHECK-DAG:  %[[UNITS:.*]] = arith.shrui
  // CHECK-DAG:  %[[DB:.*]] = arith.ori %[[UNITS]], %c4194304_i32
  // CHECK:      nvvm.wgmma.fence.aligned
  // CHECK-NEXT: %[[P:.*]] = llvm.inline_asm has_side_effects
  // CHECK-SAME: add.u32 lo, $16, 0;\0Amov.b64 db, {lo, 3221225488};\0Awgmma.mma_async.sync.aligned.m64n16k16.f32.f16.f16 {$0, $1, $2, $3, $4, $5, $6, $7}, {$8, $9, $10, $11}, db, 1, 1, 1, 1;
  // CHECK-SAME: add.u32 lo, $16, 32;\0Amov.b64 db, {lo, 3221225488};\0Awgmma.mma_async.sync.aligned.m64n16k16.f32.f16.f16 {$0, $1, $2, $3, $4, $5, $6, $7}, {$12, $13, $14, $15}, db, 1, 1, 1, 1;
  // CHECK-SAME: "=f,=f,=f,=f,=f,=f,=f,=f,r,r,r,r,r,r,r,r,r,0,1,2,3,4,5,6,7,~{memory}"
  // CHECK-SAME: %[[DB]]
  // CHECK:      nvvm.wgmma.commit.group.sync.aligned
  // CHECK:      "wgmma.wait_group.sync.aligned 0;", "=f,=f,=f,=f,=f,=f,=f,=f,=r,=r,=r,=r,=r,=r,=r,=r,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,~{memory}"
  gpu.func @registers(%b: i32, %i: index, %in: memref<1x4x?x32xf16>, %out: memref<1x4x?x16xf32>) {
    %v = hopper.slot_at %b, %b : !hopper.slot<32x16xf16>
    %a = hopper.load %in[%i, %i, %i, %i] : memref<1x4x?x32xf16> -> vector<64x32xf16>
    %acc = hopper.load %out[%i, %i, %i, %i] : memref<1x4x?x16xf32> -> vector<64x16xf32>
    %p = hopper.wgmma %a, %v acc %acc : vector<64x16xf32> : vector<64x32xf16>, !hopper.slot<32x16xf16> -> !hopper.inflight<vector<64x16xf32> reads vector<64x32xf16>>
    %0 = hopper.wait %p : !hopper.inflight<vector<64x16xf32> reads vector<64x32xf16>>
    hopper.store %0, %out[%i, %i, %i, %i] : vector<64x16xf32>, memref<1x4x?x16xf32>
    gpu.return
  }

  // Products in flight cross loops like other values.

  // CHECK-LABEL: gpu.func @carried
  // CHECK: scf.for {{.*}} -> (f32, f32, f32, f32) {
  // CHECK:   wgmma.wait_group
  // CHECK:   wgmma.mma_async
  // CHECK:   scf.yield
  // CHECK: wgmma.wait_group
  gpu.func @carried(%a: i32, %b: i32, %i: index, %n: index) {
    %q = hopper.slot_at %a, %a : !hopper.slot<64x16xbf16>
    %k = hopper.slot_at %b, %b : !hopper.slot<8x16xbf16>
    %s = hopper.wgmma %q, %k transpose_b : !hopper.slot<64x16xbf16>, !hopper.slot<8x16xbf16> -> !hopper.inflight<vector<64x8xf32>>
    %last = scf.for %f = %i to %n step %i iter_args(%c = %s) -> !hopper.inflight<vector<64x8xf32>> {
      %x = hopper.wait %c : !hopper.inflight<vector<64x8xf32>>
      %next = hopper.wgmma %q, %k transpose_b acc %x : vector<64x8xf32> : !hopper.slot<64x16xbf16>, !hopper.slot<8x16xbf16> -> !hopper.inflight<vector<64x8xf32>>
      scf.yield %next : !hopper.inflight<vector<64x8xf32>>
    }
    %0 = hopper.wait %last : !hopper.inflight<vector<64x8xf32>>
    gpu.return
  }
}
