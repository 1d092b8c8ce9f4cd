//===- Passes.td - Conversions between dialects ------------*- tablegen -*-===//

#ifndef FLASHMHF_CONVERSION_PASSES
#define FLASHMHF_CONVERSION_PASSES

include "mlir/Pass/PassBase.td"

def FlashMHFFuseSwiGLU
    : Pass<"flashmhf-fuse-swiglu", "::mlir::ModuleOp"> {
  let summary = "Fuse a tiled mhffn into one on-chip hopper kernel";
  let description = [{
    Takes what flashmhf-tile-tokens, flashmhf-tile-dff and flashmhf-bufferize
    leave. K, U and V tiles go through rings of one slot; activation, gate and
    router work on vectors, and the accumulator is carried by the loops. With
    `scale_sums` there are two: that of a sub-network, into which A V goes, and that
    of all, to which R times the former is added behind the last step of the
    sub-network, or the last that a piece has of it. A is then rounded without R.

    ```mlir
    scf.forall (%b, %h, %l) .. {
      %acc = memref.alloc() : memref<1x1x128x128xf32>
      scf.for %e .. { scf.for %f .. { flashmhf.mhffn silu .. outs(%acc) } }
      linalg.generic .. // %o[%b, %h, %l] = truncf %acc
    }
    // becomes
    hopper.launch @kernels::@ffn args(%q, %k, %u, %v, %r, %o) ..
    gpu.func @ffn(..) kernel {
      scf.for .. iter_args(%acc = zero) {
        hopper.put %mk[..] into %K
        %k = hopper.get %K
        %s = hopper.wgmma %q, %k transpose_b
        ..
        %a = arith.truncf %gated : vector<128x128xf32> to vector<128x128xbf16>
        %o1 = hopper.wgmma %a, %v acc %acc
      }
      hopper.store %rounded, %o[..]
    }
    ```

    Numerics: sigmoid and the activations built on it are computed through tanh,
    which later is the hardware's approximation. Products accumulate in f32; A
    and the output are rounded once each, as the op says.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
      "::mlir::gpu::GPUDialect", "::mlir::hopper::HopperDialect",
      "::mlir::math::MathDialect", "::mlir::scf::SCFDialect"];
}

def FlashMHFLowerProject
    : Pass<"flashmhf-lower-project", "::mlir::ModuleOp"> {
  let summary = "Make an on-chip hopper kernel of each project";
  let description = [{
    Takes what flashmhf-bufferize leaves. A block computes `token_tile` tokens of
    one head, or of them the part of the sum over G and K that is its piece; an
    init that is filled with zero is not read. Blocks of a `cluster`, whose tokens
    lie side by side, fetch W for each other.

    ```mlir
    linalg.fill ins(%zero) outs(%o)
    flashmhf.project ins(%x, %w : memref<1x1x?x1024xbf16>, memref<16x1x64x1024xbf16>)
        outs(%o : memref<1x16x?x64xbf16>)
        {schedule = #flashmhf.schedule<token_tile = 8, dff_tile = 128, .., exchange = true>}
    // becomes
    hopper.launch @kernels::@f args(%x, %w, %o) ..
    gpu.func @f(..) kernel {
      scf.for %t .. iter_args(%acc = zero) {
        hopper.put %mw[%head, %g, %c0, %k] into %W evict_first
        hopper.put %mx[%batch, %g, %row, %k] into %X
        %w = hopper.get %W
        %x = hopper.get %X
        %sum = hopper.wgmma %w, %x transpose_b acc %acc
      }
      hopper.store %rounded, %o[..] transposed
    }
    ```

    Numerics: products accumulate in f32, the sum is associated by pieces, which
    are added in their order, and the result is rounded once.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect",
      "::mlir::arith::ArithDialect", "::mlir::gpu::GPUDialect",
      "::mlir::hopper::HopperDialect", "::mlir::scf::SCFDialect"];
}

def HopperLowerTiles : Pass<"hopper-lower-tiles"> {
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

    So are items of work, hopper.work_range and hopper.work_item, with the numbers
    of the block and of blocks. Values are not changed.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::gpu::GPUDialect",
                           "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect"];
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
    : Pass<"hopper-lower-warpgroups"> {
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

def HopperDistribute : Pass<"hopper-distribute"> {
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

def HopperKernelsToNVVM
    : Pass<"hopper-kernels-to-nvvm", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Convert kernels to the LLVM and NVVM dialects";
  let description = [{
    What convert-gpu-to-nvvm does, but for the operations that it rewrites
    within the GPU dialect beforehand, such as gpu.all_reduce.

    ```mlir
    gpu.func @ffn(%o: memref<?xf32>) kernel { %x = gpu.thread_id x .. }
    // becomes
    llvm.func @ffn(%p: !llvm.ptr, ..) attributes {nvvm.kernel} {
      %x = nvvm.read.ptx.sreg.tid.x : i32 ..
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect",
                           "::mlir::NVVM::NVVMDialect"];
}

def HopperFinalizeKernels
    : Pass<"hopper-finalize-kernels", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Give kernels the attributes that only NVVM kernels have";
  let description = [{
    Tensor maps become grid constants passed by value, which the kernel reads in
    place; a kernel of known block size gets the cap on registers at entry
    without which ptxas ignores setmaxnreg.

    ```mlir
    llvm.func @ffn(%m: !llvm.ptr) attributes {hopper.tensor_maps = 1 : i64, nvvm.kernel, nvvm.maxntid = array<i32: 384, 1, 1>}
    // becomes
    llvm.func @ffn(%m: !llvm.ptr {llvm.byval = .., nvvm.grid_constant})
        attributes {nvvm.kernel, nvvm.maxnreg = 168 : i32, nvvm.maxntid = array<i32: 384, 1, 1>}
    ```

    Values are not changed.
  }];
}

def FlashMHFKernelsToPTX
    : Pass<"flashmhf-kernels-to-ptx", "::mlir::ModuleOp"> {
  let summary = "Replace kernel modules by their PTX";
  let description = [{
    ```mlir
    gpu.module @kernels { llvm.func @ffn(..) .. }
    // becomes
    gpu.binary @kernels [#gpu.object<#nvvm.target<..>, assembly = "..">]
    ```

    As gpu-module-to-binary does, but without CUDA's device library, of which
    kernels use nothing. Numerics: see HopperDistribute; LLVM changes none.
    Level 0 leaves out LLVM's passes over a kernel, the others run the same ones.
  }];
  let options = [
    Option<"chip", "chip", "std::string", "\"sm_90a\"", "GPU to make PTX for">,
    Option<"features", "features", "std::string", "\"+ptx84\"",
           "features of the target, among them the version of PTX">,
    Option<"optLevel", "opt-level", "int", "3", "optimisation level, 0 to 3">
  ];
  let dependentDialects = ["::mlir::gpu::GPUDialect",
      "::mlir::NVVM::NVVMDialect"];
}

#endif // FLASHMHF_CONVERSION_PASSES
