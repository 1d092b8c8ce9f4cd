// RUN: flashmhf-opt %s | flashmhf-opt | FileCheck %s

!o = memref<1x2x?x64xbf16>

// CHECK-LABEL: func.func @push
func.func @push(%acc: vector<64x64xf32>, %p: index, %b: index, %row: index, %o: !o, %a: i32) {
  // CHECK: %inbox = hopper.inbox : <8 x 8x64>
  %inbox = hopper.inbox : !hopper.inbox<8 x 8x64>
  // CHECK: %inbox_0 = hopper.inbox at 1024 barriers 5120 : <4 x 2x64, parts 2>
  %placed = hopper.inbox at 1024 barriers 5120 : !hopper.inbox<4 x 2x64, parts 2>
  // CHECK: hopper.inbox_at %{{.*}}, %{{.*}} : <8 x 8x64>
  %at = hopper.inbox_at %a, %a : !hopper.inbox<8 x 8x64>
  // CHECK: hopper.owned_rows %{{.*}} of 8 in %{{.*}}[%{{.*}}] rows 64 : memref<1x2x?x64xbf16>
  %n = hopper.owned_rows %p of 8 in %o[%row] rows 64 : !o
  // CHECK: hopper.expect %inbox rows %{{.*}} : <8 x 8x64>
  hopper.expect %inbox rows %n : !hopper.inbox<8 x 8x64>
  // CHECK: hopper.await_cluster
  hopper.await_cluster
  // CHECK: hopper.push %{{.*}} to %inbox[%{{.*}}] row %{{.*}} like %{{.*}} : vector<64x64xf32>, <8 x 8x64>, memref<1x2x?x64xbf16>
  hopper.push %acc to %inbox[%p] row %row like %o : vector<64x64xf32>, !hopper.inbox<8 x 8x64>, !o
  // CHECK: hopper.push %{{.*}} to %inbox[%{{.*}}] row %{{.*}} like %{{.*}} transposed : vector<64x64xf32>, <8 x 8x64>, memref<1x2x?x64xbf16>
  hopper.push %acc to %inbox[%p] row %row like %o transposed : vector<64x64xf32>, !hopper.inbox<8 x 8x64>, !o
  // CHECK: hopper.sum_pushed %inbox into %{{.*}}[%{{.*}}, %{{.*}}, %{{.*}}] piece %{{.*}} rows %{{.*}} : <8 x 8x64>, memref<1x2x?x64xbf16>
  hopper.sum_pushed %inbox into %o[%b, %b, %row] piece %p rows %n : !hopper.inbox<8 x 8x64>, !o
  // CHECK: hopper.sum_pushed {{.*}} rows %{{.*}} accumulate :
  hopper.sum_pushed %inbox into %o[%b, %b, %row] piece %p rows %n accumulate : !hopper.inbox<8 x 8x64>, !o
  // CHECK: %[[SHARES:.*]] = hopper.inbox : <shares 3 x 64x64, parts 2>
  %shares = hopper.inbox : !hopper.inbox<shares 3 x 64x64, parts 2>
  // CHECK: hopper.push_shares %{{.*}} to %[[SHARES]][%{{.*}}] : vector<64x64xf32>, <shares 3 x 64x64, parts 2>
  hopper.push_shares %acc to %shares[%p] : vector<64x64xf32>, !hopper.inbox<shares 3 x 64x64, parts 2>
  // CHECK: hopper.sum_pushed_shares %{{.*}}, %[[SHARES]][%{{.*}}] into %{{.*}}[%{{.*}}, %{{.*}}, %{{.*}}] : vector<64x64xf32>, <shares 3 x 64x64, parts 2>, memref<1x2x?x64xbf16>
  hopper.sum_pushed_shares %acc, %shares[%p] into %o[%b, %b, %row] : vector<64x64xf32>, !hopper.inbox<shares 3 x 64x64, parts 2>, !o
  // CHECK: hopper.sum_pushed_shares {{.*}} accumulate :
  hopper.sum_pushed_shares %acc, %shares[%p] into %o[%b, %b, %row] accumulate : vector<64x64xf32>, !hopper.inbox<shares 3 x 64x64, parts 2>, !o
  return
}
