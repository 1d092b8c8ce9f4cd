// RUN: flashmhf-opt %s --hopper-distribute --canonicalize --cse | FileCheck %s

gpu.module @kernels {
  // The columns of V are the rows of the product: 128 of them for 96, in two
  // instructions a step. Rows of 32 columns are 64 bytes. The second 64 columns
  // start two panels on, 8192 bytes, a step is 16 rows, 1024 bytes; what stands
  // between panels is the leading offset, 4096 bytes. A is transposed: the last
  // operand but one is 1.

  // CHECK-LABEL: gpu.func @transposed_a
  // CHECK-SAME: (%[[A:.*]]: i32, %[[B:.*]]: i32)
  // CHECK-DAG:  %[[AMASKED:.*]] = arith.andi %[[A]], %c262143_i32
  // CHECK-DAG:  %[[AUNITS:.*]] = arith.shrui %[[AMASKED]], %c4_i32
  // CHECK-DAG:  %[[DA:.*]] = arith.ori %[[AUNITS]], %c16777216_i32
  // CHECK:      nvvm.wgmma.fence.aligned
  // CHECK-NEXT: llvm.inline_asm has_side_effects
  // CHECK-SAME: add.u32 lo, $8, 0;\0Amov.b64 da, {lo, 2147483680};\0Aadd.u32 lo, $9, 0;\0Amov.b64 db, {lo, 1073741888};\0Awgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {$0, $1, $2, $3}, da, db, 0, 1, 1, 1, 0;
  // CHECK-SAME: add.u32 lo, $8, 512;\0Amov.b64 da, {lo, 2147483680};\0Awgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {$4, $5, $6, $7}, da, db, 0, 1, 1, 1, 0;
  // CHECK-SAME: add.u32 lo, $8, 64;\0Amov.b64 da, {lo, 2147483680};\0Aadd.u32 lo, $9, 2;\0Amov.b64 db, {lo, 1073741888};\0Awgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {$0, $1, $2, $3}, da, db, 1, 1, 1, 1, 0;
  // CHECK-SAME: add.u32 lo, $8, 576;\0Amov.b64 da, {lo, 2147483680};\0Awgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {$4, $5, $6, $7}, da, db, 1, 1, 1, 1, 0;
  // CHECK-SAME: "=f,=f,=f,=f,=f,=f,=f,=f,r,r,~{memory}" %[[DA]]
  // CHECK-NEXT: extractvalue
  gpu.func @transposed_a(%a: i32, %b: i32) {
    %v = hopper.slot_at %a, %a : !hopper.slot<64x96xbf16>
    %w = hopper.slot_at %b, %b : !hopper.slot<8x64xbf16>
    %s = hopper.wgmma %v transpose_a, %w transpose_b : !hopper.slot<64x96xbf16>, !hopper.slot<8x64xbf16> -> !hopper.inflight<vector<128x8xf32>>
    %0 = hopper.wait %s : !hopper.inflight<vector<128x8xf32>>
    gpu.return
  }

  // Lane l of warp w has the address of row l mod 8 of matrix l / 8: chunk 2 w +
  // l / 8 mod 2 of 16 bytes, swizzled with the row. 8 tokens are two matrices.

  // CHECK-LABEL: gpu.func @write_8
  // CHECK-SAME: (%[[VALUE:.*]]: f32, %[[SLOT:.*]]: i32)
  // CHECK-DAG:  %[[THREAD:.*]] = arith.index_cast %thread_id_x : index to i32
  // CHECK-DAG:  %[[ROW:.*]] = arith.andi %[[THREAD]], %c7_i32
  // CHECK-DAG:  %[[T3:.*]] = arith.shrui %[[THREAD]], %c3_i32
  // CHECK-DAG:  %[[HALF:.*]] = arith.andi %[[T3]], %c1_i32
  // CHECK-DAG:  %[[T4:.*]] = arith.shrui %[[THREAD]], %c4_i32
  // CHECK-DAG:  %[[GROUP:.*]] = arith.andi %[[T4]], %c1_i32
  // CHECK-DAG:  %[[T5:.*]] = arith.shrui %[[THREAD]], %c5_i32
  // CHECK-DAG:  %[[WARP:.*]] = arith.andi %[[T5]], %c3_i32
  // CHECK-DAG:  %[[PAIR:.*]] = arith.muli %[[WARP]], %c2_i32
  // CHECK-DAG:  %[[PLAIN:.*]] = arith.addi %[[PAIR]], %[[HALF]]
  // CHECK-DAG:  %[[CHUNK:.*]] = arith.xori %[[PLAIN]], %[[ROW]]
  // CHECK-DAG:  %[[GROUP8:.*]] = arith.muli %[[GROUP]], %c8_i32
  // CHECK-DAG:  %[[ROWS:.*]] = arith.addi %[[ROW]], %[[GROUP8]]
  // CHECK-DAG:  %[[DOWN:.*]] = arith.muli %[[ROWS]], %c128_i32
  // CHECK-DAG:  %[[LINE:.*]] = arith.addi %[[SLOT]], %[[DOWN]]
  // CHECK-DAG:  %[[ALONG:.*]] = arith.muli %[[CHUNK]], %c16_i32
  // CHECK:      %[[AT:.*]] = arith.addi %[[LINE]], %[[ALONG]]
  // CHECK-NEXT: llvm.inline_asm has_side_effects {{.*}}"stmatrix.sync.aligned.m8n8.x2.trans.shared::cta.b16 [$0], {$1, $2};", "r,r,r,~{memory}" %[[AT]]
  // CHECK-NEXT: llvm.inline_asm has_side_effects {{.*}}"fence.proxy.async.shared::cta;"
  // CHECK-NEXT: llvm.inline_asm has_side_effects {{.*}}"bar.sync $0, 128;", "r,~{memory}" %c8_i32
  gpu.func @write_8(%value: f32, %slot: i32) {
    %f = arith.constant dense<1.0> : vector<64x8xf32>
    %a = arith.truncf %f : vector<64x8xf32> to vector<64x8xbf16>
    %s = hopper.slot_at %slot, %slot : !hopper.slot<8x64xbf16>
    hopper.write %a to %s : vector<64x8xbf16>, !hopper.slot<8x64xbf16>
    gpu.return
  }

  // 24 tokens: four matrices, and two of them 16 rows of 128 bytes on.

  // CHECK-LABEL: gpu.func @write_24
  // CHECK:      stmatrix.sync.aligned.m8n8.x4.trans.shared::cta.b16 [$0], {$1, $2, $3, $4};", "r,r,r,r,r,~{memory}" %[[AT:[0-9]+]], %
  // CHECK:      %[[NEXT:.*]] = arith.addi %[[AT]], %c2048_i32
  // CHECK-NEXT: llvm.inline_asm {{.*}}"stmatrix.sync.aligned.m8n8.x2.trans.shared::cta.b16 [$0], {$1, $2};", "r,r,r,~{memory}" %[[NEXT]]
  // CHECK-NEXT: llvm.inline_asm {{.*}}"fence.proxy.async.shared::cta;"
  gpu.func @write_24(%slot: i32) {
    %f = arith.constant dense<1.0> : vector<64x24xf32>
    %a = arith.truncf %f : vector<64x24xf32> to vector<64x24xf16>
    %s = hopper.slot_at %slot, %slot : !hopper.slot<24x64xf16>
    hopper.write %a to %s : vector<64x24xf16>, !hopper.slot<24x64xf16>
    gpu.return
  }

  // A thread has two columns of every 8, from 2 (l mod 4) on, of both rows.

  // CHECK-LABEL: gpu.func @columns
  // CHECK-SAME: (%[[R:.*]]: memref<1x1x?x2xf32>, %{{.*}}: i32, %{{.*}}: index)
  // CHECK-DAG:  %[[QUAD:.*]] = arith.remui %{{.*}}, %c4
  // CHECK-DAG:  %[[FIRST:.*]] = arith.muli %[[QUAD]], %c2
  // CHECK:      %[[ROW:.*]] = arith.addi %{{.*}}, %[[FIRST]]
  // CHECK:      %[[INSIDE:.*]] = arith.cmpi ult, %[[ROW]], %{{.*}}
  // CHECK:      arith.addi %[[ROW]], %c1
  // CHECK:      arith.addi %[[ROW]], %c8
  // CHECK:      arith.addi %[[ROW]], %c9
  // CHECK-COUNT-4: memref.load %[[R]]
  // CHECK-NOT:  memref.load
  // CHECK-COUNT-8: arith.mulf
  // CHECK-NOT:  arith.mulf
  // CHECK:      gpu.return
  gpu.func @columns(%r: memref<1x1x?x2xf32>, %slot: i32, %row: index) {
    %c0 = arith.constant 0 : index
    %v = hopper.slot_at %slot, %slot : !hopper.slot<64x16xbf16>
    %q = hopper.slot_at %slot, %slot : !hopper.slot<16x16xbf16>
    %t = hopper.wgmma %v, %q transpose_b : !hopper.slot<64x16xbf16>, !hopper.slot<16x16xbf16> -> !hopper.inflight<vector<64x16xf32>>
    %s = hopper.wait %t : !hopper.inflight<vector<64x16xf32>>
    %columns = hopper.load_columns %r[%c0, %c0, %row, %c0] : memref<1x1x?x2xf32> -> vector<1x16xf32>
    %scaled = hopper.column_scale %s, %columns : vector<64x16xf32>, vector<1x16xf32>
    %a = hopper.anchor %scaled : vector<64x16xf32>
    gpu.return
  }

  // Rows past the 16 columns are not stored: the first warp has all there are.

  // CHECK-LABEL: gpu.func @store_f32
  // CHECK:      %[[WARP16:.*]] = arith.muli %{{.*}}, %c16
  // CHECK:      %[[COLUMN:.*]] = arith.addi %[[WARP16]], %{{.*}}
  // CHECK:      %[[INSIDE:.*]] = arith.cmpi ult, %[[COLUMN]], %c16
  // CHECK:      scf.if
  // CHECK-NEXT:   scf.if %[[INSIDE]]
  // CHECK:          memref.store %{{.*}}, %{{.*}}[%{{.*}}, %{{.*}}, %{{.*}}, %[[COLUMN]]] : memref<1x1x?x16xf32>
  // CHECK:      scf.if
  gpu.func @store_f32(%o: memref<1x1x?x16xf32>, %row: index) {
    %c0 = arith.constant 0 : index
    %old = hopper.load %o[%c0, %c0, %row, %c0] transposed : memref<1x1x?x16xf32> -> vector<64x8xf32>
    hopper.store %old, %o[%c0, %c0, %row, %c0] transposed : vector<64x8xf32>, memref<1x1x?x16xf32>
    gpu.return
  }

  // 16 bits leave in 16 bytes. Lane t of a quad has 8 columns, of token l / 4 of
  // the 8 from 8 (t / 2) on, and those from 16 w + 8 (t mod 2) on; the next 64
  // columns are 128 bytes further on, and of those the first two warps have all.

  // CHECK-LABEL: gpu.func @store
  // CHECK-SAME: (%{{.*}}, %[[TOKEN:.*]]: index)
  // CHECK:      %[[T:.*]] = arith.remui %{{.*}}, %c4
  // CHECK:      %[[GROUP:.*]] = arith.divui %[[T]], %c2
  // CHECK:      %[[HALF:.*]] = arith.remui %[[T]], %c2
  // CHECK:      %[[TOKENS8:.*]] = arith.muli %[[GROUP]], %c8
  // CHECK:      %[[OWN:.*]] = arith.addi %[[TOKENS8]], %{{.*}}
  // CHECK:      %[[ROW:.*]] = arith.addi %[[TOKEN]], %[[OWN]]
  // CHECK:      %[[WARP16:.*]] = arith.muli %{{.*}}, %c16
  // CHECK:      %[[HALF8:.*]] = arith.muli %[[HALF]], %c8
  // CHECK:      %[[COLUMN:.*]] = arith.addi %[[WARP16]], %[[HALF8]]
  // CHECK:      %[[P:.*]] = llvm.inttoptr
  // CHECK:      %[[INSIDE:.*]] = arith.cmpi ult, %[[ROW]], %dim
  // CHECK-COUNT-4: "movmatrix.sync.aligned.m8n8.trans.b16 $0, $1;"
  // CHECK-COUNT-4: nvvm.shfl.sync  bfly
  // CHECK:      "@$5 st.global.v4.b32 [$0], {$1, $2, $3, $4};", {{.*}} %[[P]], %{{.*}}, %[[INSIDE]] :
  // CHECK-COUNT-4: movmatrix
  // CHECK:      %[[NEXT:.*]] = arith.addi %[[COLUMN]], %c64
  // CHECK:      %[[SHORT:.*]] = arith.cmpi ult, %[[NEXT]], %c96
  // CHECK:      %[[BOTH:.*]] = arith.andi %[[INSIDE]], %[[SHORT]]
  // CHECK:      %[[P64:.*]] = llvm.getelementptr %[[P]][128]
  // CHECK:      st.global.v4.b32 {{.*}} %[[P64]], %{{.*}}, %[[BOTH]] :
  // CHECK-NOT:  st.global
  // CHECK:      gpu.return
  gpu.func @store(%o: memref<1x1x?x96xf16>, %row: index) {
    %c0 = arith.constant 0 : index
    %f = arith.constant dense<1.0> : vector<128x16xf32>
    %a = arith.truncf %f : vector<128x16xf32> to vector<128x16xf16>
    hopper.store %a, %o[%c0, %c0, %row, %c0] transposed : vector<128x16xf16>, memref<1x1x?x96xf16>
    gpu.return
  }

  // Of 8 tokens alone, the first two lanes of a quad have what there is.

  // CHECK-LABEL: gpu.func @store_8
  // CHECK:      %[[T:.*]] = arith.remui %{{.*}}, %c4
  // CHECK:      %[[INSIDE:.*]] = arith.cmpi ult, %{{.*}}, %dim
  // CHECK:      %[[FIRST:.*]] = arith.cmpi ult, %[[T]], %c2
  // CHECK:      %[[BOTH:.*]] = arith.andi %[[INSIDE]], %[[FIRST]]
  // CHECK-COUNT-2: movmatrix
  // CHECK-NOT:  movmatrix
  // CHECK:      st.global.v4.b32 {{.*}}, %[[BOTH]] :
  gpu.func @store_8(%o: memref<1x1x?x64xbf16>, %row: index) {
    %c0 = arith.constant 0 : index
    %f = arith.constant dense<1.0> : vector<64x8xf32>
    %a = arith.truncf %f : vector<64x8xf32> to vector<64x8xbf16>
    hopper.store %a, %o[%c0, %c0, %row, %c0] transposed : vector<64x8xbf16>, memref<1x1x?x64xbf16>
    gpu.return
  }

  // Elements go to memory one by one: 128 f32 are a row, and those 8 rows of a
  // thread's further on 32 bytes.

  // CHECK-LABEL: gpu.func @partial
  // CHECK:      llvm.inttoptr
  // CHECK:      "@$2 st.global.b32 [$0], $1;"
  // CHECK:      llvm.getelementptr %[[P:.*]][512]
  // CHECK:      llvm.getelementptr %[[P]][32]
  // CHECK:      llvm.getelementptr %[[P]][544]
  // CHECK:      llvm.getelementptr %[[P]][256]
  // CHECK:      llvm.getelementptr %[[P]][768]
  gpu.func @partial(%o: memref<1x1x?x128xbf16>, %address: index, %row: index) {
    %c0 = arith.constant 0 : index
    %zero = arith.constant dense<0.0> : vector<128x8xf32>
    hopper.store_partial %zero, %address[%c0, %c0, %c0, %row] of 3 like %o transposed : vector<128x8xf32>, memref<1x1x?x128xbf16>
    gpu.return
  }

  // Each of a thread's tokens goes to the block that owns it; the elements of one
  // are 8 and 64 columns apart.

  // CHECK-LABEL: gpu.func @push
  // CHECK:      mapa.shared::cluster
  // CHECK:      st.async.shared::cluster.mbarrier::complete_tx::bytes.f32 [$0+0], $1, [$2];
  // CHECK:      mapa.shared::cluster
  // CHECK:      st.async.shared::cluster.mbarrier::complete_tx::bytes.f32 [$0+0], $1, [$2];
  // CHECK-NEXT: st.async.shared::cluster.mbarrier::complete_tx::bytes.f32 [$0+32], $1, [$2];
  // CHECK-NOT:  mapa
  // CHECK:      bytes.f32 [$0+256], $1, [$2];
  // CHECK:      bytes.f32 [$0+288], $1, [$2];
  // CHECK:      gpu.return
  gpu.func @push(%o: memref<1x1x?x128xbf16>, %address: i32, %barrier: i32, %p: index, %row: index) {
    %zero = arith.constant dense<0.0> : vector<128x8xf32>
    %inbox = hopper.inbox_at %address, %barrier : !hopper.inbox<2 x 4x128>
    hopper.push %zero to %inbox[%p] row %row like %o transposed : vector<128x8xf32>, !hopper.inbox<2 x 4x128>, memref<1x1x?x128xbf16>
    gpu.return
  }
}
