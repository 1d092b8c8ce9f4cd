// RUN: flashmhf-opt %s --hopper-stream-k -split-input-file -verify-diagnostics | FileCheck %s

#on = #flashmhf.schedule<dff_tile = 64, token_tile = 128, persistent = true, stream_k = true>
#off = #flashmhf.schedule<dff_tile = 64, token_tile = 128, persistent = true>
#pairs = #flashmhf.schedule<dff_tile = 64, token_tile = 128, cluster = 2, persistent = true, stream_k = true>
!map = !hopper.tensor_map<1x1x64x64xbf16>
!ring = !hopper.ring<1 x 64x64xbf16>
!s = !hopper.slot<64x64xbf16>
!p = !hopper.inflight<vector<64x64xf32>>
!out = memref<1x4x?x64xbf16>

gpu.module @kernels {
  // The loops over 3 sub-networks of 2 steps each become one, from the first step
  // of the item to its last. Its sum goes to another block where it does not end its
  // tile, and then no row of it is stored.

  // CHECK-LABEL: gpu.func @share
  // CHECK-SAME:  %[[PARTS:[^:]*]]: index, %[[FLAGS:[^:]*]]: index, %[[ALL:[^:]*]]: index)
  // CHECK:       producer registers 24 {
  // CHECK:         %[[PCOUNT:.*]] = hopper.tile_count
  // CHECK:         %[[PWHOLE:.*]], %[[PEND:.*]] = hopper.work_range of %[[PCOUNT]] steps 6 resident %[[ALL]]
  // CHECK:         scf.for %[[PI:.*]] = %c0{{.*}} to %[[PEND]]
  // CHECK-NEXT:      %[[PTILE:.*]], %[[PFIRST:.*]], %[[PLAST:.*]], %{{.*}} = hopper.work_item %[[PI]] whole %[[PWHOLE]] of %[[PCOUNT]] steps 6 resident %[[ALL]]
  // CHECK-NEXT:      hopper.tile_coordinates %[[PTILE]]
  // CHECK:           scf.for %[[PSTEP:.*]] = %[[PFIRST]] to %[[PLAST]]
  // CHECK:             affine.delinearize_index %[[PSTEP]] into (3, 2)
  // CHECK:             hopper.put
  // CHECK-NOT:         scf.for

  // CHECK:       consumers 2 registers 240 {
  // CHECK:         %[[COUNT:.*]] = hopper.tile_count
  // CHECK:         %[[WHOLE:.*]], %[[END:.*]] = hopper.work_range of %[[COUNT]] steps 6 resident %[[ALL]]
  // CHECK:         scf.for %[[I:.*]] = %c0{{.*}} to %[[END]]
  // CHECK-NEXT:      %[[TILE:.*]], %[[FIRST:.*]], %[[LAST:.*]], %[[GIVERS:.*]] = hopper.work_item %[[I]] whole %[[WHOLE]] of %[[COUNT]] steps 6 resident %[[ALL]]
  // CHECK:           %[[SUM:[0-9]+]] = scf.for %{{.*}} = %[[FIRST]] to %[[LAST]]
  // CHECK:           %[[BLOCK:.*]] = gpu.block_id x
  // CHECK:           %[[CONSUMER:.*]] = hopper.consumer_index
  // CHECK:           %[[ROW0:.*]] = arith.muli %[[BLOCK]], %c2{{.*}} : index
  // CHECK:           %[[SLOT:.*]] = arith.addi %[[ROW0]], %[[CONSUMER]]
  // CHECK:           %[[PART:.*]] = arith.cmpi ne, %[[LAST]], %c6{{.*}} : index
  // CHECK-NEXT:      hopper.leave_part %[[SUM]], %[[PARTS]][%[[SLOT]]] flags %[[FLAGS]] if %[[PART]]
  // CHECK-NEXT:      %[[TOTAL:.*]] = hopper.add_parts %[[SUM]], %[[PARTS]][%[[SLOT]]] stride 2 count %[[GIVERS]] flags %[[FLAGS]]
  // CHECK-NEXT:      %[[ROUNDED:.*]] = arith.truncf %[[TOTAL]]
  // CHECK:           %{{.*}}, %{{.*}}, %[[ROW:.*]] = hopper.tile_coordinates %[[TILE]]
  // CHECK:           %[[L:.*]] = memref.dim %{{.*}}, %c2{{.*}} :
  // CHECK:           %[[OR:.*]] = arith.select %[[PART]], %[[L]], %[[ROW]]
  // CHECK:           hopper.store %[[ROUNDED]], %{{.*}}[%{{.*}}, %{{.*}}, %[[OR]], %{{.*}}]
  gpu.func @share(%m: !map, %o: !out, %parts: index, %flags: index, %resident: index) kernel attributes {flashmhf.schedule = #on} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c3 = arith.constant 3 : index
    %c64 = arith.constant 64 : index
    %c128 = arith.constant 128 : index
    %zero = arith.constant dense<0.0> : vector<64x64xf32>
    %r = hopper.ring "K" : !ring
    hopper.warpgroups producer registers 24 {
      %n0 = gpu.block_id x
      %g = gpu.grid_dim x
      %count = hopper.tile_count %o tiles [1, 1, 128] : !out
      scf.for %n = %n0 to %count step %g {
        %b, %h, %row = hopper.tile_coordinates %n of %o tiles [1, 1, 128] : !out
        scf.for %e = %c0 to %c3 step %c1 {
          scf.for %f = %c0 to %c128 step %c64 {
            hopper.put %m[%h, %e, %f, %c0] into %r : !map, !ring
          }
        }
      }
    } consumers 2 registers 240 {
      %n0 = gpu.block_id x
      %g = gpu.grid_dim x
      %count = hopper.tile_count %o tiles [1, 1, 128] : !out
      scf.for %n = %n0 to %count step %g {
        %sum = scf.for %e = %c0 to %c3 step %c1 iter_args(%outer = %zero) -> (vector<64x64xf32>) {
          %inner = scf.for %f = %c0 to %c128 step %c64 iter_args(%acc = %outer) -> (vector<64x64xf32>) {
            %k = hopper.get %r : !ring -> !s
            %p = hopper.wgmma %k, %k acc %acc : vector<64x64xf32> : !s, !s -> !p
            %v = hopper.wait %p : !p
            hopper.release %k : !s
            scf.yield %v : vector<64x64xf32>
          }
          scf.yield %inner : vector<64x64xf32>
        }
        %rounded = arith.truncf %sum : vector<64x64xf32> to vector<64x64xbf16>
        %b, %h, %row = hopper.tile_coordinates %n of %o tiles [1, 1, 128] : !out
        hopper.store %rounded, %o[%b, %h, %row, %c0] : vector<64x64xbf16>, !out
      }
    }
    gpu.return
  }

  // The blocks of a cluster share with those at their places in other clusters.

  // CHECK-LABEL: gpu.func @clusters
  // CHECK:         %[[PWHOLE:.*]], %[[PEND:.*]] = hopper.work_range of %{{.*}} steps 3 resident %{{.*}} cluster 2
  // CHECK:           hopper.work_item %{{.*}} whole %[[PWHOLE]] of %{{.*}} steps 3 resident %{{.*}} cluster 2
  // CHECK:       consumers 2
  // CHECK:           %{{.*}}, %{{.*}}, %{{.*}}, %[[GIVERS:.*]] = hopper.work_item %{{.*}} steps 3 resident %{{.*}} cluster 2
  // CHECK:           hopper.add_parts %{{.*}} stride 4 count %[[GIVERS]]
  gpu.func @clusters(%m: !map, %o: !out, %parts: index, %flags: index, %resident: index) kernel attributes {flashmhf.schedule = #pairs} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c3 = arith.constant 3 : index
    %zero = arith.constant dense<0.0> : vector<64x64xf32>
    %r = hopper.ring "K" : !ring
    hopper.warpgroups producer registers 24 {
      %n0 = gpu.block_id x
      %g = gpu.grid_dim x
      %count = hopper.tile_count %o tiles [1, 1, 128] cluster 2 : !out
      scf.for %n = %n0 to %count step %g {
        scf.for %e = %c0 to %c3 step %c1 {
          hopper.put %m[%c0, %e, %c0, %c0] into %r : !map, !ring
        }
      }
    } consumers 2 registers 240 {
      %n0 = gpu.block_id x
      %g = gpu.grid_dim x
      %count = hopper.tile_count %o tiles [1, 1, 128] cluster 2 : !out
      scf.for %n = %n0 to %count step %g {
        %sum = scf.for %e = %c0 to %c3 step %c1 iter_args(%acc = %zero) -> (vector<64x64xf32>) {
          %k = hopper.get %r : !ring -> !s
          hopper.release %k : !s
          scf.yield %acc : vector<64x64xf32>
        }
        %rounded = arith.truncf %sum : vector<64x64xf32> to vector<64x64xbf16>
        hopper.store %rounded, %o[%c0, %c0, %c0, %c0] : vector<64x64xbf16>, !out
      }
    }
    gpu.return
  }

  // What is there already would be added once for each part: tiles stay whole. So
  // they do without stream_k.

  // CHECK-LABEL: gpu.func @accumulates
  // CHECK-NOT:   work_range
  // CHECK-NOT:   leave_part
  // CHECK-LABEL: gpu.func @off
  // CHECK-NOT:   work_range
  gpu.func @accumulates(%m: !map, %o: !out, %parts: index, %flags: index, %resident: index) kernel attributes {flashmhf.schedule = #on} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c3 = arith.constant 3 : index
    %one = arith.constant dense<1.0> : vector<64x64xf32>
    %r = hopper.ring "K" : !ring
    hopper.warpgroups producer registers 24 {
      %n0 = gpu.block_id x
      %g = gpu.grid_dim x
      %count = hopper.tile_count %o tiles [1, 1, 128] : !out
      scf.for %n = %n0 to %count step %g {
        scf.for %e = %c0 to %c3 step %c1 {
          hopper.put %m[%c0, %e, %c0, %c0] into %r : !map, !ring
        }
      }
    } consumers 2 registers 240 {
      %n0 = gpu.block_id x
      %g = gpu.grid_dim x
      %count = hopper.tile_count %o tiles [1, 1, 128] : !out
      scf.for %n = %n0 to %count step %g {
        %sum = scf.for %e = %c0 to %c3 step %c1 iter_args(%acc = %one) -> (vector<64x64xf32>) {
          %k = hopper.get %r : !ring -> !s
          hopper.release %k : !s
          scf.yield %acc : vector<64x64xf32>
        }
        %rounded = arith.truncf %sum : vector<64x64xf32> to vector<64x64xbf16>
        hopper.store %rounded, %o[%c0, %c0, %c0, %c0] : vector<64x64xbf16>, !out
      }
    }
    gpu.return
  }
  gpu.func @off(%o: !out) kernel attributes {flashmhf.schedule = #off} {
    gpu.return
  }
}

// -----

#on = #flashmhf.schedule<persistent = true, stream_k = true>
gpu.module @kernels {
  // expected-error@+1 {{has a schedule with stream_k, but its last 3 arguments are not those that hopper.launch then gives it}}
  gpu.func @arguments(%parts: index, %o: memref<1x4x?x64xbf16>) kernel attributes {flashmhf.schedule = #on} {
    gpu.return
  }
}
