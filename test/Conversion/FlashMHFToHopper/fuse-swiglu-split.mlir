// RUN: flashmhf-opt %s --flashmhf-split-dff --flashmhf-bufferize --cse --flashmhf-fuse-swiglu --canonicalize --cse --split-input-file --mlir-print-local-scope | FileCheck %s

// 9 steps in 4 pieces. A piece has 3 steps in a row at most, which touch at most
// 2 sub-networks: their values of R are loaded before anything waits.

// CHECK-LABEL: gpu.func @pieces
// CHECK-SAME: %[[R:[a-z0-9]+]]: memref<1x4x?x3xf32, strided<[?, ?, ?, 1], offset: ?>>, %[[O:[a-z0-9]+]]: memref<1x4x?x64xbf16, strided<[?, ?, ?, 1], offset: ?>>, %[[PARTIALS:[a-z0-9]+]]: index, %[[COUNTERS:[a-z0-9]+]]: index, %[[RESIDENT:[a-z0-9]+]]: index) kernel
// CHECK:      %[[BLOCK:.*]] = gpu.block_id x
// CHECK:      %[[P:.*]] = arith.remui %[[BLOCK]], %c4
// CHECK:      %[[TILE:.*]] = arith.divui %[[BLOCK]], %c4
// CHECK:      %batch, %head, %row = hopper.tile_coordinates %[[TILE]] of %[[O]] tiles [1, 1, 64]
// CHECK-NEXT: %[[COUNT:.*]] = hopper.arrivals %[[COUNTERS]][%[[TILE]]]
// CHECK:      %[[FIRST:.*]] = affine.apply affine_map<()[s0] -> ((s0 * 9) floordiv 4)>()[%[[P]]]
// CHECK:      %[[END:.*]] = affine.apply affine_map<()[s0] -> ((s0 * 9 + 9) floordiv 4)>()[%[[P]]]
// CHECK:      %[[E0:.*]] = arith.divui %[[FIRST]], %c3
// CHECK:      %[[R0:.*]] = hopper.load_rows %[[R]][%batch, %head, %row, %{{.*}}]
// CHECK:      %[[R1:.*]] = hopper.load_rows %[[R]][%batch, %head, %row, %{{.*}}]
// CHECK:      hopper.put {{.*}} into %Q :
// CHECK:      %[[SUM:.*]] = scf.for %[[T:.*]] = %[[FIRST]] to %[[END]] step %c1
// CHECK:        %[[E:.*]] = affine.apply affine_map<(d0) -> (d0 floordiv 3)>(%[[T]])
// CHECK:        %[[NUMBER:.*]] = arith.subi %[[E]], %[[E0]]
// CHECK:        %[[SECOND:.*]] = arith.cmpi eq, %[[NUMBER]], %c1
// CHECK:        %[[ROWS:.*]] = arith.select %[[SECOND]], %[[R1]], %[[R0]] : vector<64xf32>
// CHECK:        hopper.put {{.*}} into %K evict_first :
// CHECK:        hopper.put {{.*}} into %V evict_first :
// CHECK:        hopper.row_scale %{{.*}}, %[[ROWS]]
// CHECK:      %[[WAITS:.*]] = arith.cmpi ne, %[[RESIDENT]], %c0
// CHECK:      %[[OWN:.*]] = arith.select %[[WAITS]], %[[P]], %c4
// CHECK:      hopper.store_partial %[[SUM]], %[[PARTIALS]][%[[P]], %batch, %head, %row] of 4 like %[[O]] except %[[OWN]] :
// CHECK:      %first, %step = hopper.meet %[[COUNTERS]][%[[TILE]]] after %[[COUNT]] piece %[[P]] of 4 resident %[[RESIDENT]]
// CHECK:      hopper.sum_shares %[[SUM]], %[[PARTIALS]][%[[P]]] of 4 into %[[O]][%batch, %head, %row] from %first step %step :
// CHECK-NEXT: gpu.return
// CHECK-LABEL: func.func @pieces
// CHECK-NOT: memref.alloc
// CHECK:     hopper.launch @kernels::@pieces
// CHECK-SAME: tiles [1, 1, 64] pieces 4 :
// CHECK-NOT: scf.forall
func.func @pieces(%q: tensor<1x4x?x64xbf16>, %k: tensor<4x3x96x64xbf16>, %v: tensor<4x3x96x64xbf16>, %r: tensor<1x4x?x3xf32>, %out: tensor<1x4x?x64xbf16>) -> tensor<1x4x?x64xbf16> {
  %zero = arith.constant 0.0 : bf16
  %init = linalg.fill ins(%zero : bf16) outs(%out : tensor<1x4x?x64xbf16>) -> tensor<1x4x?x64xbf16>
  %o = flashmhf.mhffn silu ins(%q, %k, %v : tensor<1x4x?x64xbf16>, tensor<4x3x96x64xbf16>, tensor<4x3x96x64xbf16>)
      router(%r : tensor<1x4x?x3xf32>) outs(%init : tensor<1x4x?x64xbf16>)
      {schedule = #flashmhf.schedule<token_tile = 64, dff_tile = 32, consumers = 1, registers = [248, 248], split = 4>} -> tensor<1x4x?x64xbf16>
  return %o : tensor<1x4x?x64xbf16>
}

// -----

// What is there already is added with the sum of the pieces; one loop of one
// tile leaves no loops over batch, heads and tokens.

// CHECK-LABEL: gpu.func @accumulate
// CHECK: hopper.sum_shares {{.*}} of 2 into %{{.*}} from %first step %step accumulate : vector<64x64xf32>, memref<1x1x64x64xf32
func.func @accumulate(%q: tensor<1x1x64x64xf16>, %k: tensor<1x1x32x64xf16>, %out: tensor<1x1x64x64xf32>) -> tensor<1x1x64x64xf32> {
  %o = flashmhf.mhffn relu ins(%q, %k, %k : tensor<1x1x64x64xf16>, tensor<1x1x32x64xf16>, tensor<1x1x32x64xf16>)
      outs(%out : tensor<1x1x64x64xf32>) {schedule = #flashmhf.schedule<token_tile = 64, dff_tile = 16, consumers = 1, split = 2>} -> tensor<1x1x64x64xf32>
  return %o : tensor<1x1x64x64xf32>
}

// -----

// Blocks of a cluster have the same piece of neighbouring tiles: blocks 0 and 1
// are piece 0 of tiles 0 and 1, blocks 2 and 3 piece 1, and so on.

// CHECK-LABEL: gpu.func @cluster
// CHECK:      %[[BLOCK:.*]] = gpu.block_id x
// CHECK:      %[[CLUSTER:.*]] = arith.divui %[[BLOCK]], %c2
// CHECK:      %[[P:.*]] = arith.remui %[[CLUSTER]], %c3
// CHECK:      %[[GROUP:.*]] = arith.divui %[[CLUSTER]], %c3
// CHECK:      %[[TILES:.*]] = arith.muli %[[GROUP]], %c2
// CHECK:      %[[RANK:.*]] = arith.remui %[[BLOCK]], %c2
// CHECK:      %[[TILE:.*]] = arith.addi %[[TILES]], %[[RANK]]
// CHECK:      hopper.tile_coordinates %[[TILE]] of %{{.*}} tiles [1, 1, 64] cluster 2
// CHECK:      hopper.put {{.*}} into %K evict_first : <1x1x16x64xf16>, <1 x 32x64xf16, cluster 2>
// CHECK:      hopper.meet %{{.*}}[%[[TILE]]] after %{{.*}} piece %[[P]] of 3
// CHECK:      hopper.launch {{.*}} tiles [1, 1, 64] cluster 2 pieces 3
func.func @cluster(%q: tensor<1x2x?x64xf16>, %k: tensor<2x3x32x64xf16>, %out: tensor<1x2x?x64xf32>) -> tensor<1x2x?x64xf32> {
  %o = flashmhf.mhffn relu ins(%q, %k, %k : tensor<1x2x?x64xf16>, tensor<2x3x32x64xf16>, tensor<2x3x32x64xf16>)
      outs(%out : tensor<1x2x?x64xf32>) {schedule = #flashmhf.schedule<token_tile = 64, dff_tile = 32, consumers = 1, cluster = 2, split = 3>} -> tensor<1x2x?x64xf32>
  return %o : tensor<1x2x?x64xf32>
}

// -----

// Weights that the blocks of other tokens, batches or heads read too stay in the
// cache; those of one tile leave it first.

// CHECK-LABEL: gpu.func @one_tile
// CHECK: hopper.put {{.*}} into %K evict_first :
// CHECK-LABEL: gpu.func @two_tiles
// CHECK: hopper.put {{.*}} into %K :
// CHECK-LABEL: gpu.func @two_heads
// CHECK: hopper.put {{.*}} into %K :
func.func @one_tile(%q: tensor<1x2x64x64xf16>, %k: tensor<2x1x32x64xf16>, %out: tensor<1x2x64x64xf32>) -> tensor<1x2x64x64xf32> {
  %o = flashmhf.mhffn relu ins(%q, %k, %k : tensor<1x2x64x64xf16>, tensor<2x1x32x64xf16>, tensor<2x1x32x64xf16>)
      outs(%out : tensor<1x2x64x64xf32>) {schedule = #flashmhf.schedule<token_tile = 64, dff_tile = 16, consumers = 1, split = 2>} -> tensor<1x2x64x64xf32>
  return %o : tensor<1x2x64x64xf32>
}
func.func @two_tiles(%q: tensor<1x2x65x64xf16>, %k: tensor<2x1x32x64xf16>, %out: tensor<1x2x65x64xf32>) -> tensor<1x2x65x64xf32> {
  %o = flashmhf.mhffn relu ins(%q, %k, %k : tensor<1x2x65x64xf16>, tensor<2x1x32x64xf16>, tensor<2x1x32x64xf16>)
      outs(%out : tensor<1x2x65x64xf32>) {schedule = #flashmhf.schedule<token_tile = 64, dff_tile = 16, consumers = 1, split = 2>} -> tensor<1x2x65x64xf32>
  return %o : tensor<1x2x65x64xf32>
}
func.func @two_heads(%q: tensor<1x2x64x64xf16>, %k: tensor<1x1x32x64xf16>, %out: tensor<1x2x64x64xf32>) -> tensor<1x2x64x64xf32> {
  %o = flashmhf.mhffn relu ins(%q, %k, %k : tensor<1x2x64x64xf16>, tensor<1x1x32x64xf16>, tensor<1x1x32x64xf16>)
      outs(%out : tensor<1x2x64x64xf32>) {schedule = #flashmhf.schedule<token_tile = 64, dff_tile = 16, consumers = 1, split = 2>} -> tensor<1x2x64x64xf32>
  return %o : tensor<1x2x64x64xf32>
}
