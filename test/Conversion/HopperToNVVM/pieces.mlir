// RUN: flashmhf-opt %s --hopper-lower-warpgroups --split-input-file | FileCheck %s --check-prefix=MEET
// RUN: flashmhf-opt %s --hopper-lower-warpgroups --hopper-distribute --canonicalize --cse | FileCheck %s

gpu.module @kernels {
  // One thread counts for each of two consumers, after the stores of its 128
  // threads. Where all three pieces are there it waits for the end of the round
  // that it has found at the start, else it tells the others whether it was the
  // last.

  // MEET-LABEL: gpu.func @meet
  // MEET-SAME: (%[[COUNTERS:.*]]: index, %[[TILE:.*]]: index, %[[P:.*]]: index, %[[RESIDENT:.*]]: index
  // MEET:      %[[WARPGROUP:.*]] = nvvm.shfl.sync
  // MEET:      setmaxregister increase
  // MEET:      %[[OFTILE:.*]] = arith.muli %[[TILE]], %c2
  // MEET:      %[[CONSUMER:.*]] = arith.index_castui %[[WARPGROUP]]
  // MEET:      %[[NUMBER:.*]] = arith.addi %[[OFTILE]], %[[CONSUMER]]
  // MEET:      %[[OFFSET:.*]] = arith.muli %[[NUMBER]], %c8
  // MEET:      arith.addi %[[COUNTERS]], %[[OFFSET]]
  // MEET:      %[[FOUND:.*]] = llvm.inline_asm {{.*}} "@$2 ld.relaxed.gpu.global.u64 $0, [$1];"
  // MEET:      %[[COUNT:.*]] = arith.index_castui %[[FOUND]] : i64 to index
  // MEET:      %[[ID:.*]] = arith.addi %[[WARPGROUP]], %c8_i32
  // MEET:      %[[ALL:.*]] = arith.cmpi ne, %[[RESIDENT]], %c0
  // MEET:      llvm.inline_asm has_side_effects {{.*}} "bar.sync $0, 128;", {{.*}} %[[ID]]
  // MEET:      scf.if %[[ALL]] -> (index, index) {
  // MEET:        scf.if
  // MEET:          %[[ROUND:.*]] = arith.divui %[[COUNT]], %c3
  // MEET:          %[[NEXT:.*]] = arith.addi %[[ROUND]], %c1
  // MEET:          %[[TARGET:.*]] = arith.muli %[[NEXT]], %c3
  // MEET:          llvm.inline_asm {{.*}} "red.release.gpu.global.add.u64 [$0], 1;"
  // MEET:          %[[WORD:.*]] = arith.index_castui %[[TARGET]]
  // MEET:          llvm.inline_asm {{.*}}ld.acquire.gpu.global.u64{{.*}} %[[WORD]]
  // MEET:        }
  // MEET:        llvm.inline_asm has_side_effects {{.*}} "bar.sync $0, 128;", {{.*}} %[[ID]]
  // MEET:        scf.yield %[[P]], %c3
  // MEET:      } else {
  // MEET:        %[[LAST:.*]] = scf.if %{{.*}} -> (i1) {
  // MEET:          llvm.inline_asm {{.*}} "atom.add.acq_rel.gpu.global.u64 $0, [$1], 1;"
  // MEET:          %[[LEFT:.*]] = arith.remui %{{.*}}, %c3
  // MEET:          arith.cmpi eq, %[[LEFT]], %c0
  // MEET:        %[[ANY:.*]] = llvm.inline_asm {{.*}}barrier.cta.red.or.pred any, $1, 128, $2{{.*}} %[[ID]], %[[LAST]]
  // MEET:        %[[IS:.*]] = arith.trunci %[[ANY]]
  // MEET:        %[[ALONE:.*]] = arith.select %[[IS]], %c0{{.*}}, %c1048576
  // MEET:        scf.yield %[[ALONE]], %c1
  gpu.func @meet(%counters: index, %tile: index, %p: index, %resident: index, %out: memref<2xindex>) kernel {
    hopper.warpgroups producer registers 24 {
    } consumers 2 registers 240 {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %count = hopper.arrivals %counters[%tile]
      %first, %step = hopper.meet %counters[%tile] after %count piece %p of 3 resident %resident
      memref.store %first, %out[%c0] : memref<2xindex>
      memref.store %step, %out[%c1] : memref<2xindex>
    }
    gpu.return
  }

  // Of each of the thread's rows two elements of each of two groups of columns.
  // Neighbours trade, so that an even lane has four columns of the first group
  // and an odd one of the second, at ((p B + b) H + h) L + row.

  // CHECK-LABEL: gpu.func @store
  // CHECK-SAME: (%[[V:.*]]: memref<?x4x?x16xf32>, %[[A:.*]]: index, %[[P:.*]]: index, %[[B:.*]]: index, %[[H:.*]]: index, %[[ROW:.*]]: index, %[[O:.*]]: memref
  // CHECK-COUNT-8: memref.load %[[V]]
  // CHECK:      %[[LANE:.*]] = arith.index_cast %{{.*}} : index to i32
  // CHECK:      %[[BIT:.*]] = arith.andi %[[LANE]], %c1_i32
  // CHECK:      %[[ODD:.*]] = arith.cmpi ne, %[[BIT]], %c0_i32
  // CHECK:      %[[GROUP:.*]] = arith.select %[[ODD]], %c8, %c0
  // CHECK:      %[[BIT2:.*]] = arith.andi %[[LANE]], %c2_i32
  // CHECK:      %[[HIGH:.*]] = arith.cmpi ne, %[[BIT2]], %c0_i32
  // CHECK:      %[[HALF:.*]] = arith.select %[[HIGH]], %c4, %c0
  // CHECK:      %[[COLUMN:.*]] = arith.addi %[[GROUP]], %[[HALF]]
  // CHECK:      %[[SIZE:.*]] = memref.dim %[[O]], %c0
  // CHECK:      %[[PB:.*]] = arith.muli %[[P]], %[[SIZE]]
  // CHECK:      %[[PB1:.*]] = arith.addi %[[PB]], %[[B]]
  // CHECK:      %[[PBH:.*]] = arith.muli %[[PB1]], %c4
  // CHECK:      %[[PBH1:.*]] = arith.addi %[[PBH]], %[[H]]
  // CHECK:      %[[PBHL:.*]] = arith.muli %[[PBH1]], %[[L:.*]] : index
  // CHECK:      %[[PBHL0:.*]] = arith.addi %[[PBHL]], %[[R0:.*]] : index
  // CHECK:      %[[BYTES:.*]] = arith.muli %[[PBHL0]], %c64
  // CHECK:      arith.muli %[[COLUMN]], %c4
  // CHECK:      %[[SENT0:.*]] = arith.select %[[ODD]], %[[LOW0:.*]], %[[HIGH0:.*]] : f32
  // CHECK:      %[[GOT0:.*]] = nvvm.shfl.sync {{ *}}bfly %{{.*}}, %[[SENT0]], %c1_i32
  // CHECK:      %[[SENT1:.*]] = arith.select %[[ODD]], %[[LOW1:.*]], %[[HIGH1:.*]] : f32
  // CHECK:      %[[GOT1:.*]] = nvvm.shfl.sync {{ *}}bfly %{{.*}}, %[[SENT1]], %c1_i32
  // CHECK:      %[[W0:.*]] = arith.select %[[ODD]], %[[GOT0]], %[[LOW0]]
  // CHECK:      %[[W1:.*]] = arith.select %[[ODD]], %[[GOT1]], %[[LOW1]]
  // CHECK:      %[[W2:.*]] = arith.select %[[ODD]], %[[HIGH0]], %[[GOT0]]
  // CHECK:      %[[W3:.*]] = arith.select %[[ODD]], %[[HIGH1]], %[[GOT1]]
  // CHECK:      llvm.inline_asm has_side_effects {{.*}} "@$5 st.global.v4.b32 [$0], {$1, $2, $3, $4};", {{.*}} %{{.*}}, %[[W0]], %[[W1]], %[[W2]], %[[W3]], %[[IN0:.*]] :
  // CHECK:      llvm.inline_asm {{.*}}st.global.v4.b32
  // CHECK-NOT:  llvm.inline_asm
  gpu.func @store(%v: memref<?x4x?x16xf32>, %a: index, %p: index, %b: index, %h: index, %row: index, %o: memref<?x4x?x16xbf16>) kernel {
    %c0 = arith.constant 0 : index
    %acc = hopper.load %v[%b, %h, %row, %c0] : memref<?x4x?x16xf32> -> vector<64x16xf32>
    hopper.store_partial %acc, %a[%p, %b, %h, %row] of 3 like %o : vector<64x16xf32>, memref<?x4x?x16xbf16>
    gpu.return
  }

  // 4 groups of 4 columns a row: the three loads first, then the sums in order,
  // then what is there, one rounding.

  // CHECK-LABEL: gpu.func @sum
  // CHECK:      %[[THREAD:.*]] = arith.remui %{{.*}}, %c128
  // CHECK:      %[[END:.*]] = arith.minui
  // CHECK:      scf.for %[[ITEM:.*]] = %[[THREAD]] to %{{.*}} step %c128 {
  // CHECK:        arith.divui %[[ITEM]], %c4
  // CHECK:        arith.remui %[[ITEM]], %c4
  // CHECK:        %[[P0:.*]] = llvm.inline_asm has_side_effects {{.*}} "ld.relaxed.gpu.global.v4.f32 {$0, $1, $2, $3}, [$4];"
  // CHECK:        %[[V0:.*]] = llvm.extractvalue %[[P0]][0]
  // CHECK:        %[[P1:.*]] = llvm.inline_asm {{.*}} "ld.relaxed
  // CHECK:        %[[V1:.*]] = llvm.extractvalue %[[P1]][0]
  // CHECK:        %[[P2:.*]] = llvm.inline_asm {{.*}} "ld.relaxed
  // CHECK:        %[[V2:.*]] = llvm.extractvalue %[[P2]][0]
  // CHECK:        %[[S1:.*]] = arith.addf %[[V0]], %[[V1]]
  // CHECK:        %[[S2:.*]] = arith.addf %[[S1]], %[[V2]]
  // CHECK:        %[[OLD:.*]] = memref.load
  // CHECK:        %[[WIDE:.*]] = arith.extf %[[OLD]] : bf16 to f32
  // CHECK:        %[[SUM:.*]] = arith.addf %[[WIDE]], %[[S2]]
  // CHECK:        llvm.inline_asm {{.*}}cvt.rn.bf16x2.f32{{.*}} %{{.*}}, %[[SUM]]
  // CHECK:        llvm.inline_asm {{.*}}st.global.v2.b32
  gpu.func @sum(%a: index, %b: index, %h: index, %row: index, %first: index, %step: index, %o: memref<?x4x?x16xbf16>) kernel {
    hopper.sum_partials %a of 3 into %o[%b, %h, %row] rows 64 from %first step %step accumulate : memref<?x4x?x16xbf16>
    gpu.return
  }

  // CHECK-LABEL: gpu.func @other_kernels
  // CHECK-NEXT: nvvm.griddepcontrol {{.*}}launch_dependents
  // CHECK-NEXT: nvvm.griddepcontrol {{.*}}wait
  gpu.func @other_kernels() kernel {
    hopper.launch_dependents
    hopper.wait_predecessor
    gpu.return
  }

  // CHECK-LABEL: gpu.func @select
  // CHECK-SAME: (%[[C:.*]]: i1
  // CHECK-COUNT-2: arith.select %[[C]], %{{.*}}, %{{.*}} : f32
  gpu.func @select(%c: i1, %r: memref<1x1x?x2xf32>, %i: index, %j: index, %o: memref<1x1x?x8xf32>) kernel {
    %c0 = arith.constant 0 : index
    %one = arith.constant dense<1.0> : vector<64x8xf32>
    %a = hopper.load_rows %r[%c0, %c0, %i, %c0] : memref<1x1x?x2xf32> -> vector<64xf32>
    %b = hopper.load_rows %r[%c0, %c0, %j, %c0] : memref<1x1x?x2xf32> -> vector<64xf32>
    %s = arith.select %c, %a, %b : vector<64xf32>
    %x = hopper.row_scale %one, %s : vector<64x8xf32>, vector<64xf32>
    hopper.store %x, %o[%c0, %c0, %i, %c0] : vector<64x8xf32>, memref<1x1x?x8xf32>
    gpu.return
  }
}
