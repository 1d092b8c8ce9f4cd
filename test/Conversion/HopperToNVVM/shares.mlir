// RUN: flashmhf-opt %s --hopper-distribute --canonicalize --cse | FileCheck %s

gpu.module @kernels {
  // Two units: what the thread has of its first row, and of its second, without
  // a trade between lanes. The tile has its place to itself where all of its
  // rows exist, else units lie in rows of 64 bytes. Unit u is of share u mod 3.

  // CHECK-LABEL: gpu.func @store
  // CHECK-SAME: %[[ROW:[a-z0-9]+]]: index, %[[SHARE:[a-z0-9]+]]: index, %[[O:[a-z0-9]+]]: memref<?x4x?x16xbf16>) kernel
  // CHECK:      %[[THREAD:.*]] = arith.remui %{{.*}}, %c128
  // CHECK-COUNT-8: memref.load
  // CHECK:      %[[TOKENS:.*]] = memref.dim %[[O]], %c2
  // CHECK:      %[[IN0:.*]] = arith.cmpi ult, %{{.*}}, %[[TOKENS]]
  // CHECK:      %[[IN1:.*]] = arith.cmpi ult, %{{.*}}, %[[TOKENS]]
  // CHECK:      %[[END:.*]] = arith.addi %[[ROW]], %c64
  // CHECK:      %[[WHOLE:.*]] = arith.cmpi ule, %[[END]], %[[TOKENS]]
  // CHECK:      arith.select %[[WHOLE]], %[[ROW]], %{{.*}} : index
  // CHECK:      %[[QUAD:.*]] = arith.remui %[[THREAD]], %c4
  // CHECK:      %[[PLACE:.*]] = arith.select %[[WHOLE]], %[[THREAD]], %[[QUAD]]
  // CHECK:      %[[BYTES:.*]] = arith.muli %[[PLACE]], %c16
  // CHECK:      %[[FIRST:.*]] = arith.addi %{{.*}}, %[[BYTES]]
  // CHECK:      %[[STEP:.*]] = arith.select %[[WHOLE]], %c2048, %c512
  // CHECK:      %[[NOT0:.*]] = arith.cmpi ne, %[[SHARE]], %c0
  // CHECK:      %[[NOT1:.*]] = arith.cmpi ne, %[[SHARE]], %c1
  // CHECK-NOT:  shfl
  // CHECK:      %[[IF0:.*]] = arith.andi %[[IN0]], %[[NOT0]]
  // CHECK:      llvm.inline_asm {{.*}}"@$5 st.global.v4.b32 [$0], {$1, $2, $3, $4};"{{.*}}, %[[IF0]] :
  // CHECK:      arith.addi %[[FIRST]], %[[STEP]]
  // CHECK:      %[[IF1:.*]] = arith.andi %[[IN1]], %[[NOT1]]
  // CHECK:      llvm.inline_asm {{.*}}st.global.v4.b32{{.*}}, %[[IF1]] :
  // CHECK-NOT:  llvm.inline_asm
  gpu.func @store(%v: memref<?x4x?x16xf32>, %a: index, %p: index, %b: index, %h: index, %row: index, %share: index, %o: memref<?x4x?x16xbf16>) kernel {
    %c0 = arith.constant 0 : index
    %acc = hopper.load %v[%b, %h, %row, %c0] : memref<?x4x?x16xf32> -> vector<64x16xf32>
    hopper.store_partial %acc, %a[%p, %b, %h, %row] of 3 like %o except %share : vector<64x16xf32>, memref<?x4x?x16xbf16>
    gpu.return
  }

  // One share: piece 2 has none of the two units. What the piece itself has takes
  // the place of its load; sums are in the order of the pieces, then come a trade
  // and one rounding. All shares: all pieces are loaded.

  // CHECK-LABEL: gpu.func @sum
  // CHECK-SAME: %[[P:[a-z0-9]+]]: index, %{{[a-z0-9]+}}: index, %{{[a-z0-9]+}}: index, %{{[a-z0-9]+}}: index, %[[FIRST:[a-z0-9]+]]: index, %[[STEP:[a-z0-9]+]]: index, %[[O:[a-z0-9]+]]: memref<?x4x?x16xbf16>) kernel
  // CHECK:      %[[ONE:.*]] = arith.cmpi eq, %[[STEP]], %c3
  // CHECK:      scf.if %[[ONE]] {
  // CHECK:        %[[EXISTS:.*]] = arith.cmpi ult, %[[FIRST]], %c2
  // CHECK:        %[[SECOND:.*]] = arith.cmpi eq, %[[FIRST]], %c1
  // CHECK:        %[[OWN:.*]] = arith.select %[[SECOND]], %{{.*}} : f32
  // CHECK:        %[[IS:.*]] = arith.andi %{{.*}}, %[[EXISTS]]
  // CHECK:        %[[OTHER0:.*]] = arith.cmpi ne, %[[P]], %c0
  // CHECK:        %[[LOADS0:.*]] = arith.andi %[[IS]], %[[OTHER0]]
  // CHECK:        %[[L0:.*]] = llvm.inline_asm {{.*}} "@$5 ld.relaxed.gpu.global.v4.f32 {$0, $1, $2, $3}, [$4];"{{.*}} %[[LOADS0]], %[[OWN]],
  // CHECK:        %[[V0:.*]] = llvm.extractvalue %[[L0]][0]
  // CHECK:        %[[OTHER1:.*]] = arith.cmpi ne, %[[P]], %c1
  // CHECK:        %[[LOADS1:.*]] = arith.andi %[[IS]], %[[OTHER1]]
  // CHECK:        %[[L1:.*]] = llvm.inline_asm {{.*}} %[[LOADS1]], %[[OWN]],
  // CHECK:        %[[V1:.*]] = llvm.extractvalue %[[L1]][0]
  // CHECK:        %[[L2:.*]] = llvm.inline_asm {{.*}} %[[OWN]],
  // CHECK:        %[[V2:.*]] = llvm.extractvalue %[[L2]][0]
  // CHECK:        %[[S1:.*]] = arith.addf %[[V0]], %[[V1]]
  // CHECK:        arith.addf %[[S1]], %[[V2]]
  // CHECK-COUNT-2: nvvm.shfl.sync
  // CHECK:        scf.if %[[IS]] {
  // CHECK-COUNT-4: memref.load %[[O]]
  // CHECK:          llvm.inline_asm {{.*}}st.global.v2.b32
  // CHECK:      } else {
  // CHECK:        scf.for %{{.*}} = %[[FIRST]] to %c2 step %[[STEP]] {
  // CHECK-COUNT-3: ld.relaxed.gpu.global.v4.f32
  // CHECK-COUNT-2: nvvm.shfl.sync
  // CHECK:          st.global.v2.b32
  gpu.func @sum(%v: memref<?x4x?x16xf32>, %a: index, %p: index, %b: index, %h: index, %row: index, %first: index, %step: index, %o: memref<?x4x?x16xbf16>) kernel {
    %c0 = arith.constant 0 : index
    %acc = hopper.load %v[%b, %h, %row, %c0] : memref<?x4x?x16xf32> -> vector<64x16xf32>
    hopper.sum_shares %acc, %a[%p] of 3 into %o[%b, %h, %row] from %first step %step accumulate : vector<64x16xf32>, memref<?x4x?x16xbf16>
    gpu.return
  }
}
