//===- FlashMHFProject.td - Projections of a layer --------*- tablegen -*-===//
//
// The linear maps in front of and behind the heads of a layer. Included by
// FlashMHFOps.td.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_DIALECT_FLASHMHF_IR_FLASHMHFPROJECT_TD
#define FLASHMHF_DIALECT_FLASHMHF_IR_FLASHMHFPROJECT_TD

def FlashMHF_ProjectOp : FlashMHF_Op<"project", [
    DestinationStyleOpInterface,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface,
      ["reifyResultShapes"]>,
    DeclareOpInterfaceMethods<AggregatedOpInterface,
      ["decomposeOperation"]>]> {
  let summary = "linear map of heads to heads, accumulated into `out`";
  let description = [{
    For every batch `b`, head `h`, token `l` and column `n`:

    ```
    O[b,h,l,n] = out[b,h,l,n] + sum_g sum_k X[b,g,l,k] W[h,g,n,k]
    ```

    | operand | shape       | element type                              |
    |---------|-------------|-------------------------------------------|
    | `x`     | `[B,G,L,K]` | bf16, f16, f32 or f64: the *input type*   |
    | `w`     | `[H,G,N,K]` | the input type                            |
    | `init`  | `[B,H,L,N]` | the input type or the accumulation type   |

    The *accumulation type* is f32, for f64 inputs f64. Products and the sum into
    `out` are accumulated in it, and the result is rounded once to the type of
    `out`.

    Strides are free but for the innermost, so both projections of a layer, with
    weights `[outputs, inputs]`, are views: in front of the heads G = 1, K is the
    width of the model and H N that of all heads; behind them G heads of width K
    are read where the heads have left them. What is one head to the caller may
    be several here: N = 128 columns are two heads of 64.

    The operation takes tensors, and then has a result, or memrefs, and then
    writes `out`, which `x` and `w` must not overlap.

    ```mlir
    %o = flashmhf.project
        ins(%x, %w : tensor<2x1x?x1024xbf16>, tensor<16x1x64x1024xbf16>)
        outs(%init : tensor<2x16x?x64xbf16>) -> tensor<2x16x?x64xbf16>
    ```

    Of a schedule it takes the keys `token_tile`, `dff_tile`, the columns of X
    and W in one step, `stages`, of the rings of W and X (the third is the
    second once more), `registers`, `consumers`, `split`, of the sum over G and K,
    `push`, `programmatic` and `exchange`.
  }];
  let arguments = (ins
    FlashMHF_Operand:$x,
    FlashMHF_Operand:$w,
    FlashMHF_Operand:$init,
    OptionalAttr<FlashMHF_ScheduleAttr>:$schedule
  );
  let results = (outs Optional<AnyRankedTensor>:$result);
  let assemblyFormat = [{
    `ins` `(` $x `,` $w `:` type($x) `,` type($w) `)`
    `outs` `(` $init `:` type($init) `)`
    attr-dict (`->` type($result)^)?
  }];
  let builders = [
    // The result type is that of `init` when it is a tensor.
    OpBuilder<(ins "Value":$x, "Value":$w, "Value":$init,
      CArg<"ScheduleAttr", "{}">:$schedule)>
  ];
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizer = 1;
  let extraClassDeclaration = [{
    /// Element type of X and W.
    Type getInputType() { return getElementTypeOrSelf(getX().getType()); }
    Type getAccumulatorType() {
      return MHFFNOp::getAccumulatorType(getInputType());
    }

    // Sizes, ShapedType::kDynamic where they are not static.
    int64_t getBatches() { return getSizeOf(getX(), 0); }  // B
    int64_t getGroups() { return getSizeOf(getX(), 1); }   // G
    int64_t getTokens() { return getSizeOf(getX(), 2); }   // L
    int64_t getDepth() { return getSizeOf(getX(), 3); }    // K
    int64_t getHeads() { return getSizeOf(getW(), 0); }    // H
    int64_t getColumns() { return getSizeOf(getW(), 2); }  // N

    MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }

  private:
    static int64_t getSizeOf(Value value, int64_t dim) {
      return cast<ShapedType>(value.getType()).getDimSize(dim);
    }

  public:
  }];
}

#endif // FLASHMHF_DIALECT_FLASHMHF_IR_FLASHMHFPROJECT_TD
