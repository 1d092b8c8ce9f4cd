//===- Passes.td - Conversions between dialects ------------*- tablegen -*-===//

#ifndef FLASHMHF_CONVERSION_PASSES
#define FLASHMHF_CONVERSION_PASSES

include "mlir/Pass/PassBase.td"

def HopperLowerTiles : Pass<"hopper-lower-tiles", "::mlir::gpu::GPUFuncOp"> {
  let summary = "Turn tile numbers into index arithmetic";
  let description = [{
    ```mlir
    %b, %h, %row = hopper.tile_coordinates %n of %o tiles [1, 1, 128] : memref<..>
    // becomes
    %rows = (dim(%o, 2) + 127) / 128
    %row = (%n rem %rows) * 128
    %b = (%n / %rows) rem dim(%o, 0)
    %h = (%n / %rows) / dim(%o, 0)
    ```

    Values are not changed.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect"];
}

def HopperLowerRings : Pass<"hopper-lower-rings", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Lower rings and their slots to mbarriers and TMA";
  let description = [{
    Needs the offsets of hopper-allocate-shared-memory. Rings disappear: each
    region keeps, for each ring that it uses, the stage and phase of its next
    slot in two i32 variables, which LLVM turns into loop-carried registers.

    ```mlir
    %k = hopper.get %K : !hopper.ring<2 x 128x128xbf16> -> !hopper.slot<..>
    hopper.release %k
    // becomes
    wait for the phase of full[stage]; advance stage and phase
    %k = hopper.slot_at %address, %empty : !hopper.slot<..>
    hopper.release %k                // later: arrive on %empty, one lane a warp
    ```

    A put becomes: wait for empty[stage], expect the bytes of the tile, one
    cp.async.bulk.tensor. Barriers are initialised at the start of the kernel by
    its first thread. Tensor maps become pointers to kernel parameters passed by
    value. Values are not changed.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
      "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
      "::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect"];
}

def HopperLowerWarpgroups
    : Pass<"hopper-lower-warpgroups", "::mlir::gpu::GPUFuncOp"> {
  let summary = "Turn warpgroup regions into branches on the warpgroup";
  let description = [{
    ```mlir
    hopper.warpgroups producer registers 24 {..} consumers 2 registers 240 {..}
    // becomes
    scf.if %is_producer { setmaxregister decrease 24; scf.if %first {..} }
    else { setmaxregister increase 240; .. }
    ```

    The kernel gets its block size and the register count at which it starts.
    Values are not changed.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
      "::mlir::scf::SCFDialect", "::mlir::NVVM::NVVMDialect"];
}

def HopperDistribute : Pass<"hopper-distribute", "::mlir::gpu::GPUFuncOp"> {
  let summary = "Spread the vectors of a warpgroup over its threads";
  let description = [{
    A `vector<64xNxf32>` becomes N/2 f32 of each thread in the layout of the
    wgmma accumulator, a `vector<64xNxbf16>` N/4 i32 of two elements, a
    `vector<64xf32>` the 2 f32 of the thread's rows. wgmma, its waits and the
    packing become inline assembly; tanh is the hardware's approximation
    (relative error 2^-11). Otherwise values are not changed.

    ```mlir
    %1 = arith.mulf %0, %0 : vector<64x16xf32>
    // becomes 8 times
    %1 = arith.mulf %0, %0 : f32
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
      "::mlir::scf::SCFDialect", "::mlir::memref::MemRefDialect",
      "::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect",
      "::mlir::gpu::GPUDialect"];
}

#endif // FLASHMHF_CONVERSION_PASSES
