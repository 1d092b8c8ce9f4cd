// RUN: flashmhf-opt %s --split-input-file --verify-diagnostics
//
// Local rings, and tiles whose columns are tokens.

// expected-error@+1 {{a local ring is filled by one consumer: 2 parts, a cluster of 1}}
func.func private @parts(!hopper.ring<2 x 16x64xbf16, parts 2, local>)

// -----

// expected-error@+1 {{expected 'cluster', 'parts' or 'local'}}
func.func private @unknown(!hopper.ring<2 x 16x64xbf16, loud>)

// -----

func.func @put(%map: !hopper.tensor_map<1x1x8x64xbf16>, %ring: !hopper.ring<2 x 8x64xbf16, local>, %i: index) {
  // expected-error@+1 {{puts a tile into '!hopper.ring<2 x 8x64xbf16, local>', which is local: its consumer fills it}}
  hopper.put %map[%i, %i, %i, %i] into %ring : !hopper.tensor_map<1x1x8x64xbf16>, !hopper.ring<2 x 8x64xbf16, local>
  return
}

// -----

func.func @release(%ring: !hopper.ring<2 x 8x64xbf16, local>) {
  %slot = hopper.get %ring : !hopper.ring<2 x 8x64xbf16, local> -> !hopper.slot<8x64xbf16>
  // expected-error@+1 {{gives back a slot of '!hopper.ring<2 x 8x64xbf16, local>', which is local: no producer waits for it}}
  hopper.release %slot : !hopper.slot<8x64xbf16>
  return
}

// -----

func.func @write_shape(%a: vector<64x8xbf16>, %ring: !hopper.ring<2 x 16x64xbf16, local>) {
  %slot = hopper.get %ring : !hopper.ring<2 x 16x64xbf16, local> -> !hopper.slot<16x64xbf16>
  // expected-error@+1 {{needs a slot like the transposed tile: 'vector<64x8xbf16>' and '!hopper.slot<16x64xbf16>'}}
  hopper.write %a to %slot : vector<64x8xbf16>, !hopper.slot<16x64xbf16>
  return
}

// -----

func.func @write_element(%a: vector<64x8xf16>, %slot: !hopper.slot<8x64xbf16>) {
  // expected-error@+1 {{needs a slot like the transposed tile: 'vector<64x8xf16>' and '!hopper.slot<8x64xbf16>'}}
  hopper.write %a to %slot : vector<64x8xf16>, !hopper.slot<8x64xbf16>
  return
}

// -----

func.func @write_rows(%a: vector<32x8xbf16>, %slot: !hopper.slot<8x32xbf16>) {
  // expected-error@+1 {{needs whole warpgroup tiles of 64 rows and a multiple of 8 columns, has 'vector<32x8xbf16>'}}
  hopper.write %a to %slot : vector<32x8xbf16>, !hopper.slot<8x32xbf16>
  return
}

// -----

func.func @write_to_put(%a: vector<64x8xbf16>, %ring: !hopper.ring<2 x 8x64xbf16>) {
  %slot = hopper.get %ring : !hopper.ring<2 x 8x64xbf16> -> !hopper.slot<8x64xbf16>
  // expected-error@+1 {{writes to a slot of '!hopper.ring<2 x 8x64xbf16>', which is not local: its producer fills it}}
  hopper.write %a to %slot : vector<64x8xbf16>, !hopper.slot<8x64xbf16>
  return
}

// -----

func.func @write_one_slot(%a: vector<64x8xbf16>, %ring: !hopper.ring<1 x 8x64xbf16, local>) {
  %slot = hopper.get %ring : !hopper.ring<1 x 8x64xbf16, local> -> !hopper.slot<8x64xbf16>
  // expected-error@+1 {{needs a ring of at least 2 slots, since another warp may still read the last one: '!hopper.ring<1 x 8x64xbf16, local>'}}
  hopper.write %a to %slot : vector<64x8xbf16>, !hopper.slot<8x64xbf16>
  return
}

// -----

func.func @write_two_consumers(%a: vector<64x8xbf16>, %slot: !hopper.slot<8x64xbf16>) {
  hopper.warpgroups producer registers 24 {
  } consumers 2 registers 240 {
    // expected-error@+1 {{needs one consumer, whose warps meet here, but there are 2}}
    hopper.write %a to %slot : vector<64x8xbf16>, !hopper.slot<8x64xbf16>
  }
  return
}

// -----

func.func @rows_of_transposed(%v: !hopper.slot<64x96xbf16>, %a: !hopper.slot<8x64xbf16>) {
  // expected-error@+1 {{needs as many result rows as A has columns, in whole warpgroup tiles: 64 and 128}}
  %p = hopper.wgmma %v transpose_a, %a transpose_b : !hopper.slot<64x96xbf16>, !hopper.slot<8x64xbf16> -> !hopper.inflight<vector<64x8xf32>>
  return
}

// -----

func.func @depth_of_transposed(%v: !hopper.slot<32x64xbf16>, %a: !hopper.slot<8x64xbf16>) {
  // expected-error@+1 {{needs the same inner dimension in A and B: 32 and 64}}
  %p = hopper.wgmma %v transpose_a, %a transpose_b : !hopper.slot<32x64xbf16>, !hopper.slot<8x64xbf16> -> !hopper.inflight<vector<64x8xf32>>
  return
}

// -----

func.func @row_of_transposed(%v: !hopper.slot<64x64xbf16>, %a: !hopper.slot<8x64xbf16>, %i: index) {
  // expected-error@+1 {{takes no first row of a transposed A}}
  %p = hopper.wgmma %v[%i] transpose_a, %a transpose_b : !hopper.slot<64x64xbf16>, !hopper.slot<8x64xbf16> -> !hopper.inflight<vector<64x8xf32>>
  return
}

// -----

func.func @transposed_registers(%v: vector<64x64xbf16>, %a: !hopper.slot<8x64xbf16>) {
  // expected-error@+1 {{transposes an A in shared memory only, not 'vector<64x64xbf16>'}}
  %p = hopper.wgmma %v transpose_a, %a transpose_b : vector<64x64xbf16>, !hopper.slot<8x64xbf16> -> !hopper.inflight<vector<64x8xf32> reads vector<64x64xbf16>>
  return
}

// -----

func.func @columns(%s: vector<64x8xf32>, %r: vector<1x16xf32>) {
  // expected-error@+1 {{needs one factor for each column: 16 factors, 8 columns}}
  %t = hopper.column_scale %s, %r : vector<64x8xf32>, vector<1x16xf32>
  return
}

// -----

func.func @columns_of_rows(%r: memref<1x4x?x2xf32>, %i: index) {
  // expected-error@+1 {{must be vector of one row of f32, but got 'vector<2x8xf32>'}}
  %t = hopper.load_columns %r[%i, %i, %i, %i] : memref<1x4x?x2xf32> -> vector<2x8xf32>
  return
}

// -----

func.func @columns_indices(%r: memref<1x4x?x2xf32>, %i: index) {
  // expected-error@+1 {{needs 4 indices, one for each of batch, head, row and column, has 1}}
  %t = hopper.load_columns %r[%i] : memref<1x4x?x2xf32> -> vector<1x8xf32>
  return
}

// -----

func.func @load_width(%o: memref<1x4x?x96xf32>, %i: index) {
  // expected-error@+1 {{needs a transposed tile with a row for each column, in whole warpgroup tiles of 64: 'vector<64x8xf32>' and 'memref<1x4x?x96xf32>'}}
  %t = hopper.load %o[%i, %i, %i, %i] transposed : memref<1x4x?x96xf32> -> vector<64x8xf32>
  return
}

// -----

func.func @store_width(%t: vector<64x8xf32>, %o: memref<1x4x?x?xf32>, %i: index) {
  // expected-error@+1 {{needs a transposed tile with a row for each column, in whole warpgroup tiles of 64: 'vector<64x8xf32>' and 'memref<1x4x?x?xf32>'}}
  hopper.store %t, %o[%i, %i, %i, %i] transposed : vector<64x8xf32>, memref<1x4x?x?xf32>
  return
}

// -----

func.func @partial_width(%t: vector<64x8xf32>, %o: memref<1x4x?x128xf32>, %i: index) {
  // expected-error@+1 {{needs a transposed tile with a row for each column, in whole warpgroup tiles of 64: 'vector<64x8xf32>' and 'memref<1x4x?x128xf32>'}}
  hopper.store_partial %t, %i[%i, %i, %i, %i] of 2 like %o transposed : vector<64x8xf32>, memref<1x4x?x128xf32>
  return
}

// -----

func.func @partial_columns(%t: vector<64x8xf32>, %o: memref<1x4x?x8xf32>, %i: index) {
  // expected-error@+1 {{needs a multiple of 16 columns, has 8}}
  hopper.store_partial %t, %i[%i, %i, %i, %i] of 2 like %o : vector<64x8xf32>, memref<1x4x?x8xf32>
  return
}

// -----

func.func @push_width(%t: vector<64x8xf32>, %o: memref<1x4x?x128xf32>, %inbox: !hopper.inbox<2 x 4x128>, %i: index) {
  // expected-error@+1 {{needs a transposed tile with a row for each column, in whole warpgroup tiles of 64: 'vector<64x8xf32>' and 'memref<1x4x?x128xf32>'}}
  hopper.push %t to %inbox[%i] row %i like %o transposed : vector<64x8xf32>, !hopper.inbox<2 x 4x128>, memref<1x4x?x128xf32>
  return
}
