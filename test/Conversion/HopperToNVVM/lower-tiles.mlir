// RUN: flashmhf-opt %s --hopper-lower-tiles | FileCheck %s

!out = memref<?x8x?x64xbf16>

gpu.module @kernels {
  // Rows fastest, then the batch, the head slowest.

  // CHECK-LABEL: gpu.func @coordinates
  // CHECK-SAME: (%[[N:.*]]: index, %[[O:.*]]: memref<?x8x?x64xbf16>)
  // CHECK-DAG:  %[[C127:.*]] = arith.constant 127 : i32
  // CHECK-DAG:  %[[C128:.*]] = arith.constant 128 : i32
  // CHECK-DAG:  %[[TILE:.*]] = arith.index_cast %[[N]] : index to i32
  // CHECK-DAG:  %[[L:.*]] = memref.dim %[[O]], %c2
  // CHECK-DAG:  %[[L32:.*]] = arith.index_cast %[[L]] : index to i32
  // CHECK:      %[[UP:.*]] = arith.addi %[[L32]], %[[C127]]
  // CHECK:      %[[ROWS:.*]] = arith.divui %[[UP]], %[[C128]]
  // CHECK-DAG:  %[[ROW:.*]] = arith.remui %[[TILE]], %[[ROWS]]
  // CHECK-DAG:  %[[REST:.*]] = arith.divui %[[TILE]], %[[ROWS]]
  // CHECK-DAG:  %[[NB:.*]] = memref.dim %[[O]], %c0
  // CHECK-DAG:  %[[NB32:.*]] = arith.index_cast %[[NB]] : index to i32
  // CHECK-DAG:  %[[B:.*]] = arith.remui %[[REST]], %[[NB32]]
  // CHECK-DAG:  %[[H:.*]] = arith.divui %[[REST]], %[[NB32]]
  // CHECK-DAG:  %[[START:.*]] = arith.muli %[[ROW]], %[[C128]]
  // CHECK-DAG:  %[[BI:.*]] = arith.index_castui %[[B]] : i32 to index
  // CHECK-DAG:  %[[HI:.*]] = arith.index_castui %[[H]] : i32 to index
  // CHECK-DAG:  %[[RI:.*]] = arith.index_castui %[[START]] : i32 to index
  // CHECK:      memref.load %[[O]][%[[BI]], %[[HI]], %[[RI]], %{{.*}}]
  gpu.func @coordinates(%n: index, %o: !out) {
    %b, %h, %row = hopper.tile_coordinates %n of %o tiles [1, 1, 128] : !out
    %0 = memref.load %o[%b, %h, %row, %b] : !out
    memref.store %0, %o[%b, %h, %row, %b] : !out
    gpu.return
  }

  // CHECK-LABEL: gpu.func @count
  // CHECK-SAME: (%[[O:.*]]: memref<?x8x?x64xbf16>, %[[OUT:.*]]: memref<index>)
  // CHECK-DAG:  %[[C8:.*]] = arith.constant 8 : i32
  // CHECK-DAG:  %[[NB:.*]] = memref.dim %[[O]], %c0
  // CHECK-DAG:  %[[NB32:.*]] = arith.index_cast %[[NB]] : index to i32
  // CHECK-DAG:  %[[BH:.*]] = arith.muli %[[NB32]], %[[C8]]
  // CHECK-DAG:  %[[ROWS:.*]] = arith.divui
  // CHECK:      %[[COUNT:.*]] = arith.muli %[[BH]], %[[ROWS]]
  // CHECK:      %[[INDEX:.*]] = arith.index_castui %[[COUNT]] : i32 to index
  // CHECK:      memref.store %[[INDEX]], %[[OUT]]
  gpu.func @count(%o: !out, %out: memref<index>) {
    %n = hopper.tile_count %o tiles [1, 1, 128] : !out
    memref.store %n, %out[] : memref<index>
    gpu.return
  }
}
