//===- Passes.td - Passes of the CPU path -----------------*- tablegen -*-===//
//
// From tiles of mhffn to vectorised loops and parallel functions.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_CONVERSION_CPU_PASSES_TD
#define FLASHMHF_CONVERSION_CPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def FlashMHFRaiseToTensors : Pass<"flashmhf-raise-to-tensors"> {
  let summary = "put mhffn on memrefs between tensors";
  let description = [{
    So that one pipeline serves functions on tensors and on memrefs. `out` must
    not overlap another operand, which the op requires anyway.

    ```mlir
    flashmhf.mhffn silu ins(%q, .. : memref<..>) outs(%o : memref<..>)
    // becomes
    %tq = bufferization.to_tensor %q restrict : memref<..> to tensor<..>
    %to = bufferization.to_tensor %o restrict writable : memref<..> to tensor<..>
    %0 = flashmhf.mhffn silu ins(%tq, .. : tensor<..>) outs(%to : tensor<..>)
        -> tensor<..>
    bufferization.materialize_in_destination %0 in restrict writable %o
    ```

    Numerics: unchanged.
  }];
  let dependentDialects = ["bufferization::BufferizationDialect"];
}

def FlashMHFAssignCPUSchedule : Pass<"flashmhf-assign-cpu-schedule"> {
  let summary = "give every mhffn without a schedule tiles for a CPU";
  let description = [{
    Tokens in tiles of 64, so that one vector register block covers them, and
    rows of K, U and V in the largest power of two up to 128 with which each of
    their tiles has at most 8192 elements, so that they stay in the second
    level cache with the accumulator of O. A schedule that is there stays, but
    for its `split`, which becomes 1.

    ```mlir
    %o = flashmhf.mhffn silu ins(..) outs(..) -> tensor<?x8x?x128xf32>
    // becomes
    %o = flashmhf.mhffn silu ins(..) outs(..)
        {schedule = #flashmhf.schedule<token_tile = 64, dff_tile = 64, ..>}
        -> tensor<?x8x?x128xf32>
    ```

    Numerics: unchanged.
  }];
}

def FlashMHFPadTiles : Pass<"flashmhf-pad-tiles"> {
  let summary = "give tiles of mhffn static sizes that fill whole vectors";
  let description = [{
    Pads the tokens, the rows of K, U and V, and D of every `flashmhf.mhffn` on
    tensors with zeros: up to a bound that is known at compile time, rounded up
    to whole vectors (tokens and D) or to 4 (rows). A size without a bound
    stays. Zero rows of V make the padded part of A meet nothing.

    ```mlir
    %o = flashmhf.mhffn silu ins(%q, %k, %v : tensor<1x1x?x128xf32>, ..)
        outs(%init : tensor<1x1x?x128xf32>) -> tensor<1x1x?x128xf32>
    // becomes, where ? is at most 64
    %zero = linalg.fill .. -> tensor<1x1x64x128xf32>
    %q1 = tensor.insert_slice %q into %zero[0, 0, 0, 0] [1, 1, %n, 128] ..
    %o1 = flashmhf.mhffn silu ins(%q1, %k, %v : tensor<1x1x64x128xf32>, ..)
        outs(%init1 : tensor<1x1x64x128xf32>) -> tensor<1x1x64x128xf32>
    %o = tensor.extract_slice %o1[0, 0, 0, 0] [1, 1, %n, 128] ..
    ```

    Numerics: unchanged for finite operands. Padded rows of K and U turn an
    infinite Q into NaN where it could have been infinite.
  }];
  let options = [
    Option<"vectorBits", "vector-bits", "unsigned", /*default=*/"512",
           "bits of a vector register: 128, 256 or 512">
  ];
  let dependentDialects = ["arith::ArithDialect", "linalg::LinalgDialect",
                           "tensor::TensorDialect"];
}

def FlashMHFTilesToLinalg : Pass<"flashmhf-tiles-to-linalg"> {
  let summary = "write tiles of mhffn as linalg, laid out for vectors";
  let description = [{
    A tile has one batch, head, KUV-head and sub-network, and an `out` of the
    accumulation type. Of tokens M, rows N and head width D, with operands
    widened to the accumulation type:

    ```
    Qt = transpose(Q)                D x M   invariant in the loops over d_ff
    S  = K Qt,  T = U Qt             N x M   rows of K and U are broadcast
    A  = R * activation(S) * T       N x M   rounded to the input type
    O += A^T V                       M x D
    ```

    so that vectors run along tokens in S, T and A and along D in O, and of all
    operands only Q is ever transposed.

    Numerics: as `flashmhf.mhffn` says; sums run in the order of D and F.
  }];
  let dependentDialects = ["arith::ArithDialect", "linalg::LinalgDialect",
                           "math::MathDialect", "tensor::TensorDialect"];
}

def FlashMHFVectorizeTiles
    : Pass<"flashmhf-vectorize-tiles", "::mlir::func::FuncOp"> {
  let summary = "tile contractions for registers, fuse the activation, vectorise";
  let description = [{
    Works on `linalg` on tensors of static shape. An elementwise op that reads
    contractions is tiled to a block of registers and its contractions are
    fused into the tile; every contraction is then tiled to such a block with a
    reduction of 1 inside, and becomes a chain of `vector.outerproduct`. Loop
    invariant code motion of subsets keeps the accumulators in registers
    afterwards. What does not fill whole vectors stays as it is.

    ```mlir
    %a = linalg.generic .. ins(%s, %t) ..       // %s, %t = linalg.matmul
    // becomes
    scf.for %f = .. step 4 { scf.for %m = .. step 64 {
      scf.for %d = .. step 1 {
        .. vector.outerproduct .. : vector<4xf32>, vector<64xf32> }
      ..
      arith.mulf .. : vector<4x64xf32>
      vector.transfer_write ..
    } }
    ```

    Numerics: a product and its sum are fused (one rounding).
  }];
  let options = [
    Option<"vectorBits", "vector-bits", "unsigned", /*default=*/"512",
           "bits of a vector register: 128, 256 or 512">
  ];
  let dependentDialects = ["affine::AffineDialect", "linalg::LinalgDialect",
                           "scf::SCFDialect", "vector::VectorDialect"];
}

def FlashMHFCopiesToLinalg : Pass<"flashmhf-copies-to-linalg"> {
  let summary = "write memref.copy as linalg";
  let description = [{
    So that a strided copy becomes a loop and not a call of a runtime function.

    ```mlir
    memref.copy %a, %b : memref<?x8xf32, strided<[?, 1]>> to memref<?x8xf32>
    // becomes
    linalg.generic .. ins(%a) outs(%b) { linalg.yield %in }
    ```

    Numerics: unchanged.
  }];
  let dependentDialects = ["linalg::LinalgDialect"];
}

def FlashMHFApproximateMath : Pass<"flashmhf-approximate-math"> {
  let summary = "write exp and tanh of f32 vectors as polynomials";
  let description = [{
    ```mlir
    %1 = math.exp %0 : vector<4x64xf32>
    // becomes arith, math.floor and math.fma on vectors
    ```

    Numerics: a few units in the last place of f32. Other types are left to the
    mathematical library of C.
  }];
  let dependentDialects = ["arith::ArithDialect", "math::MathDialect",
                           "vector::VectorDialect"];
}

def FlashMHFOutlineParallel
    : Pass<"flashmhf-outline-parallel", "::mlir::ModuleOp"> {
  let summary = "make a function of every scf.forall and run it in parallel";
  let description = [{
    Expects buffers: an `scf.forall` without results. Its iterations are
    numbered in row-major order; the function runs those in [begin, end). What
    the body reads from outside comes through a structure on the caller's
    stack.

    ```mlir
    scf.forall (%i) in (%n) { use(%m, %i) }
    // becomes
    %c = llvm.alloca .. x !llvm.struct<(..)>    // %m, .. are stored there
    call @flashmhf_parallel_for(%n, %body, %c)

    func.func private @f_parallel_0(%begin: index, %end: index, %c: !llvm.ptr) {
      scf.for %i = %begin to %end { use(%m, %i) }
    }
    ```

    `flashmhf/Runtime/ParallelFor.h` defines @flashmhf_parallel_for.

    Numerics: unchanged; iterations are independent.
  }];
  let dependentDialects = ["arith::ArithDialect", "func::FuncDialect",
                           "LLVM::LLVMDialect", "scf::SCFDialect"];
}

#endif // FLASHMHF_CONVERSION_CPU_PASSES_TD
