// RUN: flashmhf-opt %s --flashmhf-lower-project --canonicalize --mlir-print-local-scope | FileCheck %s

!x = memref<1x3x?x64xbf16, strided<[?, ?, ?, 1], offset: ?>>
!w = memref<4x3x64x64xbf16>
!o = memref<1x4x?x64xbf16>

// W is the left operand, tokens are columns of the sum. The last step of a group
// reads zeros behind the end of K.

// CHECK-LABEL: gpu.func @exchanged
// CHECK-SAME: (%[[MX:[^:]*]]: !hopper.tensor_map<1x1x8x48xbf16>, %[[MW:[^:]*]]: !hopper.tensor_map<1x1x64x48xbf16>, %[[O:[^:]*]]: memref<1x4x?x64xbf16>) kernel
// CHECK-SAME: flashmhf.schedule = #flashmhf.schedule<token_tile = 8,
// CHECK-DAG:  %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : vector<64x8xf32>
// CHECK-DAG:  %[[C6:.*]] = arith.constant 6 : index
// CHECK-DAG:  %W = hopper.ring "W" : <1 x 64x48xbf16>
// CHECK-DAG:  %X = hopper.ring "X" : <1 x 8x48xbf16>
// CHECK:      %[[BLOCK:.*]] = gpu.block_id x
// CHECK-NEXT: %[[B:.*]], %[[H:.*]], %[[ROW:.*]] = hopper.tile_coordinates %[[BLOCK]] of %[[O]] tiles [1, 1, 8]
// CHECK-NEXT: %[[SUM:.*]] = scf.for %[[T:.*]] = %c0 to %[[C6]] step %c1 iter_args(%[[ACC:.*]] = %[[ZERO]]) -> (vector<64x8xf32>) {
// CHECK-NEXT:   %[[G:.*]] = affine.apply affine_map<(d0) -> (d0 floordiv 2)>(%[[T]])
// CHECK-NEXT:   %[[K:.*]] = affine.apply affine_map<(d0) -> (d0 * 48 - (d0 floordiv 2) * 96)>(%[[T]])
// CHECK-NEXT:   hopper.put %[[MW]][%[[H]], %[[G]], %c0, %[[K]]] into %W evict_first
// CHECK-NEXT:   hopper.put %[[MX]][%[[B]], %[[G]], %[[ROW]], %[[K]]] into %X :
// CHECK-NEXT:   %[[WT:.*]] = hopper.get %W
// CHECK-NEXT:   %[[XT:.*]] = hopper.get %X
// CHECK-NEXT:   %[[P:.*]] = hopper.wgmma %[[WT]], %[[XT]] transpose_b acc %[[ACC]]
// CHECK-NEXT:   %[[NEXT:.*]] = hopper.wait %[[P]]
// CHECK-NEXT:   hopper.release %[[WT]]
// CHECK-NEXT:   hopper.release %[[XT]]
// CHECK-NEXT:   scf.yield %[[NEXT]]
// CHECK-NEXT: }
// CHECK-NEXT: %[[ROUNDED:.*]] = arith.truncf %[[SUM]] : vector<64x8xf32> to vector<64x8xbf16>
// CHECK-NEXT: hopper.store %[[ROUNDED]], %[[O]][%[[B]], %[[H]], %[[ROW]], %c0] transposed
// CHECK-NEXT: gpu.return

// What the output holds is added in f32, and it is stored as rows.

// CHECK-LABEL: gpu.func @accumulated
// CHECK:      %[[SUM:.*]] = scf.for
// CHECK:        hopper.wgmma %{{.*}}, %{{.*}} transpose_b acc %{{.*}} : vector<64x64xf32> : !hopper.slot<64x16xbf16>, <64x16xbf16>
// CHECK:      %[[OLD:.*]] = hopper.load %[[O:.*]][%{{.*}}] : memref<1x4x?x64xbf16> -> vector<64x64xbf16>
// CHECK-NEXT: %[[WIDE:.*]] = arith.extf %[[OLD]]
// CHECK-NEXT: %[[ADDED:.*]] = arith.addf %[[WIDE]], %[[SUM]]
// CHECK-NEXT: %[[ROUNDED:.*]] = arith.truncf %[[ADDED]]
// CHECK-NEXT: hopper.store %[[ROUNDED]], %[[O]][%{{.*}}] :

// Pieces of one step each: nothing to loop over, nothing to add to.

// CHECK-LABEL: gpu.func @pieces
// CHECK-SAME: %[[O:[^:]*]]: memref<1x4x?x64xbf16>, %[[PARTIALS:.*]]: index, %[[COUNTERS:.*]]: index, %[[RESIDENT:.*]]: index) kernel
// CHECK:      %[[BLOCK:.*]] = gpu.block_id x
// CHECK-NEXT: %[[PIECE:.*]] = arith.remui %[[BLOCK]], %c3
// CHECK-NEXT: %[[TILE:.*]] = arith.divui %[[BLOCK]], %c3
// CHECK-NEXT: %[[B:.*]], %[[H:.*]], %[[ROW:.*]] = hopper.tile_coordinates %[[TILE]] of %[[O]] tiles [1, 1, 16]
// CHECK-NEXT: %[[COUNT:.*]] = hopper.arrivals %[[COUNTERS]][%[[TILE]]]
// CHECK-NOT:  scf.for
// CHECK:      hopper.put %{{.*}}[%[[H]], %[[PIECE]], %c0, %c0] into %W
// CHECK-NEXT: hopper.put %{{.*}}[%[[B]], %[[PIECE]], %[[ROW]], %c0] into %X
// CHECK:      %[[P:.*]] = hopper.wgmma %{{.*}}, %{{.*}} transpose_b :
// CHECK-NEXT: %[[SUM:.*]] = hopper.wait %[[P]]
// CHECK:      hopper.store_partial %[[SUM]], %[[PARTIALS]][%[[PIECE]], %[[B]], %[[H]], %[[ROW]]] of 3 like %[[O]] transposed
// CHECK-NEXT: %[[FIRST:.*]], %[[STEP:.*]] = hopper.meet %[[COUNTERS]][%[[TILE]]] after %[[COUNT]] piece %[[PIECE]] of 3 resident %[[RESIDENT]]
// CHECK-NEXT: hopper.sum_partials %[[PARTIALS]] of 3 into %[[O]][%[[B]], %[[H]], %[[ROW]]] rows 16 from %[[FIRST]] step %[[STEP]] :

// Blocks with neighbouring tokens fetch W together: each a panel of its own, or
// rows of one.

// CHECK-LABEL: gpu.func @clustered
// CHECK-SAME: (%[[MX:[^:]*]]: !hopper.tensor_map<1x1x64x64xbf16>, %[[MW:[^:]*]]: !hopper.tensor_map<1x1x16x64xbf16>, %[[O:[^:]*]]: memref<1x4x?x64xbf16>) kernel
// CHECK-DAG:  %W = hopper.ring "W" : <1 x 64x64xbf16, cluster 4>
// CHECK-DAG:  %X = hopper.ring "X" : <1 x 64x64xbf16>
// CHECK:      hopper.tile_coordinates %{{.*}} of %[[O]] tiles [1, 1, 64] cluster 4
// CHECK:        hopper.put %[[MW]][%{{.*}}] into %W evict_first : <1x1x16x64xbf16>, <1 x 64x64xbf16, cluster 4>
// CHECK:        hopper.get %W : <1 x 64x64xbf16, cluster 4> -> <64x64xbf16, cluster 4>

// CHECK-LABEL: gpu.func @panels
// CHECK-SAME: %[[MW:[^:]*]]: !hopper.tensor_map<1x1x64x16xbf16>
// CHECK-DAG:  %W = hopper.ring "W" : <1 x 64x48xbf16, cluster 3>

// CHECK-LABEL: func.func @exchanged
// CHECK-SAME:  (%[[X:.*]]: memref<{{.*}}>, %[[W:.*]]: memref<{{.*}}>, %[[O:.*]]: memref<{{.*}}>)
// CHECK-NOT:     linalg.fill
// CHECK:         hopper.launch @kernels::@exchanged args(%[[X]], %[[W]], %[[O]] : {{.*}}) as [!hopper.tensor_map<1x1x8x48xbf16>, !hopper.tensor_map<1x1x64x48xbf16>, memref<1x4x?x64xbf16>] over %[[O]] tiles [1, 1, 8] :
func.func @exchanged(%x: !x, %w: !w, %o: !o) {
  %zero = arith.constant 0.0 : bf16
  linalg.fill ins(%zero : bf16) outs(%o : !o)
  flashmhf.project ins(%x, %w : !x, !w) outs(%o : !o)
      {schedule = #flashmhf.schedule<token_tile = 8, dff_tile = 48, consumers = 1, exchange = true>}
  return
}

func.func @accumulated(%x: !x, %w: !w, %o: !o) {
  flashmhf.project ins(%x, %w : !x, !w) outs(%o : !o)
      {schedule = #flashmhf.schedule<token_tile = 64, dff_tile = 16, consumers = 1>}
  return
}

// CHECK-LABEL: func.func @pieces
// CHECK:         hopper.launch {{.*}} over %{{.*}} tiles [1, 1, 16] pieces 3 programmatic :
func.func @pieces(%x: !x, %w: !w, %o: !o) {
  %zero = arith.constant 0.0 : bf16
  linalg.fill ins(%zero : bf16) outs(%o : !o)
  flashmhf.project ins(%x, %w : !x, !w) outs(%o : !o)
      {schedule = #flashmhf.schedule<token_tile = 16, dff_tile = 64, consumers = 1, split = 3, programmatic = true, exchange = true>}
  return
}

// CHECK-LABEL: func.func @clustered
// CHECK:         hopper.launch {{.*}} over %{{.*}} tiles [1, 1, 64] cluster 4 :
func.func @clustered(%x: !x, %w: !w, %o: !o) {
  flashmhf.project ins(%x, %w : !x, !w) outs(%o : !o)
      {schedule = #flashmhf.schedule<token_tile = 64, dff_tile = 64, consumers = 1, cluster = 4>}
  return
}

func.func @panels(%x: !x, %w: !w, %o: !o) {
  flashmhf.project ins(%x, %w : !x, !w) outs(%o : !o)
      {schedule = #flashmhf.schedule<token_tile = 16, dff_tile = 48, consumers = 1, cluster = 3, exchange = true>}
  return
}
