// RUN: flashmhf-opt %s --hopper-lower-warpgroups | FileCheck %s

gpu.module @kernels {
  // The last warpgroup produces, by its first thread; 65536 / 384 registers
  // rounded down to 168 are what each thread starts with.

  // CHECK-LABEL: gpu.func @two_consumers
  // CHECK-SAME: known_block_size = array<i32: 384, 1, 1>
  // CHECK-DAG:  %[[THREAD:.*]] = gpu.thread_id x
  // CHECK-DAG:  %[[C128:.*]] = arith.constant 128 : index
  // CHECK:      %[[WARPGROUP:.*]] = arith.divui %[[THREAD]], %[[C128]]
  // CHECK:      %[[W32:.*]] = arith.index_cast %[[WARPGROUP]] : index to i32
  // CHECK:      %[[UNIFORM:.*]] = nvvm.shfl.sync idx %{{.*}}, %[[W32]]
  // CHECK:      %[[C2:.*]] = arith.constant 2 : i32
  // CHECK:      %[[PRODUCES:.*]] = arith.cmpi eq, %[[UNIFORM]], %[[C2]]
  // CHECK:      scf.if %[[PRODUCES]] {
  // CHECK-NEXT:   nvvm.setmaxregister decrease 24
  // CHECK:        %[[C256:.*]] = arith.constant 256 : index
  // CHECK:        %[[FIRST:.*]] = arith.cmpi eq, %[[THREAD]], %[[C256]]
  // CHECK:        scf.if %[[FIRST]] {
  // CHECK-NEXT:     memref.store
  // CHECK-NEXT:   }
  // CHECK-NEXT: } else {
  // CHECK-NEXT:   nvvm.setmaxregister increase 240
  // CHECK:        %[[INDEX:.*]] = arith.index_castui %[[UNIFORM]] : i32 to index
  // CHECK-NEXT:   memref.store %[[INDEX]]
  // CHECK-NEXT: }
  gpu.func @two_consumers(%i: index, %out: memref<index>) kernel {
    hopper.warpgroups producer registers 24 {
      memref.store %i, %out[] : memref<index>
    } consumers 2 registers 240 {
      %n = hopper.consumer_index : index
      memref.store %n, %out[] : memref<index>
    }
    gpu.return
  }

  // With one consumer both start with 248; a budget of as many sets nothing,
  // and nobody takes turns.

  // CHECK-LABEL: gpu.func @one_consumer
  // CHECK-SAME: known_block_size = array<i32: 256, 1, 1>
  // CHECK-NOT:  bar.
  // CHECK:      scf.if
  // CHECK-NEXT:   nvvm.setmaxregister decrease 240
  // CHECK:      } else {
  // CHECK-NEXT: }
  gpu.func @one_consumer() kernel {
    hopper.warpgroups producer registers 240 {
    } consumers 1 registers 248 {
      hopper.take_turn
      hopper.pass_turn
    }
    gpu.return
  }

  // Half of the registers are enough: both start with 128, so that two blocks
  // fit a multiprocessor; with 8 more they do not.

  // CHECK-LABEL: gpu.func @two_blocks
  // CHECK-SAME: hopper.launch_registers = 128 : i32
  // CHECK:      nvvm.setmaxregister decrease 24
  // CHECK:      nvvm.setmaxregister increase 232
  gpu.func @two_blocks() kernel {
    hopper.warpgroups producer registers 24 {
    } consumers 1 registers 232 {
    }
    gpu.return
  }

  // CHECK-LABEL: gpu.func @one_block
  // CHECK-NOT:  hopper.launch_registers
  // CHECK:      nvvm.setmaxregister decrease 32
  // CHECK:      nvvm.setmaxregister decrease 232
  gpu.func @one_block() kernel {
    hopper.warpgroups producer registers 32 {
    } consumers 1 registers 232 {
    }
    gpu.return
  }

  // Consumer i waits at barrier i + 1 and lets the next one go on; the last one
  // opens the first turn.

  // CHECK-LABEL: gpu.func @turns
  // CHECK:      %[[UNIFORM:.*]] = nvvm.shfl.sync
  // CHECK:      } else {
  // CHECK:        %[[ONE:.*]] = arith.constant 1 : i32
  // CHECK:        %[[OWN:.*]] = arith.addi %[[UNIFORM]], %[[ONE]]
  // CHECK:        %[[LAST:.*]] = arith.constant 1 : i32
  // CHECK:        %[[IS_LAST:.*]] = arith.cmpi eq, %[[UNIFORM]], %[[LAST]]
  // CHECK:        %[[AFTER:.*]] = arith.addi %[[OWN]]
  // CHECK:        %[[NEXT:.*]] = arith.select %[[IS_LAST]], %{{.*}}, %[[AFTER]]
  // CHECK:        scf.if %[[IS_LAST]] {
  // CHECK-NEXT:     llvm.inline_asm has_side_effects {{.*}}"bar.arrive $0, 256;", "r,~{memory}" %[[NEXT]]
  // CHECK-NEXT:   }
  // CHECK:        llvm.inline_asm has_side_effects {{.*}}"bar.sync $0, 256;", "r,~{memory}" %[[OWN]]
  // CHECK:        memref.store
  // CHECK:        llvm.inline_asm has_side_effects {{.*}}"bar.arrive $0, 256;", "r,~{memory}" %[[NEXT]]
  gpu.func @turns(%i: index, %out: memref<index>) kernel {
    hopper.warpgroups producer registers 24 {
    } consumers 2 registers 240 {
      hopper.take_turn
      memref.store %i, %out[] : memref<index>
      hopper.pass_turn
    }
    gpu.return
  }

  // Several producer threads: the first of each warp.

  // CHECK-LABEL: gpu.func @threads
  // CHECK:      nvvm.setmaxregister decrease 24
  // CHECK:      %[[WARP:.*]] = nvvm.shfl.sync idx
  // CHECK:      %[[C8:.*]] = arith.constant 8 : i32
  // CHECK:      %[[IS8:.*]] = arith.cmpi eq, %[[WARP]], %[[C8]]
  // CHECK:      scf.if %[[IS8]] {
  // CHECK:        %[[C256:.*]] = arith.constant 256 : index
  // CHECK:        %[[FIRST:.*]] = arith.cmpi eq, %{{.*}}, %[[C256]]
  // CHECK:        scf.if %[[FIRST]] {
  // CHECK-NEXT:     memref.store %[[I:.*]], %{{.*}}[]
  // CHECK:      %[[C9:.*]] = arith.constant 9 : i32
  // CHECK:      %[[IS9:.*]] = arith.cmpi eq, %[[WARP]], %[[C9]]
  // CHECK:      scf.if %[[IS9]] {
  // CHECK:        %[[C288:.*]] = arith.constant 288 : index
  // CHECK:        %[[SECOND:.*]] = arith.cmpi eq, %{{.*}}, %[[C288]]
  // CHECK:        scf.if %[[SECOND]] {
  // CHECK-NEXT:     memref.store
  gpu.func @threads(%i: index, %j: index, %out: memref<index>) kernel {
    hopper.warpgroups producer registers 24 {
      hopper.thread {
        memref.store %i, %out[] : memref<index>
      }
      hopper.thread {
        memref.store %j, %out[] : memref<index>
      }
    } consumers 2 registers 240 {
    }
    gpu.return
  }

  // A thread that is a warp: no lane is told apart.

  // CHECK-LABEL: gpu.func @warp
  // CHECK:      %[[C9:.*]] = arith.constant 9 : i32
  // CHECK:      %[[IS9:.*]] = arith.cmpi eq, %{{.*}}, %[[C9]]
  // CHECK:      scf.if %[[IS9]] {
  // CHECK-NEXT:   memref.store
  gpu.func @warp(%i: index, %j: index, %out: memref<index>) kernel {
    hopper.warpgroups producer registers 24 {
      hopper.thread {
        memref.store %i, %out[] : memref<index>
      }
      hopper.thread warp {
        memref.store %j, %out[] : memref<index>
      }
    } consumers 2 registers 240 {
    }
    gpu.return
  }

  // CHECK-LABEL: gpu.func @other
  // CHECK-NOT: known_block_size
  // CHECK: gpu.return
  gpu.func @other() kernel {
    gpu.return
  }
}
