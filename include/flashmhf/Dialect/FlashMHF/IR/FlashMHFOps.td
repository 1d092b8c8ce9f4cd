//===- FlashMHFOps.td - flashmhf operations ---------------*- tablegen -*-===//
//
// The operations of the dialect.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_DIALECT_FLASHMHF_IR_FLASHMHFOPS_TD
#define FLASHMHF_DIALECT_FLASHMHF_IR_FLASHMHFOPS_TD

include "flashmhf/Dialect/FlashMHF/IR/FlashMHFAttrs.td"
include "flashmhf/Dialect/FlashMHF/IR/FlashMHFDialect.td"
include "mlir/Dialect/Linalg/IR/LinalgInterfaces.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/TilingInterface.td"

class FlashMHF_Op<string mnemonic, list<Trait> traits = []>
    : Op<FlashMHF_Dialect, mnemonic, traits>;

/// Q, K, U, V and O: a floating-point tensor or memref of rank 4.
def FlashMHF_Operand : AnyTypeOf<[
    TensorRankOf<[BF16, F16, F32, F64], [4]>,
    MemRefRankOf<[BF16, F16, F32, F64], [4]>],
    "tensor or memref of rank 4 of bf16, f16, f32 or f64">;

/// R is as wide as the accumulation.
def FlashMHF_Router : AnyTypeOf<[
    TensorRankOf<[F32, F64], [4]>, MemRefRankOf<[F32, F64], [4]>],
    "tensor or memref of rank 4 of f32 or f64">;

def FlashMHF_MHFFNOp : FlashMHF_Op<"mhffn", [
    AttrSizedOperandSegments, DestinationStyleOpInterface,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface,
      ["reifyResultShapes"]>,
    DeclareOpInterfaceMethods<AggregatedOpInterface, ["decomposeOperation"]>,
    DeclareOpInterfaceMethods<TilingInterface, [
      "getLoopIteratorTypes", "getIterationDomain", "getTiledImplementation",
      "getResultTilePosition", "generateResultTileValue",
      "getIterationDomainTileFromResultTile"]>]> {
  let summary = "multi-head feed-forward network, accumulated into `out`";
  let description = [{
    For every batch `b`, head `h` and sub-network `e`, with `g = h / (H / G)`:

    ```
    S = Q[b,h] K[g,e]^T     T = U ? Q[b,h] U[g,e]^T : 1
    A = (R ? R[b,h,:,e] : 1) * activation(S) * T
    O[b,h] = out[b,h] + sum_e A V[g,e]
    ```

    | operand    | shape       | element type                              |
    |------------|-------------|-------------------------------------------|
    | `q`        | `[B,H,L,D]` | bf16, f16, f32 or f64: the *input type*   |
    | `k u v`    | `[G,E,F,D]` | the input type; `H` is a multiple of `G`  |
    | `r`        | `[B,H,L,E]` | the accumulation type                     |
    | `init`     | `[B,H,L,D]` | the input type or the accumulation type   |

    The *accumulation type* is f32, for f64 inputs f64. All three products and
    the sum into `out` are accumulated in it, the activation is computed in it,
    `A` is rounded once to the input type before it meets `V`, and the result
    is rounded once to the type of `out`. Who splits the sum over E or F must
    therefore carry an `out` of the accumulation type.

    The operation is tiled over `[B, H, L, E, F]`, E and F being reductions.
    Memrefs in `ins`, `up` and `router` must not overlap the one in `outs`.

    Without `up` the network is an ordinary two-matrix FFN. The operation takes
    tensors, and then has a result, or memrefs, and then writes `out`.

    ```mlir
    %o = flashmhf.mhffn silu
        ins(%q, %k, %v : tensor<2x8x?x128xbf16>, tensor<8x11x256x128xbf16>,
                         tensor<8x11x256x128xbf16>)
        up(%u : tensor<8x11x256x128xbf16>) router(%r : tensor<2x8x?x11xf32>)
        outs(%init : tensor<2x8x?x128xbf16>) -> tensor<2x8x?x128xbf16>
    ```
  }];
  let arguments = (ins
    FlashMHF_ActivationAttr:$activation,
    FlashMHF_Operand:$q,
    FlashMHF_Operand:$k,
    Optional<FlashMHF_Operand>:$u,
    FlashMHF_Operand:$v,
    Optional<FlashMHF_Router>:$r,
    FlashMHF_Operand:$init,
    OptionalAttr<FlashMHF_ScheduleAttr>:$schedule
  );
  let results = (outs Optional<AnyRankedTensor>:$result);
  let assemblyFormat = [{
    `` $activation
    `ins` `(` $q `,` $k `,` $v `:` type($q) `,` type($k) `,` type($v) `)`
    (`up` `(` $u^ `:` type($u) `)`)?
    (`router` `(` $r^ `:` type($r) `)`)?
    `outs` `(` $init `:` type($init) `)`
    attr-dict (`->` type($result)^)?
  }];
  let builders = [
    // The result type is that of `init` when it is a tensor; `u` and `r` may be
    // null.
    OpBuilder<(ins "Activation":$activation, "Value":$q, "Value":$k,
      "Value":$u, "Value":$v, "Value":$r, "Value":$init,
      CArg<"ScheduleAttr", "{}">:$schedule)>
  ];
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizer = 1;
  let extraClassDeclaration = [{
    /// The type that products and sums are accumulated in for inputs of
    /// element type `input`.
    static Type getAccumulatorType(Type input);

    /// Element type of Q, K, U and V.
    Type getInputType() {
      return getElementTypeOrSelf(getQ().getType());
    }
    Type getAccumulatorType() { return getAccumulatorType(getInputType()); }

    // Sizes, ShapedType::kDynamic where they are not static.
    int64_t getBatches() { return getShapeOf(getQ())[0]; }      // B
    int64_t getHeads() { return getShapeOf(getQ())[1]; }        // H
    int64_t getTokens() { return getShapeOf(getQ())[2]; }       // L
    int64_t getHeadWidth() { return getShapeOf(getQ())[3]; }    // D
    int64_t getKVHeads() { return getShapeOf(getK())[0]; }      // G
    int64_t getSubNetworks() { return getShapeOf(getK())[1]; }  // E
    int64_t getSubWidth() { return getShapeOf(getK())[2]; }     // F

    MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }

  private:
    static ArrayRef<int64_t> getShapeOf(Value value) {
      return cast<ShapedType>(value.getType()).getShape();
    }

  public:
  }];
}

include "flashmhf/Dialect/FlashMHF/IR/FlashMHFProject.td"

def FlashMHF_PickVariantOp : FlashMHF_Op<"pick_variant", [Pure]> {
  let summary = "which of several variants is taken";
  let description = [{
    The variant of the first case that holds for `batch` and `length`, the sizes
    B and L of one mhffn, or `otherwise`. An scf.index_switch over it has the
    mhffn in each of its regions, with the schedule of that variant; variant 0
    is the default.

    ```mlir
    %v = flashmhf.pick_variant %batch, %length
        [#flashmhf.case<tokens = 64, tile = 64, tiles = 1, variant = 2>,
         #flashmhf.case<tokens = 512, tile = 128, tiles = 4, variant = 1>]
        otherwise 0
    ```
  }];
  let arguments = (ins
    Index:$batch,
    Index:$length,
    TypedArrayAttrBase<FlashMHF_VariantCaseAttr, "cases">:$cases,
    ConfinedAttr<I64Attr, [IntNonNegative]>:$otherwise);
  let results = (outs Index:$variant);
  let assemblyFormat = [{
    $batch `,` $length $cases `otherwise` $otherwise attr-dict
  }];
  let hasFolder = 1;
  let extraClassDeclaration = [{
    VariantRule getRule();
  }];
}

#endif // FLASHMHF_DIALECT_FLASHMHF_IR_FLASHMHFOPS_TD
