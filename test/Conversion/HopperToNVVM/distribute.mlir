// RUN: flashmhf-opt %s --hopper-distribute --canonicalize --cse | FileCheck %s

!f32 = memref<1x4x?x8xf32>
!half = memref<1x4x?x48xbf16>

gpu.module @kernels {
  // Thread t holds rows 16 (t % 128 / 32) + t % 32 / 4 and that + 8, of every 8
  // columns 2 (t % 4) and the next: 4 of the 64 x 8 elements. Rows past the end
  // are read as 0, from row 0, and not written.

  // CHECK-LABEL: gpu.func @rows
  // CHECK-SAME: (%[[R:.*]]: memref<1x4x?x2xf32>, %[[B:.*]]: index, %[[H:.*]]: index, %[[FIRST:.*]]: index, %[[C:.*]]: index, %[[OUT:.*]]: memref<1x4x?x8xf32>)
  // CHECK-DAG:  %[[C4:.*]] = arith.constant 4 : index
  // CHECK-DAG:  %[[C8:.*]] = arith.constant 8 : index
  // CHECK-DAG:  %[[C16:.*]] = arith.constant 16 : index
  // CHECK-DAG:  %[[C32:.*]] = arith.constant 32 : index
  // CHECK-DAG:  %[[C128:.*]] = arith.constant 128 : index
  // CHECK-DAG:  %[[ZERO:.*]] = arith.constant 0.000000e+00 : f32
  // CHECK:      %[[T:.*]] = gpu.thread_id x
  // CHECK:      %[[IN_GROUP:.*]] = arith.remui %[[T]], %[[C128]]
  // CHECK:      %[[WARP:.*]] = arith.divui %[[IN_GROUP]], %[[C32]]
  // CHECK:      %[[WARP_ROW:.*]] = arith.muli %[[WARP]], %[[C16]]
  // CHECK:      %[[LANE:.*]] = arith.remui %[[T]], %[[C32]]
  // CHECK:      %[[LANE_ROW:.*]] = arith.divui %[[LANE]], %[[C4]]
  // CHECK:      %[[ROW:.*]] = arith.addi %[[WARP_ROW]], %[[LANE_ROW]]
  // CHECK:      %[[END:.*]] = memref.dim %[[R]], %c2
  // CHECK:      %[[ROW0:.*]] = arith.addi %[[FIRST]], %[[ROW]]
  // CHECK:      %[[IN0:.*]] = arith.cmpi ult, %[[ROW0]], %[[END]]
  // CHECK:      %[[ROW1:.*]] = arith.addi %[[ROW0]], %[[C8]]
  // CHECK:      %[[IN1:.*]] = arith.cmpi ult, %[[ROW1]], %[[END]]
  // CHECK:      %[[SAFE0:.*]] = arith.select %[[IN0]], %[[ROW0]], %c0
  // CHECK:      %[[LOADED0:.*]] = memref.load %[[R]][%[[B]], %[[H]], %[[SAFE0]], %[[C]]]
  // CHECK:      %[[R0:.*]] = arith.select %[[IN0]], %[[LOADED0]], %[[ZERO]]
  // CHECK:      %[[SAFE1:.*]] = arith.select %[[IN1]], %[[ROW1]], %c0
  // CHECK:      %[[LOADED1:.*]] = memref.load %[[R]][%[[B]], %[[H]], %[[SAFE1]], %[[C]]]
  // CHECK:      %[[R1:.*]] = arith.select %[[IN1]], %[[LOADED1]], %[[ZERO]]
  // CHECK:      %[[OIN0:.*]] = arith.cmpi ult, %[[ROW0]]
  // CHECK:      %[[OIN1:.*]] = arith.cmpi ult, %[[ROW1]]
  // CHECK:      %[[QUAD:.*]] = arith.remui %[[LANE]], %[[C4]]
  // CHECK:      %[[PAIR:.*]] = arith.muli %[[QUAD]], %{{.*}}
  // CHECK:      %[[COL0:.*]] = arith.addi %[[C]], %[[PAIR]]
  // CHECK:      %[[COL1:.*]] = arith.addi %[[COL0]], %c1
  // CHECK:      %[[S00:.*]] = arith.mulf %{{.*}}, %[[R0]] : f32
  // CHECK-NEXT: %[[S01:.*]] = arith.mulf %{{.*}}, %[[R0]] : f32
  // CHECK-NEXT: %[[S10:.*]] = arith.mulf %{{.*}}, %[[R1]] : f32
  // CHECK-NEXT: %[[S11:.*]] = arith.mulf %{{.*}}, %[[R1]] : f32
  // CHECK-NEXT: scf.if %[[OIN0]] {
  // CHECK-NEXT:   memref.store %[[S00]], %[[OUT]][%[[B]], %[[H]], %[[ROW0]], %[[COL0]]]
  // CHECK-NEXT:   memref.store %[[S01]], %[[OUT]][%[[B]], %[[H]], %[[ROW0]], %[[COL1]]]
  // CHECK-NEXT: }
  // CHECK-NEXT: scf.if %[[OIN1]] {
  // CHECK-NEXT:   memref.store %[[S10]], %[[OUT]][%[[B]], %[[H]], %[[ROW1]], %[[COL0]]]
  // CHECK-NEXT:   memref.store %[[S11]], %[[OUT]][%[[B]], %[[H]], %[[ROW1]], %[[COL1]]]
  // CHECK-NEXT: }
  // CHECK-NEXT: gpu.return
  gpu.func @rows(%r: memref<1x4x?x2xf32>, %b: index, %h: index, %row: index, %c: index, %out: !f32) {
    %rows = hopper.load_rows %r[%b, %h, %row, %c] : memref<1x4x?x2xf32> -> vector<64xf32>
    %0 = hopper.load %out[%b, %h, %row, %c] : !f32 -> vector<64x8xf32>
    %1 = hopper.row_scale %0, %rows : vector<64x8xf32>, vector<64xf32>
    hopper.store %1, %out[%b, %h, %row, %c] : vector<64x8xf32>, !f32
    gpu.return
  }

  // Registers of columns follow one another: 4 for each 8 columns.

  // CHECK-LABEL: gpu.func @columns
  // CHECK:      %[[X4:.*]] = arith.mulf %[[Y:.*]], %[[Y]]
  // CHECK-COUNT-3: arith.mulf
  // CHECK-NOT:  arith.mulf
  // CHECK:      memref.store %[[X4]]
  gpu.func @columns(%i: index, %out: memref<1x4x?x16xf32>) {
    %0 = hopper.load %out[%i, %i, %i, %i] : memref<1x4x?x16xf32> -> vector<64x16xf32>
    %1 = vector.extract_strided_slice %0 {offsets = [0, 8], sizes = [64, 8], strides = [1, 1]} : vector<64x16xf32> to vector<64x8xf32>
    %2 = arith.mulf %1, %1 : vector<64x8xf32>
    %3 = vector.insert_strided_slice %2, %0 {offsets = [0, 0], strides = [1, 1]} : vector<64x8xf32> into vector<64x16xf32>
    hopper.store %3, %out[%i, %i, %i, %i] : vector<64x16xf32>, memref<1x4x?x16xf32>
    gpu.return
  }

  // Rows are added, each times its factor, in one branch for all of them.

  // CHECK-LABEL: gpu.func @added
  // CHECK-SAME: %[[C:[^ ]*]]: i1)
  // CHECK:      %[[SUM:.*]]:4 = scf.if %[[C]] -> (f32, f32, f32, f32) {
  // CHECK-NEXT:   %[[S0:.*]] = llvm.intr.fma(%[[X:.*]], %[[R0:.*]], %[[X]])
  // CHECK-NEXT:   %[[S1:.*]] = llvm.intr.fma(%{{.*}}, %[[R0]], %{{.*}})
  // CHECK-NEXT:   %[[S2:.*]] = llvm.intr.fma(%{{.*}}, %[[R1:.*]], %{{.*}})
  // CHECK-NEXT:   %[[S3:.*]] = llvm.intr.fma(%{{.*}}, %[[R1]], %{{.*}})
  // CHECK-NEXT:   scf.yield %[[S0]], %[[S1]], %[[S2]], %[[S3]]
  // CHECK-NEXT: } else {
  // CHECK-NEXT:   scf.yield %[[X]],
  // CHECK:      memref.store %[[SUM]]#0
  gpu.func @added(%r: memref<1x4x?x2xf32>, %i: index, %out: !f32, %c: i1) {
    %rows = hopper.load_rows %r[%i, %i, %i, %i] : memref<1x4x?x2xf32> -> vector<64xf32>
    %0 = hopper.load %out[%i, %i, %i, %i] : !f32 -> vector<64x8xf32>
    %1 = hopper.add_scaled %0, %0, %rows if %c : vector<64x8xf32>, vector<64xf32>
    hopper.store %1, %out[%i, %i, %i, %i] : vector<64x8xf32>, !f32
    gpu.return
  }

  // 64 x 48 in 16 bits: each lane of a quad has 4 words of every 32 columns,
  // which two rounds of exchanges turn into 16 contiguous bytes. Of the last 16
  // columns only lanes 0 and 1 store.

  // CHECK-LABEL: gpu.func @halves
  // CHECK-SAME: (%[[B:.*]]: index, %[[H:.*]]: index, %[[FIRST:.*]]: index, %[[C:.*]]: index, %[[OUT:.*]]: memref<1x4x?x48xbf16>)
  // CHECK:      %[[IN0:.*]] = arith.cmpi ult, %[[ROW0:.*]], %{{.*}} : index
  // CHECK:      %[[IN1:.*]] = arith.cmpi ult, %[[ROW1:.*]], %{{.*}} : index
  // CHECK-COUNT-24: memref.load
  // CHECK-NOT:  memref.load
  // CHECK:      %[[QUAD:.*]] = arith.index_cast
  // CHECK:      %[[COLUMN:.*]] = arith.addi %[[C]], %{{.*}}
  // CHECK:      memref.extract_strided_metadata %[[OUT]]
  // CHECK:      %[[POINTER:.*]] = llvm.inttoptr %{{.*}} : i64 to !llvm.ptr<1>
  // CHECK:      %[[BIT0:.*]] = arith.andi %[[QUAD]], %c1_i32
  // CHECK:      %[[ODD:.*]] = arith.cmpi ne, %[[BIT0]], %c0_i32
  // CHECK:      %[[SENT:.*]] = arith.select %[[ODD]], %[[LOW:.*]], %[[HIGH:.*]] : i32
  // CHECK:      %[[RECEIVED:.*]] = nvvm.shfl.sync bfly %{{.*}}, %[[SENT]], %c1_i32, %{{.*}}
  // CHECK:      arith.select %[[ODD]], %[[RECEIVED]], %[[LOW]]
  // CHECK:      arith.select %[[ODD]], %[[HIGH]], %[[RECEIVED]]
  // CHECK:      nvvm.shfl.sync bfly %{{.*}}, %{{.*}}, %c1_i32
  // CHECK:      %[[BIT1:.*]] = arith.andi %[[QUAD]], %c2_i32
  // CHECK-COUNT-2: nvvm.shfl.sync bfly %{{.*}}, %{{.*}}, %c2_i32
  // CHECK-NOT:  nvvm.shfl
  // CHECK:      llvm.inline_asm has_side_effects {{.*}}"@$5 st.global.v4.b32 [$0], {$1, $2, $3, $4};", "l,r,r,r,r,b,~{memory}" %[[POINTER]], %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %[[IN0]]
  // CHECK:      %[[SHORT:.*]] = arith.cmpi ult, %[[QUAD]], %c2_i32
  // CHECK:      %[[STORES:.*]] = arith.andi %[[IN0]], %[[SHORT]]
  // CHECK:      %[[NEXT:.*]] = llvm.getelementptr %[[POINTER]][64]
  // CHECK:      llvm.inline_asm {{.*}} %[[NEXT]], %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %[[STORES]]
  // CHECK:      st.global.v4.b32{{.*}}, %[[IN1]] :
  // CHECK:      %[[STORES1:.*]] = arith.andi %[[IN1]], %[[SHORT]]
  // CHECK:      st.global.v4.b32{{.*}}, %[[STORES1]] :
  // CHECK-NEXT: gpu.return
  gpu.func @halves(%b: index, %h: index, %row: index, %c: index, %out: !half) {
    %0 = hopper.load %out[%b, %h, %row, %c] : !half -> vector<64x48xbf16>
    hopper.store %0, %out[%b, %h, %row, %c] : vector<64x48xbf16>, !half
    gpu.return
  }

  // One scalar operation for each of the 4 elements; tanh is an instruction, and
  // so is fma. A splat is one constant.

  // CHECK-LABEL: gpu.func @elementwise
  // CHECK:      %[[TWO:.*]] = arith.constant 2.000000e+00 : f32
  // CHECK:      %[[X:.*]] = arith.select
  // CHECK-COUNT-4: arith.mulf %{{.*}}, %[[TWO]] : f32
  // CHECK-NOT:  arith.mulf
  // CHECK-COUNT-4: llvm.inline_asm asm_dialect = att "tanh.approx.f32 $0, $1;", "=f,f" %{{.*}} : (f32) -> f32
  // CHECK-NOT:  tanh
  // CHECK-COUNT-4: llvm.intr.fma
  // CHECK-NOT:  llvm.intr.fma
  // CHECK:      llvm.inline_asm has_side_effects {{.*}} "", "=f,=f,=f,=f,0,1,2,3,~{memory}"
  gpu.func @elementwise(%i: index, %out: !f32) {
    %two = arith.constant dense<2.0> : vector<64x8xf32>
    %x = hopper.load %out[%i, %i, %i, %i] : !f32 -> vector<64x8xf32>
    %y = arith.mulf %x, %two : vector<64x8xf32>
    %t = math.tanh %y : vector<64x8xf32>
    %f = math.fma %t, %y, %y : vector<64x8xf32>
    %z = hopper.anchor %f : vector<64x8xf32>
    hopper.store %z, %out[%i, %i, %i, %i] : vector<64x8xf32>, !f32
    gpu.return
  }

  // 16-bit words hold two neighbours, the first in the low half.

  // CHECK-LABEL: gpu.func @round
  // CHECK:      %[[X0:.*]] = arith.select %{{.*}}, %{{.*}}, %{{.*}} : f32
  // CHECK:      %[[X1:.*]] = arith.select %{{.*}}, %{{.*}}, %{{.*}} : f32
  // CHECK:      %[[PACKED:.*]] = llvm.inline_asm asm_dialect = att "cvt.rn.f16x2.f32 $0, $1, $2;", "=r,f,f" %[[X1]], %[[X0]] : (f32, f32) -> i32
  // CHECK:      %[[PAIR:.*]] = llvm.bitcast %[[PACKED]] : i32 to vector<2xf16>
  // CHECK:      %[[E0:.*]] = llvm.extractelement %[[PAIR]][%[[AT0:.*]] : i32]
  // CHECK:      %[[Y0:.*]] = arith.extf %[[E0]] : f16 to f32
  // CHECK:      %[[E1:.*]] = llvm.extractelement %[[PAIR]][%[[AT1:.*]] : i32]
  // CHECK:      %[[Y1:.*]] = arith.extf %[[E1]] : f16 to f32
  // CHECK:      memref.store %[[Y0]]
  // CHECK-NEXT: memref.store %[[Y1]]
  gpu.func @round(%i: index, %out: !f32) {
    %x = hopper.load %out[%i, %i, %i, %i] : !f32 -> vector<64x8xf32>
    %y = arith.truncf %x : vector<64x8xf32> to vector<64x8xf16>
    %z = arith.extf %y : vector<64x8xf16> to vector<64x8xf32>
    hopper.store %z, %out[%i, %i, %i, %i] : vector<64x8xf32>, !f32
    gpu.return
  }

  // What a loop carries is carried in as many scalars.

  // CHECK-LABEL: gpu.func @loop
  // CHECK: scf.for {{.*}} -> (f32, f32, f32, f32) {
  gpu.func @loop(%i: index, %n: index, %out: !f32) {
    %x = hopper.load %out[%i, %i, %i, %i] : !f32 -> vector<64x8xf32>
    %y = scf.for %f = %i to %n step %i iter_args(%a = %x) -> vector<64x8xf32> {
      %b = arith.mulf %a, %a : vector<64x8xf32>
      scf.yield %b : vector<64x8xf32>
    }
    hopper.store %y, %out[%i, %i, %i, %i] : vector<64x8xf32>, !f32
    gpu.return
  }

  // One lane of each warp gives a slot back.

  // CHECK-LABEL: gpu.func @release
  // CHECK-SAME: (%{{.*}}: i32, %[[EMPTY:.*]]: i32)
  // CHECK:      %[[LANE:.*]] = arith.remui %{{.*}}, %c32
  // CHECK:      %[[IS_FIRST:.*]] = arith.cmpi eq, %[[LANE]], %c0
  // CHECK:      llvm.inline_asm has_side_effects {{.*}}"@$1 mbarrier.arrive.shared::cta.b64 _, [$0];", "r,b,~{memory}" %[[EMPTY]], %[[IS_FIRST]]
  gpu.func @release(%address: i32, %empty: i32) {
    %s = hopper.slot_at %address, %empty : !hopper.slot<16x64xbf16>
    hopper.release %s : !hopper.slot<16x64xbf16>
    gpu.return
  }

  // Every thread of the consumer scales 16 bytes in each round of 2048; products
  // read the tile by another way, and wait for all of them.

  // CHECK-LABEL: gpu.func @scale
  // CHECK-SAME: (%[[ADDRESS:.*]]: i32, %{{.*}}: i32)
  // CHECK:      %[[THREAD:.*]] = arith.index_cast %{{.*}} : index to i32
  // CHECK:      %[[CONSUMER:.*]] = arith.divui %[[THREAD]], %c128
  // CHECK:      %[[IN:.*]] = arith.remui %[[THREAD]], %c128
  // CHECK:      %[[BYTES:.*]] = arith.muli %[[IN]], %c16
  // CHECK:      %[[FIRST:.*]] = arith.addi %[[ADDRESS]], %[[BYTES]]
  // CHECK:      llvm.inline_asm has_side_effects {{.*}}mov.b32 s, 1056980736;\0Ald.shared.v4.b32 {x0, x1, x2, x3}, [$0];\0Amul.rn.bf16x2 x0, x0, s;{{.*}}st.shared.v4.b32 [$0], {x0, x1, x2, x3};
  // CHECK:      ld.shared
  // CHECK-NOT:  ld.shared
  // CHECK:      llvm.inline_asm has_side_effects {{.*}}"fence.proxy.async.shared::cta;"
  // CHECK:      %[[ID:.*]] = arith.addi %[[CONSUMER]], %c8
  // CHECK:      llvm.inline_asm has_side_effects {{.*}}"bar.sync $0, 128;", "r,~{memory}" %[[ID]]
  gpu.func @scale(%address: i32, %empty: i32) {
    %s = hopper.slot_at %address, %empty : !hopper.slot<64x32xbf16>
    hopper.scale %s, 0.5 : !hopper.slot<64x32xbf16>
    gpu.return
  }

  // The rows of a warp, in the order of the A operand of a product. Of panels of 64
  // bytes two rows are in 128, by which their chunks of 16 bytes are swizzled.

  // CHECK-LABEL: gpu.func @read
  // CHECK-SAME:  (%[[ADDRESS:[^ ]*]]: i32,
  // CHECK:       %[[THREAD:.*]] = arith.index_cast
  // CHECK:       %[[LANE:.*]] = arith.andi %{{.*}}, %c15
  // CHECK:       %[[WARP:.*]] = arith.muli %{{.*}}, %c16
  // CHECK:       %[[ROW:.*]] = arith.addi %[[LANE]], %[[WARP]]
  // CHECK:       %[[PAIR:.*]] = arith.divui %[[ROW]], %c2
  // CHECK:       %[[SWIZZLE:.*]] = arith.andi %[[PAIR]], %c3
  // CHECK:       %[[CHUNK:.*]] = arith.xori %{{.*}}, %[[SWIZZLE]]
  // CHECK:       %[[IN_ROW:.*]] = arith.muli %[[CHUNK]], %c16
  // CHECK:       %[[ROWS:.*]] = arith.muli %[[ROW]], %c64
  // CHECK:       %[[FIRST:.*]] = arith.addi %[[ADDRESS]], %[[ROWS]]
  // CHECK:       ldmatrix.sync.aligned.m8n8.x4.shared::cta.b16 {$0, $1, $2, $3}, [$4];
  // CHECK:       %[[NEXT:.*]] = arith.xori %[[IN_ROW]], %c32
  // CHECK:       arith.addi %[[FIRST]], %[[NEXT]]
  // CHECK:       ldmatrix
  // CHECK-NOT:   ldmatrix
  // CHECK:       fence.proxy.async.shared::cta
  // CHECK:       wgmma.mma_async
  gpu.func @read(%address: i32, %empty: i32, %b: i32) {
    %s = hopper.slot_at %address, %empty : !hopper.slot<64x32xbf16>
    %k = hopper.slot_at %b, %empty : !hopper.slot<16x32xbf16>
    %a = hopper.read %s : !hopper.slot<64x32xbf16> -> vector<64x32xbf16>
    %p = hopper.wgmma %a, %k transpose_b : vector<64x32xbf16>, !hopper.slot<16x32xbf16> -> !hopper.inflight<vector<64x16xf32> reads vector<64x32xbf16>>
    gpu.return
  }

  // A block of one tile fills the slot once: nothing is to be kept behind the loads.

  // CHECK-LABEL: gpu.func @read_once
  // CHECK:       ldmatrix
  // CHECK-NOT:   fence.proxy
  // CHECK:       gpu.return
  gpu.func @read_once(%address: i32, %empty: i32, %b: i32) attributes {flashmhf.schedule = #flashmhf.schedule<>} {
    %s = hopper.slot_at %address, %empty : !hopper.slot<64x32xbf16>
    %k = hopper.slot_at %b, %empty : !hopper.slot<16x32xbf16>
    %a = hopper.read %s : !hopper.slot<64x32xbf16> -> vector<64x32xbf16>
    %p = hopper.wgmma %a, %k transpose_b : vector<64x32xbf16>, !hopper.slot<16x32xbf16> -> !hopper.inflight<vector<64x16xf32> reads vector<64x32xbf16>>
    gpu.return
  }
}
