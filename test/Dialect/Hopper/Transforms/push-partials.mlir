// RUN: flashmhf-opt %s --hopper-push-partials | FileCheck %s

#push = #flashmhf.schedule<token_tile = 128, split = 6, push = true>
!o = memref<1x2x?x64xbf16>

gpu.module @kernels {
  // Two consumers of 64 rows each, dealt out to 6 pieces: at most 11. What is
  // expected is said while rows are on their way.

  // CHECK-LABEL: gpu.func @pieces
  // CHECK-SAME: (%[[R:.*]]: memref<1x2x?x1xf32>, %[[O:.*]]: memref<1x2x?x64xbf16>) kernel
  // CHECK:      %inbox = hopper.inbox : <6 x 11x64, parts 2>
  // CHECK-NEXT: hopper.warpgroups producer
  // CHECK:      %[[P:.*]] = arith.remui
  // CHECK:      %[[B:.*]], %[[H:.*]], %[[TILE:.*]] = hopper.tile_coordinates
  // CHECK-NEXT: %[[ROW:.*]] = arith.addi %[[TILE]]
  // CHECK-NEXT: hopper.load_rows
  // CHECK:      hopper.await_cluster
  // CHECK-NEXT: hopper.push %{{.*}} to %inbox[%[[P]]] row %[[ROW]] like %[[O]]
  // CHECK-NEXT: %[[N:.*]] = hopper.owned_rows %[[P]] of 6 in %[[O]][%[[ROW]]] rows 64
  // CHECK-NEXT: hopper.expect %inbox rows %[[N]]
  // CHECK-NEXT: hopper.sum_pushed %inbox into %[[O]][%[[B]], %[[H]], %[[ROW]]] piece %[[P]] rows %[[N]] accumulate
  // CHECK-NOT:  hopper.{{.*}}partial
  // CHECK-NOT:  hopper.meet
  gpu.func @pieces(%r: memref<1x2x?x1xf32>, %o: !o, %partials: index, %counters: index, %resident: index)
      kernel attributes {flashmhf.schedule = #push} {
    hopper.warpgroups producer registers 40 {
    } consumers 2 registers 232 {
      %c0 = arith.constant 0 : index
      %c6 = arith.constant 6 : index
      %c64 = arith.constant 64 : index
      %i = hopper.consumer_index : index
      %mine = arith.muli %i, %c64 : index
      %n = gpu.block_id x
      %p = arith.remui %n, %c6 : index
      %t = arith.divui %n, %c6 : index
      %b, %h, %tile = hopper.tile_coordinates %t of %o tiles [1, 1, 128] : !o
      %row = arith.addi %tile, %mine : index
      %rows = hopper.load_rows %r[%b, %h, %row, %c0] : memref<1x2x?x1xf32> -> vector<64xf32>
      %one = arith.constant dense<1.0> : vector<64x64xf32>
      %acc = hopper.row_scale %one, %rows : vector<64x64xf32>, vector<64xf32>
      hopper.store_partial %acc, %partials[%p, %b, %h, %row] of 6 like %o : vector<64x64xf32>, !o
      %count = hopper.arrivals %counters[%t]
      %first, %step = hopper.meet %counters[%t] after %count piece %p of 6 resident %resident
      hopper.sum_partials %partials of 6 into %o[%b, %h, %row] rows 64 from %first step %step accumulate : !o
    }
    gpu.return
  }

  // 9 tokens: no piece has more than 2 rows, whatever the tile.

  // CHECK-LABEL: gpu.func @few
  // CHECK:      hopper.inbox : <8 x 2x64>
  gpu.func @few(%o: memref<1x2x9x64xbf16>, %partials: index, %counters: index, %resident: index)
      kernel attributes {flashmhf.schedule = #flashmhf.schedule<split = 8, push = true>} {
    hopper.warpgroups producer registers 24 {
    } consumers 1 registers 240 {
      %c0 = arith.constant 0 : index
      %p = gpu.block_id x
      %acc = arith.constant dense<1.0> : vector<64x64xf32>
      hopper.store_partial %acc, %partials[%p, %c0, %c0, %c0] of 8 like %o : vector<64x64xf32>, memref<1x2x9x64xbf16>
      %count = hopper.arrivals %counters[%c0]
      %first, %step = hopper.meet %counters[%c0] after %count piece %p of 8 resident %resident
      hopper.sum_partials %partials of 8 into %o[%c0, %c0, %c0] rows 64 from %first step %step : memref<1x2x9x64xbf16>
    }
    gpu.return
  }

  // Shares instead of rows, where pieces add up these: the argument that says
  // whether all meet goes with the choice that it decides.

  // CHECK-LABEL: gpu.func @shares
  // CHECK-SAME: (%[[OUT:.*]]: memref<1x2x?x64xbf16>) kernel
  // CHECK:      %inbox = hopper.inbox : <shares 2 x 64x64, parts 2>
  // CHECK:      %[[PIECE:.*]] = gpu.block_id
  // CHECK:      hopper.await_cluster
  // CHECK-NEXT: hopper.push_shares %[[ACC:.*]] to %inbox[%[[PIECE]]]
  // CHECK-NEXT: hopper.sum_pushed_shares %[[ACC]], %inbox[%[[PIECE]]] into %[[OUT]][%{{.*}}, %{{.*}}, %{{.*}}] accumulate
  // CHECK-NOT:  hopper.{{.*}}partial
  // CHECK-NOT:  arith.select
  gpu.func @shares(%o: !o, %partials: index, %counters: index, %resident: index)
      kernel attributes {flashmhf.schedule = #flashmhf.schedule<split = 2, push = true>} {
    hopper.warpgroups producer registers 40 {
    } consumers 2 registers 232 {
      %c0 = arith.constant 0 : index
      %c2 = arith.constant 2 : index
      %p = gpu.block_id x
      %acc = arith.constant dense<1.0> : vector<64x64xf32>
      %all = arith.cmpi ne, %resident, %c0 : index
      %except = arith.select %all, %p, %c2 : index
      hopper.store_partial %acc, %partials[%p, %c0, %c0, %c0] of 2 like %o except %except : vector<64x64xf32>, !o
      %count = hopper.arrivals %counters[%c0]
      %first, %step = hopper.meet %counters[%c0] after %count piece %p of 2 resident %resident
      hopper.sum_shares %acc, %partials[%p] of 2 into %o[%c0, %c0, %c0] from %first step %step accumulate : vector<64x64xf32>, !o
    }
    gpu.return
  }

  // CHECK-LABEL: gpu.func @workspace
  // CHECK-SAME: index
  // CHECK-NOT: hopper.push
  gpu.func @workspace(%o: !o, %partials: index, %counters: index, %resident: index)
      kernel attributes {flashmhf.schedule = #flashmhf.schedule<split = 8>} {
    gpu.return
  }
}

// CHECK-LABEL: func.func @f
// CHECK-NEXT:  hopper.launch @kernels::@pieces {{.*}} pieces 6 push
// CHECK-NEXT:  hopper.launch @kernels::@few {{.*}} pieces 8 push
// CHECK-NEXT:  hopper.launch @kernels::@shares {{.*}} pieces 2 push
// CHECK-NEXT:  hopper.launch @kernels::@workspace {{.*}} pieces 8 :
func.func @f(%r: memref<1x2x?x1xf32>, %o: !o, %few: memref<1x2x9x64xbf16>) {
  hopper.launch @kernels::@pieces args(%r, %o : memref<1x2x?x1xf32>, !o) as [memref<1x2x?x1xf32>, !o] over %o tiles [1, 1, 128] pieces 6 : !o
  hopper.launch @kernels::@few args(%few : memref<1x2x9x64xbf16>) as [memref<1x2x9x64xbf16>] over %few tiles [1, 1, 64] pieces 8 : memref<1x2x9x64xbf16>
  hopper.launch @kernels::@shares args(%o : !o) as [!o] over %o tiles [1, 1, 128] pieces 2 : !o
  hopper.launch @kernels::@workspace args(%o : !o) as [!o] over %o tiles [1, 1, 64] pieces 8 : !o
  return
}
