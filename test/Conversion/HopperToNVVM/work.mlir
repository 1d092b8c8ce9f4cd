// RUN: flashmhf-opt %s --hopper-lower-tiles | FileCheck %s

gpu.module @kernels {
  // computeWork of StreamK.h: 22 steps to a tile, at most 4 parts of it, 4 steps to
  // be saved at least. The share of block n goes from n * all / sharers on.

  // CHECK-LABEL: gpu.func @range
  // CHECK-SAME:  (%[[TILES:[^:]*]]: index, %[[RESIDENT:[^:]*]]: index, %[[OUT:.*]]: memref<2xindex>)
  // CHECK-DAG:   %[[T:.*]] = arith.index_cast %[[TILES]] : index to i32
  // CHECK-DAG:   %[[GRID:.*]] = gpu.grid_dim x
  // CHECK-DAG:   %[[G:.*]] = arith.index_cast %[[GRID]] : index to i32
  // CHECK-DAG:   %[[WHOLE:.*]] = arith.divui %[[T]], %[[G]]
  // CHECK-DAG:   %[[TAKEN:.*]] = arith.muli %[[WHOLE]], %[[G]]
  // CHECK-DAG:   %[[LEFT:.*]] = arith.subi %[[T]], %[[TAKEN]]
  // CHECK-DAG:   %[[ALL:.*]] = arith.muli %[[LEFT]], %c22_i32
  // CHECK-DAG:   %[[PARTS:.*]] = arith.muli %[[LEFT]], %c4_i32
  // CHECK-DAG:   %[[MOST:.*]] = arith.minui %[[G]], %[[PARTS]]
  // CHECK:       %[[SOME:.*]] = arith.select %{{.*}}, %[[MOST]], %c0_i32
  // CHECK:       %[[LIMIT:.*]] = arith.muli %[[SOME]], %c18_i32
  // CHECK:       %[[SHARES:.*]] = arith.cmpi ult, %{{.*}}, %[[LIMIT]]
  // CHECK-NEXT:  scf.if %[[SHARES]] -> (i32, i32) {
  // CHECK:         %[[N:.*]] = arith.minui %[[BLOCK:.*]], %[[MOST]]
  // CHECK:         %[[STEPS:.*]] = arith.muli %[[N]], %[[ALL]]
  // CHECK:         arith.divui %[[STEPS]], %[[MOST]]
  // CHECK:         scf.yield %[[WHOLE]], %{{.*}}
  // CHECK-NEXT:  } else {

  // Not shared: one whole tile more for the first blocks, and no other division.
  // CHECK-NEXT:    %[[MORE:.*]] = arith.cmpi slt, %[[BLOCK]], %[[LEFT]]
  // CHECK-NEXT:    %[[ONE:.*]] = arith.extui %[[MORE]]
  // CHECK-NEXT:    %[[OWN:.*]] = arith.addi %[[WHOLE]], %[[ONE]]
  // CHECK-NEXT:    scf.yield %[[OWN]], %[[OWN]]
  gpu.func @range(%tiles: index, %resident: index, %out: memref<2xindex>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %whole, %end = hopper.work_range of %tiles steps 22 resident %resident
    memref.store %whole, %out[%c0] : memref<2xindex>
    memref.store %end, %out[%c1] : memref<2xindex>
    gpu.return
  }

  // Of a whole tile nothing has to be divided.

  // CHECK-LABEL: gpu.func @item
  // CHECK-SAME:  (%[[ITEM:[^:]*]]: index, %[[W:[^:]*]]: index,
  // CHECK-DAG:   %[[I:.*]] = arith.index_cast %[[ITEM]] : index to i32
  // CHECK-DAG:   %[[WHOLE:.*]] = arith.index_cast %[[W]] : index to i32
  // CHECK:       %[[IS:.*]] = arith.cmpi slt, %[[I]], %[[WHOLE]]
  // CHECK-NEXT:  scf.if %[[IS]] -> (i32, i32, i32, i32) {
  // CHECK-NEXT:    %[[AT:.*]] = arith.muli %[[I]], %[[G:.*]] : i32
  // CHECK-NEXT:    %[[TILE:.*]] = arith.addi %{{.*}}, %[[AT]]
  // CHECK-NEXT:    scf.yield %[[TILE]], %c0_i32, %c22_i32, %c0_i32
  // CHECK-NEXT:  } else {
  // CHECK:         arith.divui
  // CHECK:         scf.yield
  gpu.func @item(%item: index, %whole: index, %tiles: index, %resident: index, %out: memref<4xindex>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c3 = arith.constant 3 : index
    %tile, %first, %last, %givers = hopper.work_item %item whole %whole of %tiles steps 22 resident %resident
    memref.store %tile, %out[%c0] : memref<4xindex>
    memref.store %first, %out[%c1] : memref<4xindex>
    memref.store %last, %out[%c2] : memref<4xindex>
    memref.store %givers, %out[%c3] : memref<4xindex>
    gpu.return
  }

  // Clusters share as blocks do; each block has the tile of its place.

  // CHECK-LABEL: gpu.func @pair
  // CHECK:       %[[GRID:.*]] = arith.index_cast %{{.*}} : index to i32
  // CHECK:       %[[CLUSTERS:.*]] = arith.divui %[[GRID]], %c2_i32
  // CHECK:       %[[CLUSTER:.*]] = arith.divui %[[BLOCK:.*]], %c2_i32
  // CHECK:       %[[FIRST:.*]] = arith.muli %[[CLUSTER]], %c2_i32
  // CHECK:       %[[RANK:.*]] = arith.subi %[[BLOCK]], %[[FIRST]]
  // CHECK:       %[[ITEM:.*]]:4 = scf.if
  // CHECK-NEXT:    %[[AT:.*]] = arith.muli %{{.*}}, %[[CLUSTERS]]
  // CHECK-NEXT:    arith.addi %[[CLUSTER]], %[[AT]]
  // CHECK:       %[[PAIR:.*]] = arith.muli %[[ITEM]]#0, %c2_i32
  // CHECK-NEXT:  arith.addi %[[PAIR]], %[[RANK]]
  gpu.func @pair(%item: index, %whole: index, %tiles: index, %resident: index, %out: memref<4xindex>) {
    %c0 = arith.constant 0 : index
    %tile, %first, %last, %givers = hopper.work_item %item whole %whole of %tiles steps 22 resident %resident cluster 2
    memref.store %tile, %out[%c0] : memref<4xindex>
    gpu.return
  }
}
