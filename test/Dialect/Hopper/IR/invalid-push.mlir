// RUN: flashmhf-opt %s -split-input-file -verify-diagnostics

// expected-error@+1 {{an inbox must be of 2 to 16 pieces, which form a cluster, has 17}}
func.func private @pieces(!hopper.inbox<17 x 4x64>)

// -----

// expected-error@+1 {{an inbox must have 1 to 256 rows from each piece, has 0}}
func.func private @rows(!hopper.inbox<8 x 0x64>)

// -----

// expected-error@+1 {{an inbox must have 16 to 256 columns, a multiple of 16, has 24}}
func.func private @columns(!hopper.inbox<8 x 4x24>)

// -----

// expected-error@+1 {{an inbox must have 1 to 7 parts, one for each consumer, has 8}}
func.func private @parts(!hopper.inbox<8 x 4x64, parts 8>)

// -----

// expected-error@+1 {{the rows of an inbox must have 2 dimensions, have 3}}
func.func private @rank(!hopper.inbox<8 x 4x4x64>)

// -----

!o = memref<1x2x?x64xbf16>

func.func @width(%acc: vector<64x64xf32>, %p: index, %row: index, %o: !o) {
  %inbox = hopper.inbox : !hopper.inbox<8 x 8x32>
  // expected-error@+1 {{needs an inbox of rows like those of the tensor: '!hopper.inbox<8 x 8x32>' and 'memref<1x2x?x64xbf16>'}}
  hopper.push %acc to %inbox[%p] row %row like %o : vector<64x64xf32>, !hopper.inbox<8 x 8x32>, !o
  return
}

// -----

!o = memref<1x2x?x64xbf16>

func.func @value(%acc: vector<64x32xf32>, %p: index, %row: index, %o: !o) {
  %inbox = hopper.inbox : !hopper.inbox<8 x 8x64>
  // expected-error@+1 {{sends 'vector<64x32xf32>', but the rows of its inbox have 64 columns}}
  hopper.push %acc to %inbox[%p] row %row like %o : vector<64x32xf32>, !hopper.inbox<8 x 8x64>, !o
  return
}

// -----

!o = memref<1x2x?x64xbf16>

func.func @room(%acc: vector<64x64xf32>, %p: index, %row: index, %o: !o) {
  %inbox = hopper.inbox : !hopper.inbox<8 x 7x64>
  // expected-error@+1 {{deals 64 rows out to 8 pieces, but their inboxes have room for 7 each}}
  hopper.push %acc to %inbox[%p] row %row like %o : vector<64x64xf32>, !hopper.inbox<8 x 7x64>, !o
  return
}

// -----

// 9 tokens never need more than 2 rows of each piece.

!o = memref<1x2x9x64xbf16>

func.func @few_tokens(%acc: vector<64x64xf32>, %p: index, %row: index, %o: !o) {
  %room = hopper.inbox : !hopper.inbox<8 x 2x64>
  hopper.push %acc to %room[%p] row %row like %o : vector<64x64xf32>, !hopper.inbox<8 x 2x64>, !o
  %inbox = hopper.inbox : !hopper.inbox<8 x 1x64>
  // expected-error@+1 {{deals 9 rows out to 8 pieces, but their inboxes have room for 1 each}}
  hopper.push %acc to %inbox[%p] row %row like %o : vector<64x64xf32>, !hopper.inbox<8 x 1x64>, !o
  return
}

// -----

!o = memref<1x2x?x64xbf16>

func.func @sum_width(%p: index, %row: index, %n: index, %o: !o) {
  %inbox = hopper.inbox : !hopper.inbox<8 x 8x32>
  // expected-error@+1 {{needs an inbox of rows like those of the tensor}}
  hopper.sum_pushed %inbox into %o[%p, %p, %row] piece %p rows %n : !hopper.inbox<8 x 8x32>, !o
  return
}

// -----

func.func @producer(%n: index) {
  %inbox = hopper.inbox : !hopper.inbox<8 x 8x32>
  hopper.warpgroups producer registers 24 {
    // expected-error@+1 {{'hopper.expect' op must be in the consumer region of hopper.warpgroups}}
    hopper.expect %inbox rows %n : !hopper.inbox<8 x 8x32>
  } consumers 1 registers 240 {
  }
  return
}

// -----

func.func @producer_waits() {
  hopper.warpgroups producer registers 24 {
    // expected-error@+1 {{'hopper.await_cluster' op must be in the consumer region of hopper.warpgroups}}
    hopper.await_cluster
  } consumers 1 registers 240 {
  }
  return
}

// -----

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>) kernel {
    gpu.return
  }
}
func.func @many(%o: memref<1x1x?x16xf32>) {
  // expected-error@+1 {{needs 2 to 16 pieces that push, since they form a cluster, has 17}}
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] pieces 17 push : memref<1x1x?x16xf32>
  return
}

// -----

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>, %a: index, %b: index, %c: index) kernel {
    gpu.return
  }
}
func.func @arguments(%o: memref<1x1x?x16xf32>) {
  // expected-error@+1 {{passes 1 arguments to @kernels::@k, which takes 4}}
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] pieces 8 push : memref<1x1x?x16xf32>
  return
}

// -----

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>) kernel {
    gpu.return
  }
}
func.func @clusters(%o: memref<1x1x?x16xf32>) {
  // expected-error@+1 {{has pieces that push, which form a cluster of their own, but a cluster of 2}}
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] cluster 2 pieces 8 push : memref<1x1x?x16xf32>
  return
}

// -----

// expected-error@+1 {{an inbox of shares must be of a tile of 64 rows, has 32}}
func.func private @shares_of_rows(!hopper.inbox<shares 2 x 32x64>)

// -----

func.func @rows_of_shares(%acc: vector<64x64xf32>, %p: index, %o: memref<1x2x?x64xbf16>) {
  %inbox = hopper.inbox : !hopper.inbox<shares 2 x 64x64>
  // expected-error@+1 {{needs an inbox of rows, has '!hopper.inbox<shares 2 x 64x64>'}}
  hopper.push %acc to %inbox[%p] row %p like %o : vector<64x64xf32>, !hopper.inbox<shares 2 x 64x64>, memref<1x2x?x64xbf16>
  return
}

// -----

func.func @expect_of_shares(%p: index) {
  %inbox = hopper.inbox : !hopper.inbox<shares 2 x 64x64>
  // expected-error@+1 {{needs an inbox of rows, has}}
  hopper.expect %inbox rows %p : !hopper.inbox<shares 2 x 64x64>
  return
}

// -----

func.func @sum_of_shares(%p: index, %o: memref<1x2x?x64xbf16>) {
  %inbox = hopper.inbox : !hopper.inbox<shares 2 x 64x64>
  // expected-error@+1 {{needs an inbox of rows, has}}
  hopper.sum_pushed %inbox into %o[%p, %p, %p] piece %p rows %p : !hopper.inbox<shares 2 x 64x64>, memref<1x2x?x64xbf16>
  return
}

// -----

func.func @shares_of_inbox_of_rows(%acc: vector<64x64xf32>, %p: index) {
  %inbox = hopper.inbox : !hopper.inbox<2 x 32x64>
  // expected-error@+1 {{needs an inbox of shares, has '!hopper.inbox<2 x 32x64>'}}
  hopper.push_shares %acc to %inbox[%p] : vector<64x64xf32>, !hopper.inbox<2 x 32x64>
  return
}

// -----

func.func @shares_of_another_tile(%acc: vector<64x64xf32>, %p: index) {
  %inbox = hopper.inbox : !hopper.inbox<shares 2 x 64x32>
  // expected-error@+1 {{has 'vector<64x64xf32>', but its inbox is for shares of 64x32}}
  hopper.push_shares %acc to %inbox[%p] : vector<64x64xf32>, !hopper.inbox<shares 2 x 64x32>
  return
}

// -----

func.func @shares_for_another_tensor(%acc: vector<64x64xf32>, %p: index, %o: memref<1x2x?x32xbf16>) {
  %inbox = hopper.inbox : !hopper.inbox<shares 2 x 64x64>
  // expected-error@+1 {{needs an inbox of rows like those of the tensor}}
  hopper.sum_pushed_shares %acc, %inbox[%p] into %o[%p, %p, %p] : vector<64x64xf32>, !hopper.inbox<shares 2 x 64x64>, memref<1x2x?x32xbf16>
  return
}
