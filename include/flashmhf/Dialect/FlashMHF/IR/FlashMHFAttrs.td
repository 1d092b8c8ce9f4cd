//===- FlashMHFAttrs.td - flashmhf attributes -------------*- tablegen -*-===//
//
// The activation functions and the schedule.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_DIALECT_FLASHMHF_IR_FLASHMHFATTRS_TD
#define FLASHMHF_DIALECT_FLASHMHF_IR_FLASHMHFATTRS_TD

include "flashmhf/Dialect/FlashMHF/IR/FlashMHFDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

def FlashMHF_Activation : I32EnumAttr<"Activation",
    "the function applied to the gate product", [
      I32EnumAttrCase<"Silu", 0, "silu">,
      I32EnumAttrCase<"Gelu", 1, "gelu">,
      I32EnumAttrCase<"Relu", 2, "relu">,
      I32EnumAttrCase<"Relu2", 3, "relu2">,
      I32EnumAttrCase<"Sigmoid", 4, "sigmoid">,
      I32EnumAttrCase<"Identity", 5, "identity">
    ]> {
  let genSpecializedAttr = 0;
  let cppNamespace = "::mlir::flashmhf";
}

def FlashMHF_ActivationAttr
    : EnumAttr<FlashMHF_Dialect, FlashMHF_Activation, "activation"> {
  let description = [{
    With `sig(x) = 1 / (1 + exp(-x))`:

    | name       | value                                                       |
    |------------|-------------------------------------------------------------|
    | `silu`     | `x * sig(x)`                                                |
    | `gelu`     | `x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))`   |
    | `relu`     | `max(x, 0)`                                                 |
    | `relu2`    | `max(x, 0)^2`                                               |
    | `sigmoid`  | `sig(x)`                                                    |
    | `identity` | `x`                                                         |
  }];
  let assemblyFormat = "$value";
}

def FlashMHF_ScheduleAttr : AttrDef<FlashMHF_Dialect, "Schedule"> {
  let mnemonic = "schedule";
  let summary = "every tuning decision of one mhffn";
  let description = [{
    Passes read their tile sizes and the shape of the kernel from here and take
    no tuning options of their own. A key that is left out has the value below;
    the printed form names all up to `rotate`, and the others where they differ.

    ```mlir
    #flashmhf.schedule<token_tile = 128, dff_tile = 128, stages = [2, 2, 2],
                       consumers = 2, registers = [24, 240], cluster = 1,
                       persistent = false, overlap = false, rotate = false,
                       split = 1, producers = 1, fuse_tiles = false,
                       halve_q = false, turns = true,
                       programmatic = false, push = false, exchange = false,
                       scale_sums = false, late_columns = 0, paced = false,
                       hold_q = false, stream_k = false>
    ```

    | key          | meaning                                                   |
    |--------------|-----------------------------------------------------------|
    | `token_tile` | rows of Q and O that one thread block computes            |
    | `dff_tile`   | rows of K, U and V taken in one step, at most F           |
    | `stages`     | depth of the shared-memory rings of K, U and V            |
    | `consumers`  | consumer warpgroups that share the token tile             |
    | `registers`  | registers per thread of the producer and of a consumer    |
    | `cluster`    | thread blocks that share K, U and V, or W, by multicast   |
    | `persistent` | a block computes several tiles, one after another         |
    | `overlap`    | the products of one step run under the activation of another |
    | `rotate`     | each cluster starts its sum at a sub-network of its own, if persistent |
    | `split`      | pieces that the steps of one tile are dealt out to, see flashmhf-split-dff |
    | `producers`  | threads that fetch: 1, or 2 of which one fetches Q only   |
    | `fuse_tiles` | a tile ends under the first products of the next, if persistent and overlapped |
    | `turns`      | consumers issue their products in turn, if overlapped     |
    | `halve_q`    | Q is halved on chip, which saves SiLU and sigmoid a product |
    | `programmatic` | weights are fetched before the stream's previous kernel ends, by a producer of their own, see hopper-split-producer |
    | `push`       | pieces form a cluster and send their sums to each other's shared memory |
    | `exchange` | weights are the rows of the products and tokens their columns, for few tokens |
    | `scale_sums` | R scales the sum of each sub-network instead of every element of A, if there is R |
    | `late_columns` | columns of a step whose activation is computed beside the multiplication with the product with U, if there is U |
    | `paced` | of a piece, what later steps fetch is asked for once that of the first is there |
    | `hold_q` | consumers keep Q in registers, not in shared memory; not with `exchange` |
    | `stream_k` | blocks share the tiles of the last wave evenly, if persistent, see hopper-stream-k |
  }];
  let parameters = (ins
    "int64_t":$tokenTile,
    "int64_t":$dffTile,
    ArrayRefParameter<"int64_t", "K, U, V">:$stages,
    "int64_t":$consumers,
    ArrayRefParameter<"int64_t", "producer, consumer">:$registers,
    "int64_t":$cluster,
    "bool":$persistent,
    "bool":$overlap,
    "bool":$rotate,
    "int64_t":$split,
    "int64_t":$producers,
    "bool":$fuseTiles,
    "bool":$halveQ,
    "bool":$turns,
    "bool":$programmatic,
    "bool":$push,
    "bool":$exchange,
    "bool":$scaleSums,
    "int64_t":$lateColumns,
    "bool":$paced,
    "bool":$holdQ,
    "bool":$streamK
  );
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The schedule with every key at its default.
    static ScheduleAttr getDefault(MLIRContext *context);

    static ScheduleAttr get(MLIRContext *context, const ScheduleFields &fields);
    ScheduleFields getFields() const;
  }];
}

def FlashMHF_VariantCaseAttr : AttrDef<FlashMHF_Dialect, "VariantCase"> {
  let mnemonic = "case";
  let summary = "sizes for which one variant is taken";
  let description = [{
    Holds for a batch B and a length L where B L is at most `tokens`, and
    B ceildiv(L, `tile`) at most `tiles`.

    ```mlir
    #flashmhf.case<tokens = 512, tile = 128, tiles = 4, variant = 1>
    ```
  }];
  let parameters = (ins "int64_t":$tokens, "int64_t":$tile, "int64_t":$tiles,
                        "int64_t":$variant);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

#endif // FLASHMHF_DIALECT_FLASHMHF_IR_FLASHMHFATTRS_TD
