// RUN: flashmhf-opt %s --split-input-file --verify-diagnostics

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

// expected-error@+1 {{tensor map must have 4 dimensions, has 2}}
func.func private @map_rank(!hopper.tensor_map<64x64xbf16>)

// -----

// expected-error@+1 {{tensor map must have outer extents of 1, has 1 and 2}}
func.func private @map_outer_extents(!hopper.tensor_map<1x2x64x64xbf16>)

// -----

// expected-error@+1 {{the tile of a tensor map must have 1 to 256 rows, has 320}}
func.func private @map_rows(!hopper.tensor_map<1x1x320x64xbf16>)

// -----

// expected-error@+1 {{the slot of a ring must have 2 dimensions, has 3}}
func.func private @ring_rank(!hopper.ring<1 x 64x64x64xbf16>)

// -----

// expected-error@+1 {{ring must have 1 to 7264 slots, has 0}}
func.func private @ring_slots(!hopper.ring<0 x 64x64xbf16>)

// -----

// expected-error@+1 {{ring must have 1 to 7264 slots, has 1000000000000000}}
func.func private @ring_many_slots(!hopper.ring<1000000000000000 x 64x64xbf16>)

// -----

// expected-error@+1 {{the slot of a ring must have 16 to 256 columns, a multiple of 16, has 40}}
func.func private @ring_columns(!hopper.ring<1 x 64x40xbf16>)

// -----

// expected-error@+1 {{slot must hold f16 or bf16, holds 'f32'}}
func.func private @slot_element(!hopper.slot<64x64xf32>)

// -----

// expected-error@+1 {{slot must have 16 to 256 columns, a multiple of 16, has 272}}
func.func private @slot_columns(!hopper.slot<64x272xbf16>)

// -----

// expected-error@+1 {{expected static shape}}
func.func private @slot_dynamic(!hopper.slot<?x64xbf16>)

// -----

//===----------------------------------------------------------------------===//
// Launch
//===----------------------------------------------------------------------===//

!tensor = memref<1x4x?x64xbf16>
gpu.module @kernels {
  gpu.func @ffn(%o: !tensor) kernel { gpu.return }
}
func.func @launch_parameter_count(%o: !tensor) {
  // expected-error@+1 {{needs one parameter type for each argument, has 0 for 1}}
  hopper.launch @kernels::@ffn args(%o : !tensor) as [] over %o tiles [1, 1, 64] : !tensor
  return
}

// -----

!tensor = memref<1x4x?x64xbf16>
gpu.module @kernels {
  gpu.func @ffn(%o: !tensor) kernel { gpu.return }
}
func.func @launch_map_rank(%o: !tensor, %w: memref<64x64xbf16>) {
  // expected-error@+1 {{passes argument 0 as a tensor map, which needs rank 4, but its rank is 2}}
  hopper.launch @kernels::@ffn args(%w : memref<64x64xbf16>) as [!hopper.tensor_map<1x1x64x64xbf16>] over %o tiles [1, 1, 64] : !tensor
  return
}

// -----

!tensor = memref<1x4x?x64xbf16>
func.func @launch_map_element(%o: !tensor) {
  // expected-error@+1 {{passes argument 0 of 'bf16' as a tensor map of 'f16'}}
  hopper.launch @kernels::@ffn args(%o : !tensor) as [!hopper.tensor_map<1x1x64x64xf16>] over %o tiles [1, 1, 64] : !tensor
  return
}

// -----

!tensor = memref<1x4x?x64xbf16>
func.func @launch_parameter_type(%o: !tensor) {
  // expected-error@+1 {{passes argument 0 of type 'memref<1x4x?x64xbf16>' as 'memref<1x4x8x64xbf16>'; the parameter must be the same type or a tensor map}}
  hopper.launch @kernels::@ffn args(%o : !tensor) as [memref<1x4x8x64xbf16>] over %o tiles [1, 1, 64] : !tensor
  return
}

// -----

func.func @launch_pieces(%o: memref<1x4x?x64xbf16>) {
  // expected-error@+1 {{needs 1 to 512 pieces, has 513}}
  hopper.launch @kernels::@ffn args(%o : memref<1x4x?x64xbf16>) as [memref<1x4x?x64xbf16>] over %o tiles [1, 1, 64] pieces 513 : memref<1x4x?x64xbf16>
  return
}

// -----

func.func @launch_grid_rank(%o: memref<?x64xbf16>) {
  // expected-error@+1 {{needs a grid operand of rank 4}}
  hopper.launch @kernels::@ffn args(%o : memref<?x64xbf16>) as [memref<?x64xbf16>] over %o tiles [1, 1, 64] : memref<?x64xbf16>
  return
}

// -----

!tensor = memref<1x4x?x64xbf16>
func.func @launch_grid_operand(%o: !tensor, %other: !tensor) {
  // expected-error@+1 {{needs a grid operand that is one of its arguments}}
  hopper.launch @kernels::@ffn args(%o : !tensor) as [!tensor] over %other tiles [1, 1, 64] : !tensor
  return
}

// -----

!tensor = memref<1x4x?x64xbf16>
func.func @launch_tiles(%o: !tensor) {
  // expected-error@+1 {{needs 3 positive tile sizes: batch, heads and rows}}
  hopper.launch @kernels::@ffn args(%o : !tensor) as [!tensor] over %o tiles [1, 64] : !tensor
  return
}

// -----

!tensor = memref<1x4x?x64xbf16>
func.func @launch_cluster(%o: !tensor) {
  // expected-error@+1 {{needs a cluster of 1 to 8 blocks, has 9}}
  hopper.launch @kernels::@ffn args(%o : !tensor) as [!tensor] over %o tiles [1, 1, 64] cluster 9 : !tensor
  return
}

// -----

!tensor = memref<1x4x?x64xbf16>
func.func @launch_no_module(%o: !tensor) {
  // expected-error@+1 {{needs a module of kernels named "kernels"}}
  hopper.launch @kernels::@ffn args(%o : !tensor) as [!tensor] over %o tiles [1, 1, 64] : !tensor
  return
}

// -----

!tensor = memref<1x4x?x64xbf16>
gpu.module @kernels {}
func.func @launch_no_kernel(%o: !tensor) {
  // expected-error@+1 {{needs a kernel named @kernels::@ffn}}
  hopper.launch @kernels::@ffn args(%o : !tensor) as [!tensor] over %o tiles [1, 1, 64] : !tensor
  return
}

// -----

!tensor = memref<1x4x?x64xbf16>
gpu.module @kernels {
  gpu.func @ffn(%q: !hopper.tensor_map<1x1x64x64xbf16>, %o: !tensor) kernel { gpu.return }
}
func.func @launch_kernel_arguments(%o: !tensor) {
  // expected-error@+1 {{passes 1 arguments to @kernels::@ffn, which takes 2}}
  hopper.launch @kernels::@ffn args(%o : !tensor) as [!tensor] over %o tiles [1, 1, 64] : !tensor
  return
}

// -----

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

func.func @tile_count(%o: memref<1x4x?x64xbf16>) {
  // expected-error@+1 {{needs 3 positive tile sizes: batch, heads and rows}}
  %0 = hopper.tile_count %o tiles [1, 1, 0] : memref<1x4x?x64xbf16>
  return
}

// -----

func.func @tile_coordinates(%n: index, %o: memref<1x4x?x64xbf16>) {
  // expected-error@+1 {{needs 3 positive tile sizes: batch, heads and rows}}
  %b, %h, %row = hopper.tile_coordinates %n of %o tiles [1, 1, 64, 64] : memref<1x4x?x64xbf16>
  return
}

// -----

//===----------------------------------------------------------------------===//
// Rings
//===----------------------------------------------------------------------===//

func.func @put_indices(%map: !hopper.tensor_map<1x1x64x64xbf16>, %i: index) {
  %ring = hopper.ring "K" : !hopper.ring<1 x 64x64xbf16>
  // expected-error@+1 {{needs 4 indices, one for each of batch, head, row and column, has 2}}
  hopper.put %map[%i, %i] into %ring : !hopper.tensor_map<1x1x64x64xbf16>, !hopper.ring<1 x 64x64xbf16>
  return
}

// -----

func.func @put_shape(%map: !hopper.tensor_map<1x1x64x64xbf16>, %i: index) {
  %ring = hopper.ring "K" : !hopper.ring<1 x 32x64xbf16>
  // expected-error@+1 {{needs a map of the slots of its ring, or of whole parts of them: '!hopper.tensor_map<1x1x64x64xbf16>' and '!hopper.ring<1 x 32x64xbf16>'}}
  hopper.put %map[%i, %i, %i, %i] into %ring : !hopper.tensor_map<1x1x64x64xbf16>, !hopper.ring<1 x 32x64xbf16>
  return
}

// -----

func.func @get_element() {
  %ring = hopper.ring "K" : !hopper.ring<1 x 32x64xbf16>
  // expected-error@+1 {{needs a result like the slots of its ring: '!hopper.slot<32x64xf16>' and '!hopper.ring<1 x 32x64xbf16>'}}
  %slot = hopper.get %ring : !hopper.ring<1 x 32x64xbf16> -> !hopper.slot<32x64xf16>
  return
}

// -----

//===----------------------------------------------------------------------===//
// Warpgroups
//===----------------------------------------------------------------------===//

func.func @no_consumers() {
  // expected-error@+1 {{needs 1 to 7 consumers, has 0}}
  hopper.warpgroups producer registers 24 {} consumers 0 registers 240 {}
  return
}

// -----

func.func @one_budget() {
  // expected-error@+1 {{needs two register budgets, producer and consumer}}
  "hopper.warpgroups"() <{consumers = 2 : i64, registers = array<i64: 24>}> ({
    "hopper.yield"() : () -> ()
  }, {
    "hopper.yield"() : () -> ()
  }) : () -> ()
  return
}

// -----

func.func @odd_budget() {
  // expected-error@+1 {{needs register budgets of 24 to 256, multiples of 8, has 20}}
  hopper.warpgroups producer registers 20 {} consumers 2 registers 240 {}
  return
}

// -----

// 65536 registers over 384 threads are 170, and 168 as a multiple of 8.
func.func @too_many_registers() {
  // expected-error@+1 {{needs 512 registers per lane over its 3 warpgroups, but a block of 384 threads has 504}}
  hopper.warpgroups producer registers 32 {} consumers 2 registers 240 {}
  return
}

// -----

func.func @index_outside() {
  // expected-error@+1 {{must be in the consumer region of hopper.warpgroups}}
  %i = hopper.consumer_index : index
  return
}

// -----

func.func @index_in_producer() {
  hopper.warpgroups producer registers 24 {
    // expected-error@+1 {{must be in the consumer region of hopper.warpgroups}}
    %i = hopper.consumer_index : index
  } consumers 2 registers 240 {}
  return
}

// -----

func.func @turn_outside() {
  // expected-error@+1 {{'hopper.take_turn' op must be in the consumer region of hopper.warpgroups}}
  hopper.take_turn
  return
}

// -----

func.func @turn_in_producer() {
  hopper.warpgroups producer registers 24 {
    // expected-error@+1 {{'hopper.pass_turn' op must be in the consumer region of hopper.warpgroups}}
    hopper.pass_turn
  } consumers 2 registers 240 {}
  return
}

// -----

func.func @yield_outside() {
  // expected-error@+1 {{'hopper.yield' op expects parent op 'hopper.warpgroups'}}
  hopper.yield
}

// -----

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

func.func @result_type(%a: !hopper.slot<64x64xbf16>, %b: !hopper.slot<64x64xbf16>) {
  // expected-error@+1 {{needs a result of rank 2 in f32, has 'vector<64x64xf16>'}}
  %0 = hopper.wgmma %a, %b : !hopper.slot<64x64xbf16>, !hopper.slot<64x64xbf16> -> !hopper.inflight<vector<64x64xf16>>
  return
}

// -----

func.func @result_rows(%a: !hopper.slot<64x64xbf16>, %b: !hopper.slot<64x64xbf16>) {
  // expected-error@+1 {{needs a result of whole warpgroup tiles of 64 rows, has 32}}
  %0 = hopper.wgmma %a, %b : !hopper.slot<64x64xbf16>, !hopper.slot<64x64xbf16> -> !hopper.inflight<vector<32x64xf32>>
  return
}

// -----

func.func @result_columns(%a: !hopper.slot<64x64xbf16>, %b: !hopper.slot<12x64xbf16>) {
  // expected-error@+1 {{needs 8 to 256 result columns, a multiple of 8, has 12}}
  %0 = hopper.wgmma %a, %b transpose_b : !hopper.slot<64x64xbf16>, !hopper.slot<12x64xbf16> -> !hopper.inflight<vector<64x12xf32>>
  return
}

// -----

func.func @columns_of_b(%a: !hopper.slot<64x64xbf16>, %b: !hopper.slot<32x64xbf16>) {
  // expected-error@+1 {{needs as many result columns as B gives: 64 and 32}}
  %0 = hopper.wgmma %a, %b transpose_b : !hopper.slot<64x64xbf16>, !hopper.slot<32x64xbf16> -> !hopper.inflight<vector<64x64xf32>>
  return
}

// -----

func.func @depth_step(%a: vector<64x24xbf16>, %b: !hopper.slot<24x64xbf16>) {
  // expected-error@+1 {{needs an inner dimension that is a multiple of 16, has 24}}
  %0 = hopper.wgmma %a, %b : vector<64x24xbf16>, !hopper.slot<24x64xbf16> -> !hopper.inflight<vector<64x64xf32> reads vector<64x24xbf16>>
  return
}

// -----

func.func @rows_of_a_slot(%a: !hopper.slot<64x64xbf16>, %b: !hopper.slot<64x64xbf16>) {
  // expected-error@+1 {{needs no more result rows than A has: 128 and 64}}
  %0 = hopper.wgmma %a, %b : !hopper.slot<64x64xbf16>, !hopper.slot<64x64xbf16> -> !hopper.inflight<vector<128x64xf32>>
  return
}

// -----

func.func @slot_is_no_register(%a: !hopper.slot<64x64xbf16>, %b: !hopper.slot<64x64xbf16>) {
  // expected-error@+1 {{reads no register operand, but its result says 'vector<64x64xbf16>'}}
  %0 = hopper.wgmma %a, %b : !hopper.slot<64x64xbf16>, !hopper.slot<64x64xbf16> -> !hopper.inflight<vector<64x64xf32> reads vector<64x64xbf16>>
  return
}

// -----

func.func @rows_of_a_vector(%a: vector<64x64xbf16>, %b: !hopper.slot<64x64xbf16>) {
  // expected-error@+1 {{needs as many result rows as A has: 128 and 64}}
  %0 = hopper.wgmma %a, %b : vector<64x64xbf16>, !hopper.slot<64x64xbf16> -> !hopper.inflight<vector<128x64xf32> reads vector<64x64xbf16>>
  return
}

// -----

func.func @register_operand_unsaid(%a: vector<64x64xbf16>, %b: !hopper.slot<64x64xbf16>) {
  // expected-error@+1 {{reads 'vector<64x64xbf16>' until its wait; its result must say so}}
  %0 = hopper.wgmma %a, %b : vector<64x64xbf16>, !hopper.slot<64x64xbf16> -> !hopper.inflight<vector<64x64xf32>>
  return
}

// -----

func.func @row_of_vector(%a: vector<64x64xbf16>, %row: index, %b: !hopper.slot<64x64xbf16>) {
  // expected-error@+1 {{takes a first row only for an A in shared memory}}
  %0 = hopper.wgmma %a[%row], %b : vector<64x64xbf16>, !hopper.slot<64x64xbf16> -> !hopper.inflight<vector<64x64xf32> reads vector<64x64xbf16>>
  return
}

// -----

func.func @depth(%a: !hopper.slot<64x32xbf16>, %b: !hopper.slot<64x64xbf16>) {
  // expected-error@+1 {{needs the same inner dimension in A and B: 32 and 64}}
  %0 = hopper.wgmma %a, %b : !hopper.slot<64x32xbf16>, !hopper.slot<64x64xbf16> -> !hopper.inflight<vector<64x64xf32>>
  return
}

// -----

func.func @element_types(%a: !hopper.slot<64x64xf16>, %b: !hopper.slot<64x64xbf16>) {
  // expected-error@+1 {{needs A and B of the same 16-bit type: 'f16' and 'bf16'}}
  %0 = hopper.wgmma %a, %b : !hopper.slot<64x64xf16>, !hopper.slot<64x64xbf16> -> !hopper.inflight<vector<64x64xf32>>
  return
}

// -----

func.func @accumulator(%a: !hopper.slot<64x64xbf16>, %b: !hopper.slot<64x64xbf16>, %acc: vector<64x32xf32>) {
  // expected-error@+1 {{needs an accumulator like its result: 'vector<64x32xf32>' and 'vector<64x64xf32>'}}
  %0 = hopper.wgmma %a, %b acc %acc : vector<64x32xf32> : !hopper.slot<64x64xbf16>, !hopper.slot<64x64xbf16> -> !hopper.inflight<vector<64x64xf32>>
  return
}

// -----

func.func @wait_result(%a: !hopper.inflight<vector<64x64xf32>>) {
  // expected-error@+1 {{failed to verify that the result is the awaited vector}}
  %0 = "hopper.wait"(%a) : (!hopper.inflight<vector<64x64xf32>>) -> vector<64x32xf32>
  return
}

// -----

func.func @wait_pending(%a: !hopper.inflight<vector<64x64xf32>>) {
  // expected-error@+1 {{attribute 'pending' failed to satisfy constraint: 64-bit signless integer attribute whose value is non-negative}}
  %0 = hopper.wait %a pending -1 : !hopper.inflight<vector<64x64xf32>>
  return
}

// -----

//===----------------------------------------------------------------------===//
// Rows and fragments
//===----------------------------------------------------------------------===//

func.func @load_rows_indices(%r: memref<1x4x?x2xf32>, %i: index) {
  // expected-error@+1 {{needs 4 indices, one for each of batch, head, row and column, has 3}}
  %0 = hopper.load_rows %r[%i, %i, %i] : memref<1x4x?x2xf32> -> vector<64xf32>
  return
}

// -----

func.func @row_scale(%a: vector<64x32xf32>, %r: vector<128xf32>) {
  // expected-error@+1 {{needs one factor for each row: 128 factors, 64 rows}}
  %0 = hopper.row_scale %a, %r : vector<64x32xf32>, vector<128xf32>
  return
}

// -----

func.func @add_scaled(%a: vector<64x32xf32>, %r: vector<128xf32>, %c: i1) {
  // expected-error@+1 {{needs one factor for each row: 128 factors, 64 rows}}
  %0 = hopper.add_scaled %a, %a, %r if %c : vector<64x32xf32>, vector<128xf32>
  return
}

// -----

func.func @wgmma_if(%q: !hopper.slot<64x64xbf16>, %k: !hopper.slot<32x64xbf16>, %c: i1) {
  // expected-error@+1 {{has a condition for an accumulator, but none}}
  %0 = hopper.wgmma %q, %k transpose_b if %c : !hopper.slot<64x64xbf16>, !hopper.slot<32x64xbf16> -> !hopper.inflight<vector<64x32xf32>>
  return
}

// -----

func.func @load_indices(%o: memref<1x4x?x64xf16>, %i: index) {
  // expected-error@+1 {{needs 4 indices, one for each of batch, head, row and column, has 5}}
  %0 = hopper.load %o[%i, %i, %i, %i, %i] : memref<1x4x?x64xf16> -> vector<64x64xf16>
  return
}

// -----

func.func @load_element(%o: memref<1x4x?x64xf16>, %i: index) {
  // expected-error@+1 {{needs the element type of its source: 'f32' and 'f16'}}
  %0 = hopper.load %o[%i, %i, %i, %i] : memref<1x4x?x64xf16> -> vector<64x64xf32>
  return
}

// -----

func.func @store_indices(%a: vector<64x64xf16>, %o: memref<1x4x?x64xf16>, %i: index) {
  // expected-error@+1 {{needs 4 indices, one for each of batch, head, row and column, has 0}}
  hopper.store %a, %o[] : vector<64x64xf16>, memref<1x4x?x64xf16>
  return
}

// -----

func.func @store_element(%a: vector<64x64xf32>, %o: memref<1x4x?x64xf16>, %i: index) {
  // expected-error@+1 {{needs the element type of its destination: 'f32' and 'f16'}}
  hopper.store %a, %o[%i, %i, %i, %i] : vector<64x64xf32>, memref<1x4x?x64xf16>
  return
}

// -----

// expected-error @below {{ring must be filled by a cluster of 1 to 8 blocks, has 9}}
func.func private @cluster(!hopper.ring<1 x 64x64xbf16, cluster 9>)

// -----

// expected-error @below {{slot must be filled by a cluster of 1 to 8 blocks, has 0}}
func.func private @cluster(!hopper.slot<64x64xbf16, cluster 0>)

// -----

func.func @share(%m: !hopper.tensor_map<1x1x64x64xbf16>, %i: index) {
  %ring = hopper.ring "K" : !hopper.ring<1 x 64x64xbf16, cluster 2>
  // expected-error @below {{needs transfers that a cluster can share out: 1 transfers of}}
  hopper.put %m[%i, %i, %i, %i] into %ring : !hopper.tensor_map<1x1x64x64xbf16>, !hopper.ring<1 x 64x64xbf16, cluster 2>
  return
}

// -----

//===----------------------------------------------------------------------===//
// Pieces
//===----------------------------------------------------------------------===//

func.func @partial_width(%acc: vector<64x16xf32>, %n: index, %o: memref<1x4x?x32xbf16>) {
  // expected-error@+1 {{stores 16 columns, but 'memref<1x4x?x32xbf16>' has 32}}
  hopper.store_partial %acc, %n[%n, %n, %n, %n] of 3 like %o : vector<64x16xf32>, memref<1x4x?x32xbf16>
  return
}

// -----

func.func @sum_width(%n: index, %o: memref<1x4x?x6xbf16>) {
  // expected-error@+1 {{needs rows of a static multiple of 4 elements, has those of 'memref<1x4x?x6xbf16>'}}
  hopper.sum_partials %n of 3 into %o[%n, %n, %n] rows 64 from %n step %n : memref<1x4x?x6xbf16>
  return
}

// -----

func.func @share_pieces(%acc: vector<64x16xf32>, %n: index, %o: memref<1x4x?x16xbf16>) {
  // expected-error@+1 {{attribute 'pieces' failed to satisfy constraint: 64-bit signless integer attribute whose minimum value is 2 whose maximum value is 512}}
  hopper.sum_shares %acc, %n[%n] of 513 into %o[%n, %n, %n] from %n step %n : vector<64x16xf32>, memref<1x4x?x16xbf16>
  return
}

// -----

func.func @share_width(%acc: vector<64x16xf32>, %n: index, %o: memref<1x4x?x32xbf16>) {
  // expected-error@+1 {{stores 16 columns, but 'memref<1x4x?x32xbf16>' has 32}}
  hopper.sum_shares %acc, %n[%n] of 3 into %o[%n, %n, %n] from %n step %n : vector<64x16xf32>, memref<1x4x?x32xbf16>
  return
}

// -----

func.func @share_of_transposed(%acc: vector<64x8xf32>, %n: index, %o: memref<1x4x?x64xbf16>) {
  // expected-error@+1 {{is of a transposed tile, which has no shares to leave out}}
  hopper.store_partial %acc, %n[%n, %n, %n, %n] of 3 like %o except %n transposed : vector<64x8xf32>, memref<1x4x?x64xbf16>
  return
}

// -----

func.func @producer_counts(%n: index) {
  hopper.warpgroups producer registers 40 {
    // expected-error@+1 {{must be in the consumer region of hopper.warpgroups}}
    %count = hopper.arrivals %n[%n]
  } consumers 2 registers 232 {
  }
  return
}

// -----

func.func @producer_meets(%n: index) {
  hopper.warpgroups producer registers 40 {
    // expected-error@+1 {{must be in the consumer region of hopper.warpgroups}}
    %first, %step = hopper.meet %n[%n] after %n piece %n of 3 resident %n
  } consumers 2 registers 232 {
  }
  return
}

// -----

gpu.module @kernels {
  gpu.func @ffn(%o: memref<1x4x?x64xbf16>) kernel {
    gpu.return
  }
}

func.func @pieces_without_workspace(%o: memref<1x4x?x64xbf16>) {
  // expected-error@+1 {{passes 4 arguments to @kernels::@ffn, which takes 1}}
  hopper.launch @kernels::@ffn args(%o : memref<1x4x?x64xbf16>) as [memref<1x4x?x64xbf16>]
      over %o tiles [1, 1, 64] pieces 2 : memref<1x4x?x64xbf16>
  return
}

// -----

func.func @persistent_pieces(%o: memref<1x4x?x64xbf16>) {
  // expected-error@+1 {{has 2 pieces of each tile, whose blocks cannot be persistent}}
  hopper.launch @kernels::@ffn args(%o : memref<1x4x?x64xbf16>) as [memref<1x4x?x64xbf16>]
      over %o tiles [1, 1, 64] persistent pieces 2 : memref<1x4x?x64xbf16>
  return
}

// -----

// expected-error @below {{the rows of a slot must be a multiple of its parts: 64 rows, 3 parts}}
func.func private @parts(!hopper.ring<1 x 64x64xbf16, parts 3>)

// -----

// expected-error @below {{a ring of parts cannot be filled by a cluster: 2 parts, a cluster of 2}}
func.func private @parts_of_cluster(!hopper.ring<1 x 64x64xbf16, cluster 2, parts 2>)

// -----

func.func @parts_and_consumers() {
  %ring = hopper.ring "Q" : !hopper.ring<1 x 192x64xbf16, parts 3>
  hopper.warpgroups producer registers 24 {
  } consumers 2 registers 240 {
    // expected-error @below {{needs a part for each of 2 consumers, but its ring has 3}}
    %slot = hopper.get %ring : !hopper.ring<1 x 192x64xbf16, parts 3> -> !hopper.slot<64x64xbf16>
  }
  return
}

// -----

func.func @scale(%a: i32) {
  %slot = hopper.slot_at %a, %a : !hopper.slot<64x64xbf16>
  // expected-error @below {{needs a factor that is a power of two, has 3.0}}
  hopper.scale %slot, 3.0 : !hopper.slot<64x64xbf16>
  return
}

// -----

func.func @scale_shared(%a: i32) {
  hopper.warpgroups producer registers 24 {
  } consumers 2 registers 240 {
    %slot = hopper.slot_at %a, %a : !hopper.slot<128x64xbf16>
    // expected-error @below {{needs the slot of one consumer, of 64 rows, has '!hopper.slot<128x64xbf16>'}}
    hopper.scale %slot, 0.5 : !hopper.slot<128x64xbf16>
  }
  return
}

// -----

func.func @threads_and_more() {
  // expected-error @below {{needs a producer of hopper.thread only, or of none}}
  hopper.warpgroups producer registers 24 {
    hopper.thread {
    }
    %c0 = arith.constant 0 : index
  } consumers 2 registers 240 {
  }
  return
}

// -----

func.func @many_threads() {
  // expected-error @below {{needs at most 4 producer threads, one for each warp, has 5}}
  hopper.warpgroups producer registers 24 {
    hopper.thread {
    }
    hopper.thread {
    }
    hopper.thread {
    }
    hopper.thread {
    }
    hopper.thread {
    }
  } consumers 2 registers 240 {
  }
  return
}

// -----

func.func @consumer_thread() {
  // expected-error @below {{needs its hopper.thread in the producer region}}
  hopper.warpgroups producer registers 24 {
  } consumers 2 registers 240 {
    hopper.thread {
    }
  }
  return
}

// -----

func.func @read_rows(%slot: !hopper.slot<128x64xbf16>) {
  // expected-error@+1 {{needs a slot of 64 rows and a multiple of 16 columns, has '!hopper.slot<128x64xbf16>'}}
  %a = hopper.read %slot : !hopper.slot<128x64xbf16> -> vector<128x64xbf16>
  return
}

// -----

func.func @read_shape(%slot: !hopper.slot<64x64xbf16>) {
  // expected-error@+1 {{needs a result like the slot: '!hopper.slot<64x64xbf16>' and 'vector<64x32xbf16>'}}
  %a = hopper.read %slot : !hopper.slot<64x64xbf16> -> vector<64x32xbf16>
  return
}

// -----

func.func @read_element(%slot: !hopper.slot<64x64xbf16>) {
  // expected-error@+1 {{needs a result like the slot: '!hopper.slot<64x64xbf16>' and 'vector<64x64xf16>'}}
  %a = hopper.read %slot : !hopper.slot<64x64xbf16> -> vector<64x64xf16>
  return
}
