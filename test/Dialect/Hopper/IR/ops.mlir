// RUN: flashmhf-opt %s | flashmhf-opt | FileCheck %s
// RUN: flashmhf-opt %s --mlir-print-op-generic | flashmhf-opt | FileCheck %s

!tensor = memref<?x8x?x96xbf16, strided<[?, ?, ?, 1]>>

gpu.module @kernels {
  gpu.func @ffn(%q: !hopper.tensor_map<1x1x128x96xbf16>, %o: !tensor) kernel {
    gpu.return
  }
  gpu.func @pieces(%o: !tensor, %partials: index, %counters: index, %resident: index) kernel {
    gpu.return
  }
}

// CHECK-LABEL: func.func @launch
// CHECK-SAME: (%[[Q:.*]]: [[TENSOR:memref<.*>]], %[[O:.*]]: memref
func.func @launch(%q: !tensor, %o: !tensor) {
  // CHECK: hopper.launch @kernels::@ffn args(%[[Q]], %[[O]] : [[TENSOR]], [[TENSOR]]) as [!hopper.tensor_map<1x1x128x96xbf16>, [[TENSOR]]] over %[[O]] tiles [1, 1, 128] : [[TENSOR]]
  hopper.launch @kernels::@ffn args(%q, %o : !tensor, !tensor)
      as [!hopper.tensor_map<1x1x128x96xbf16>, !tensor]
      over %o tiles [1, 1, 128] : !tensor
  // CHECK: hopper.launch {{.*}} tiles [1, 1, 128] cluster 2 persistent : [[TENSOR]]
  hopper.launch @kernels::@ffn args(%q, %o : !tensor, !tensor)
      as [!hopper.tensor_map<1x1x128x96xbf16>, !tensor]
      over %o tiles [1, 1, 128] cluster 2 persistent : !tensor
  // CHECK: hopper.launch {{.*}} tiles [1, 1, 128] pieces 3 programmatic : [[TENSOR]]
  hopper.launch @kernels::@pieces args(%o : !tensor) as [!tensor]
      over %o tiles [1, 1, 128] pieces 3 programmatic : !tensor
  // CHECK: hopper.launch {{.*}} tiles [1, 1, 128] cluster 2 pieces 3 : [[TENSOR]]
  hopper.launch @kernels::@pieces args(%o : !tensor) as [!tensor]
      over %o tiles [1, 1, 128] cluster 2 pieces 3 : !tensor
  return
}

// CHECK-LABEL: func.func @tiles
// CHECK-SAME: (%[[N:.*]]: index, %[[O:.*]]: memref
func.func @tiles(%n: index, %o: memref<2x4x?x64xbf16>) {
  // CHECK: hopper.tile_count %[[O]] tiles [1, 1, 64] : memref<2x4x?x64xbf16>
  %count = hopper.tile_count %o tiles [1, 1, 64] : memref<2x4x?x64xbf16>
  // CHECK: %batch, %head, %row = hopper.tile_coordinates %[[N]] of %[[O]] tiles [1, 1, 64] : memref<2x4x?x64xbf16>
  %b, %h, %row = hopper.tile_coordinates %n of %o tiles [1, 1, 64] : memref<2x4x?x64xbf16>
  return
}

// CHECK-LABEL: func.func @rings
// CHECK-SAME: (%[[MAP:.*]]: !hopper.tensor_map<1x1x32x64xf16>, %[[I:.*]]: index
func.func @rings(%map: !hopper.tensor_map<1x1x32x64xf16>, %i: index) {
  // CHECK: %K = hopper.ring "K" : <2 x 32x64xf16>
  %ring = hopper.ring "K" : !hopper.ring<2 x 32x64xf16>
  // CHECK: %V = hopper.ring "V" at 8192 barriers 12288 : <1 x 32x64xf16>
  %placed = hopper.ring "V" at 8192 barriers 12288 : !hopper.ring<1 x 32x64xf16>
  // CHECK: hopper.put %[[MAP]][%[[I]], %[[I]], %[[I]], %[[I]]] into %K : <1x1x32x64xf16>, <2 x 32x64xf16>
  hopper.put %map[%i, %i, %i, %i] into %ring : !hopper.tensor_map<1x1x32x64xf16>, !hopper.ring<2 x 32x64xf16>
  // CHECK: %[[SLOT:.*]] = hopper.get %K : <2 x 32x64xf16> -> <32x64xf16>
  %slot = hopper.get %ring : !hopper.ring<2 x 32x64xf16> -> !hopper.slot<32x64xf16>
  // CHECK: hopper.release %[[SLOT]] : <32x64xf16>
  hopper.release %slot : !hopper.slot<32x64xf16>
  return
}

// CHECK-LABEL: func.func @slot_at
// CHECK-SAME: (%[[ADDRESS:.*]]: i32, %[[EMPTY:.*]]: i32)
func.func @slot_at(%address: i32, %empty: i32) {
  // CHECK: hopper.slot_at %[[ADDRESS]], %[[EMPTY]] : <256x16xbf16>
  %slot = hopper.slot_at %address, %empty : !hopper.slot<256x16xbf16>
  return
}

// CHECK-LABEL: func.func @warpgroups
func.func @warpgroups() {
  // CHECK: hopper.warpgroups producer registers 24 {
  // CHECK-NEXT: } consumers 2 registers 240 {
  // CHECK-NEXT:   hopper.consumer_index : index
  // CHECK-NEXT:   hopper.take_turn
  // CHECK-NEXT:   hopper.pass_turn
  // CHECK-NEXT: }
  hopper.warpgroups producer registers 24 {
  } consumers 2 registers 240 {
    %i = hopper.consumer_index : index
    hopper.take_turn
    hopper.pass_turn
  }
  // CHECK: hopper.warpgroups producer registers 32 {
  // CHECK-NEXT:   gpu.barrier
  // CHECK-NEXT: } consumers 1 registers 256 {
  // CHECK-NEXT: } {note = "kept"}
  hopper.warpgroups producer registers 32 {
    gpu.barrier
  } consumers 1 registers 256 {
  } {note = "kept"}
  return
}

// CHECK-LABEL: func.func @products
// CHECK-SAME: (%[[Q:.*]]: !hopper.slot<128x96xbf16>, %[[K:.*]]: !hopper.slot<32x96xbf16>, %[[ROW:.*]]: index, %[[A:.*]]: vector<64x32xbf16>, %[[ACC:.*]]: vector<64x96xf32>)
func.func @products(%q: !hopper.slot<128x96xbf16>, %k: !hopper.slot<32x96xbf16>, %row: index, %a: vector<64x32xbf16>, %acc: vector<64x96xf32>) {
  // CHECK: %[[S:.*]] = hopper.wgmma %[[Q]][%[[ROW]]], %[[K]] transpose_b : !hopper.slot<128x96xbf16>, <32x96xbf16> -> <vector<64x32xf32>>
  %s = hopper.wgmma %q[%row], %k transpose_b : !hopper.slot<128x96xbf16>, !hopper.slot<32x96xbf16> -> !hopper.inflight<vector<64x32xf32>>
  // CHECK: hopper.wgmma %[[Q]], %[[K]] transpose_b : {{.*}} -> <vector<128x32xf32>>
  %t = hopper.wgmma %q, %k transpose_b : !hopper.slot<128x96xbf16>, !hopper.slot<32x96xbf16> -> !hopper.inflight<vector<128x32xf32>>
  // CHECK: %[[O:.*]] = hopper.wgmma %[[A]], %[[K]] acc %[[ACC]] : vector<64x96xf32> : vector<64x32xbf16>, <32x96xbf16> -> <vector<64x96xf32> reads vector<64x32xbf16>>
  %o = hopper.wgmma %a, %k acc %acc : vector<64x96xf32> : vector<64x32xbf16>, !hopper.slot<32x96xbf16> -> !hopper.inflight<vector<64x96xf32> reads vector<64x32xbf16>>
  // CHECK: %[[N:.*]] = hopper.wgmma %[[A]], %[[K]] acc %[[ACC]] : vector<64x96xf32> if %[[TRUE:.*]] : vector<64x32xbf16>, <32x96xbf16> -> <vector<64x96xf32> reads vector<64x32xbf16>>
  %true = arith.constant true
  %n = hopper.wgmma %a, %k acc %acc : vector<64x96xf32> if %true : vector<64x32xbf16>, !hopper.slot<32x96xbf16> -> !hopper.inflight<vector<64x96xf32> reads vector<64x32xbf16>>
  // CHECK: hopper.wait %[[S]] pending 2 : <vector<64x32xf32>>
  %0 = hopper.wait %s pending 2 : !hopper.inflight<vector<64x32xf32>>
  // CHECK: hopper.wait %[[O]] : <vector<64x96xf32> reads vector<64x32xbf16>>
  %1 = hopper.wait %o : !hopper.inflight<vector<64x96xf32> reads vector<64x32xbf16>>
  return
}

// CHECK-LABEL: func.func @fragments
// CHECK-SAME: (%[[R:.*]]: memref<1x4x?x2xf32>, %[[O:.*]]: memref<1x4x?x64xf16>, %[[I:.*]]: index)
func.func @fragments(%r: memref<1x4x?x2xf32>, %o: memref<1x4x?x64xf16>, %i: index) {
  // CHECK: %[[ROWS:.*]] = hopper.load_rows %[[R]][%[[I]], %[[I]], %[[I]], %[[I]]] : memref<1x4x?x2xf32> -> vector<64xf32>
  %rows = hopper.load_rows %r[%i, %i, %i, %i] : memref<1x4x?x2xf32> -> vector<64xf32>
  // CHECK: %[[OLD:.*]] = hopper.load %[[O]][%[[I]], %[[I]], %[[I]], %[[I]]] : memref<1x4x?x64xf16> -> vector<64x64xf16>
  %old = hopper.load %o[%i, %i, %i, %i] : memref<1x4x?x64xf16> -> vector<64x64xf16>
  %wide = arith.extf %old : vector<64x64xf16> to vector<64x64xf32>
  // CHECK: %[[ANCHORED:.*]] = hopper.anchor %[[ROWS]] : vector<64xf32>
  %factors = hopper.anchor %rows : vector<64xf32>
  %true = arith.constant true
  // CHECK: hopper.add_scaled %[[WIDE:.*]], %[[WIDE]], %[[ANCHORED]] if %{{.*}} : vector<64x64xf32>, vector<64xf32>
  %added = hopper.add_scaled %wide, %wide, %factors if %true : vector<64x64xf32>, vector<64xf32>
  // CHECK: hopper.row_scale %{{.*}}, %[[ROWS]] : vector<64x64xf32>, vector<64xf32>
  %scaled = hopper.row_scale %wide, %rows : vector<64x64xf32>, vector<64xf32>
  // CHECK: hopper.anchor %{{.*}} : vector<64x64xf32>
  %anchored = hopper.anchor %scaled : vector<64x64xf32>
  // CHECK: hopper.store %[[OLD]], %[[O]][%[[I]], %[[I]], %[[I]], %[[I]]] : vector<64x64xf16>, memref<1x4x?x64xf16>
  hopper.store %old, %o[%i, %i, %i, %i] : vector<64x64xf16>, memref<1x4x?x64xf16>
  return
}

// CHECK-LABEL: func.func @pieces
// CHECK-SAME: (%[[ACC:.*]]: vector<64x16xf32>, %[[A:.*]]: index, %[[N:.*]]: index, %[[P:.*]]: index, %[[O:.*]]: memref
func.func @pieces(%acc: vector<64x16xf32>, %address: index, %n: index, %p: index, %o: memref<?x4x?x16xbf16>) {
  // CHECK: hopper.store_partial %[[ACC]], %[[A]][%[[P]], %[[N]], %[[N]], %[[N]]] of 3 like %[[O]] : vector<64x16xf32>, memref<?x4x?x16xbf16>
  hopper.store_partial %acc, %address[%p, %n, %n, %n] of 3 like %o : vector<64x16xf32>, memref<?x4x?x16xbf16>
  // CHECK: hopper.store_partial {{.*}} like %[[O]] except %[[P]] :
  hopper.store_partial %acc, %address[%p, %n, %n, %n] of 3 like %o except %p : vector<64x16xf32>, memref<?x4x?x16xbf16>
  // CHECK: %[[COUNT:.*]] = hopper.arrivals %[[A]][%[[N]]]
  %count = hopper.arrivals %address[%n]
  // CHECK: %first, %step = hopper.meet %[[A]][%[[N]]] after %[[COUNT]] piece %[[P]] of 3 resident %[[N]]
  %first, %step = hopper.meet %address[%n] after %count piece %p of 3 resident %n
  // CHECK: hopper.sum_shares %[[ACC]], %[[A]][%[[P]]] of 3 into %[[O]][%[[N]], %[[N]], %[[N]]] from %first step %step : vector<64x16xf32>, memref<?x4x?x16xbf16>
  hopper.sum_shares %acc, %address[%p] of 3 into %o[%n, %n, %n] from %first step %step : vector<64x16xf32>, memref<?x4x?x16xbf16>
  // CHECK: hopper.sum_shares {{.*}} step %step accumulate :
  hopper.sum_shares %acc, %address[%p] of 3 into %o[%n, %n, %n] from %first step %step accumulate : vector<64x16xf32>, memref<?x4x?x16xbf16>
  // CHECK: hopper.sum_partials %[[A]] of 3 into %[[O]][%[[N]], %[[N]], %[[N]]] rows 64 from %first step %step : memref<?x4x?x16xbf16>
  hopper.sum_partials %address of 3 into %o[%n, %n, %n] rows 64 from %first step %step : memref<?x4x?x16xbf16>
  // CHECK: hopper.wait_predecessor
  hopper.wait_predecessor
  // CHECK: hopper.launch_dependents
  hopper.launch_dependents
  // CHECK: hopper.sum_partials {{.*}} step %step accumulate :
  hopper.sum_partials %address of 3 into %o[%n, %n, %n] rows 64 from %first step %step accumulate : memref<?x4x?x16xbf16>
  return
}

// CHECK-LABEL: func.func @exchanged
// CHECK-SAME: (%[[V:.*]]: !hopper.slot<64x96xbf16>, %[[S:.*]]: vector<64x8xf32>, %[[A:.*]]: vector<64x8xbf16>, %[[ACC:.*]]: vector<128x8xf32>, %[[R:.*]]: memref<1x4x?x2xf32>, %[[O:.*]]: memref<1x4x?x96xf32>, %[[I:.*]]: index)
func.func @exchanged(%v: !hopper.slot<64x96xbf16>, %s: vector<64x8xf32>, %a: vector<64x8xbf16>, %acc: vector<128x8xf32>, %r: memref<1x4x?x2xf32>, %o: memref<1x4x?x96xf32>, %i: index) {
  // CHECK: %[[COLUMNS:.*]] = hopper.load_columns %[[R]][%[[I]], %[[I]], %[[I]], %[[I]]] : memref<1x4x?x2xf32> -> vector<1x8xf32>
  %columns = hopper.load_columns %r[%i, %i, %i, %i] : memref<1x4x?x2xf32> -> vector<1x8xf32>
  // CHECK: hopper.column_scale %[[S]], %[[COLUMNS]] : vector<64x8xf32>, vector<1x8xf32>
  %scaled = hopper.column_scale %s, %columns : vector<64x8xf32>, vector<1x8xf32>
  // CHECK: %[[RING:.*]] = hopper.ring "A" : <2 x 8x64xbf16, local>
  %ring = hopper.ring "A" : !hopper.ring<2 x 8x64xbf16, local>
  // CHECK: %[[SLOT:.*]] = hopper.get %[[RING]] : <2 x 8x64xbf16, local> -> <8x64xbf16>
  %slot = hopper.get %ring : !hopper.ring<2 x 8x64xbf16, local> -> !hopper.slot<8x64xbf16>
  // CHECK: hopper.write %[[A]] to %[[SLOT]] : vector<64x8xbf16>, <8x64xbf16>
  hopper.write %a to %slot : vector<64x8xbf16>, !hopper.slot<8x64xbf16>
  // CHECK: hopper.wgmma %[[V]] transpose_a, %[[SLOT]] transpose_b acc %[[ACC]] : vector<128x8xf32> : !hopper.slot<64x96xbf16>, <8x64xbf16> -> <vector<128x8xf32>>
  %p = hopper.wgmma %v transpose_a, %slot transpose_b acc %acc : vector<128x8xf32> : !hopper.slot<64x96xbf16>, !hopper.slot<8x64xbf16> -> !hopper.inflight<vector<128x8xf32>>
  // CHECK: %[[OLD:.*]] = hopper.load %[[O]][%[[I]], %[[I]], %[[I]], %[[I]]] transposed : memref<1x4x?x96xf32> -> vector<128x8xf32>
  %old = hopper.load %o[%i, %i, %i, %i] transposed : memref<1x4x?x96xf32> -> vector<128x8xf32>
  // CHECK: hopper.store %[[OLD]], %[[O]][%[[I]], %[[I]], %[[I]], %[[I]]] transposed : vector<128x8xf32>, memref<1x4x?x96xf32>
  hopper.store %old, %o[%i, %i, %i, %i] transposed : vector<128x8xf32>, memref<1x4x?x96xf32>
  // CHECK: hopper.store_partial %[[ACC]], %[[I]][%[[I]], %[[I]], %[[I]], %[[I]]] of 3 like %[[O]] transposed : vector<128x8xf32>, memref<1x4x?x96xf32>
  hopper.store_partial %acc, %i[%i, %i, %i, %i] of 3 like %o transposed : vector<128x8xf32>, memref<1x4x?x96xf32>
  return
}
