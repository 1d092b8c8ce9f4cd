//===- Passes.td - Passes on the hopper dialect ------------*- tablegen -*-===//

#ifndef FLASHMHF_HOPPER_PASSES
#define FLASHMHF_HOPPER_PASSES

include "mlir/Pass/PassBase.td"

/// Runs on every gpu.func in what it is given.
class HopperPass<string name> : Pass<name> {
  let dependentDialects = ["::mlir::arith::ArithDialect",
      "::mlir::gpu::GPUDialect", "::mlir::hopper::HopperDialect",
      "::mlir::scf::SCFDialect"];
}

def HopperWarpSpecialize : HopperPass<"hopper-warp-specialize"> {
  let summary = "Split a kernel into a producer and consumer warpgroups";
  let description = [{
    Puts, with the loops around them, go to the producer; all else goes to the
    consumers, each of which takes 64 of the tile's rows. The number of
    consumers and the register budgets are those of the kernel's
    `flashmhf.schedule`. Kernels that are specialised already stay.

    ```mlir
    hopper.put %m[..] into %K
    %k = hopper.get %K
    %s = hopper.wgmma %q, %k transpose_b : .. -> !hopper.inflight<vector<128x64xf32>>
    // becomes
    hopper.warpgroups producer registers 24 {
      hopper.put %m[..] into %K
    } consumers 2 registers 240 {
      %i = hopper.consumer_index : index
      %row = arith.muli %i, %c64
      %k = hopper.get %K
      %s = hopper.wgmma %q[%row], %k transpose_b : .. -> !hopper.inflight<vector<64x64xf32>>
    }
    ```

    Values are not changed.
  }];
}

def HopperPersist : HopperPass<"hopper-persist"> {
  let summary = "Loop over the tiles of a block";
  let description = [{
    Where the kernel's `flashmhf.schedule` is persistent, the tile number stops
    being the block number: each region loops from it to the tile count in steps
    of the grid.

    ```mlir
    %n = gpu.block_id x
    ..
    // becomes
    scf.for %n = %block_id to %count step %grid_dim { .. }
    ```

    Values are not changed.
  }];
}

def HopperPipeline : HopperPass<"hopper-pipeline"> {
  let summary = "Deepen the rings and overlap the steps of d_ff";
  let description = [{
    Gives the rings of K, U and V the slots that the kernel's
    `flashmhf.schedule` asks for, so that the producer runs ahead by as many
    tiles.

    ```mlir
    %K = hopper.ring "K" : !hopper.ring<1 x 128x128xbf16>
    // becomes
    %K = hopper.ring "K" : !hopper.ring<2 x 128x128xbf16>
    ```

    With `overlap`, consumers issue the products with K and U of one step
    together with the sum of A V of the step before, and take turns in doing so:

    ```mlir
    scf.for .. iter_args(%acc) {
      %s = hopper.wgmma %q, %k transpose_b
      %a = .. hopper.wait %s ..
      %p = hopper.wgmma %a, %v acc %acc
      %sum = hopper.wait %p
      scf.yield %sum
    }
    // becomes
    %s0 = hopper.wgmma %q, %k0 transpose_b
    %a0 = .. hopper.wait %s0 ..
    scf.for .. iter_args(%acc, %a = %a0, %v = %v0) {
      hopper.take_turn
      %p = hopper.wgmma %a, %v acc %acc
      %s = hopper.wgmma %q, %k transpose_b
      %sum = hopper.wait %p
      hopper.pass_turn
      %next = .. hopper.wait %s ..
      scf.yield %sum, %next, %vnext
    }
    .. // the last sum
    ```

    Values are not changed.
  }];
}

def HopperPlaceWaits : HopperPass<"hopper-place-waits"> {
  let summary = "Let each wait leave the products issued after its own running";
  let description = [{
    Counts the products issued between a product and its wait in the same block;
    a wait for a product of another block, or with a region between that issues
    products, waits for all.

    ```mlir
    %s = hopper.wgmma ..
    %t = hopper.wgmma ..
    %s1 = hopper.wait %s              // becomes: hopper.wait %s pending 1
    ```

    Values are not changed.
  }];
}

def HopperAllocateSharedMemory : HopperPass<"hopper-allocate-shared-memory"> {
  let summary = "Give each ring its place in shared memory";
  let description = [{
    Tiles first, each ring aligned to 1024 bytes as swizzling requires, then the
    barriers. The kernel gets `hopper.shared_memory`, the bytes to launch with
    (1024 of them for aligning the start). More than 232448 bytes are an error
    that prints the size of each ring.

    ```mlir
    %K = hopper.ring "K" : !hopper.ring<2 x 128x128xbf16>
    // becomes
    %K = hopper.ring "K" at 32768 barriers 229376 : !hopper.ring<2 x 128x128xbf16>
    ```

    Values are not changed.
  }];
}

#endif // FLASHMHF_HOPPER_PASSES
