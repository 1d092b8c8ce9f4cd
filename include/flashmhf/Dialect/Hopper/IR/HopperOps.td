//===- HopperOps.td - Operations of the hopper dialect -----*- tablegen -*-===//

#ifndef FLASHMHF_HOPPER_OPS
#define FLASHMHF_HOPPER_OPS

include "flashmhf/Dialect/Hopper/IR/HopperTypes.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/ValueBoundsOpInterface.td"

class Hopper_Op<string mnemonic, list<Trait> traits = []>
    : Op<Hopper_Dialect, mnemonic, traits>;

def Hopper_F32OrHalf : AnyTypeOf<[F32, F16, BF16]>;
def Hopper_Fragment : VectorOfRankAndType<[2], [F32, F16, BF16]>;
def Hopper_Accumulator : VectorOfRankAndType<[2], [F32]>;
def Hopper_Rows : VectorOfRankAndType<[1], [F32]>;
/// One row: a value for each column of a tile.
def Hopper_Columns
    : ConfinedType<VectorOfRankAndType<[2], [F32]>,
                   [CPred<"::llvm::cast<::mlir::VectorType>($_self)"
                          ".getDimSize(0) == 1">],
                   "vector of one row of f32">;

//===----------------------------------------------------------------------===//
// Host
//===----------------------------------------------------------------------===//

def Hopper_LaunchOp : Hopper_Op<"launch",
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "launch a kernel over the tiles of one operand";
  let description = [{
    States everything that the host must do to run a kernel; the launch contract
    is written from it. Each operand reaches the kernel in the form that
    `parameters` gives: a `!hopper.tensor_map`, encoded by the host, or the
    memref's descriptor. The grid has one block for each tile of the operand
    `over`, whose three outer dimensions are cut into `tiles`:
    `prod_i ceildiv(size_i, tiles[i])` blocks along x, numbered as by
    hopper.tile_coordinates, the number along the rows rounded up to a multiple
    of `cluster`. `persistent` limits the grid to the number of multiprocessors,
    in whole clusters.

    With `stream_k` the blocks of a persistent launch share the tiles that do not
    fill a wave, see hopper.work_range, and are at most 256. The
    kernel then takes three index arguments more, which the host provides: the
    address of f32 for all elements of a tile for each block, that of a 4-byte
    flag for each thread of a consumer of each block, which was zero before the
    first launch, and 1 if all blocks of the launch are resident at once, else 0.

    With `pieces` P > 1 there are P blocks for each tile: block n is piece n mod
    P of tile n / P, so that those of a tile start together. The kernel then
    takes three index arguments more, which the host provides: the address of P
    f32 for each element of `over`, that of an 8-byte counter for each tile,
    which was zero before the first launch, and 1 if all blocks of the launch
    are resident at once, else 0. With `push` the pieces of a tile form a cluster
    instead, at most 16, and the kernel takes nothing more.

    A `programmatic` launch may begin before the kernel in front of it in its
    stream has ended: see hopper.wait_predecessor.

    ```mlir
    hopper.launch @kernels::@ffn args(%q, %o : memref<..>, memref<..>)
        as [!hopper.tensor_map<1x1x128x128xbf16>, memref<..>]
        over %o tiles [1, 1, 128] : memref<..>
    ```
  }];
  let arguments = (ins SymbolRefAttr:$kernel,
                       Variadic<AnyMemRef>:$args,
                       TypeArrayAttr:$parameters,
                       AnyMemRef:$over,
                       DenseI64ArrayAttr:$tiles,
                       DefaultValuedAttr<I64Attr, "1">:$cluster,
                       UnitAttr:$persistent, UnitAttr:$stream_k,
                       DefaultValuedAttr<I64Attr, "1">:$pieces,
                       UnitAttr:$push, UnitAttr:$programmatic);
  let assemblyFormat = [{
    $kernel `args` `(` $args `:` type($args) `)` `as` $parameters
    `over` $over `tiles` $tiles (`cluster` $cluster^)?
    (`persistent` $persistent^)? (`stream_k` $stream_k^)? (`pieces` $pieces^)? (`push` $push^)?
    (`programmatic` $programmatic^)? attr-dict `:` type($over)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Arguments besides `args` of a kernel whose blocks share sums in memory.
    static constexpr unsigned kNumPieceArguments = 3;
    /// Whether the kernel takes these.
    bool hasPieceArguments() {
      return getStreamK() || (getPieces() > 1 && !getPush());
    }
  }];
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

class Hopper_TileOp<string mnemonic, list<Trait> traits = []>
    : Hopper_Op<mnemonic, traits # [Pure]> {
  let hasVerifier = 1;
}

def Hopper_TileCountOp : Hopper_TileOp<"tile_count"> {
  let summary = "number of tiles of a tensor";
  let description = [{
    `prod_i ceildiv(size_i, tiles[i])` over the outer three dimensions, where
    the number along the rows is rounded up to a multiple of `cluster`.
  }];
  let arguments = (ins MemRefRankOf<[AnyType], [4]>:$over,
                       DenseI64ArrayAttr:$tiles,
                       DefaultValuedAttr<I64Attr, "1">:$cluster);
  let results = (outs Index:$count);
  let assemblyFormat = [{
    $over `tiles` $tiles (`cluster` $cluster^)? attr-dict `:` type($over)
  }];
}

def Hopper_TileCoordinatesOp : Hopper_TileOp<"tile_coordinates"> {
  let summary = "position of the n-th tile of a tensor, in elements";
  let description = [{
    Tiles are numbered with the rows (dimension 2) fastest, then the batch
    (dimension 0), the heads (dimension 1) slowest: blocks that run together
    share K, U and V. The number along the rows is rounded up to a multiple of
    `cluster`, so that the blocks of a cluster have the same batch and head; the
    last tile may lie past the end.

    ```mlir
    %b, %h, %row = hopper.tile_coordinates %n of %o tiles [1, 1, 128] : memref<..>
    ```
  }];
  let arguments = (ins Index:$tile, MemRefRankOf<[AnyType], [4]>:$over,
                       DenseI64ArrayAttr:$tiles,
                       DefaultValuedAttr<I64Attr, "1">:$cluster);
  let results = (outs Index:$batch, Index:$head, Index:$row);
  let assemblyFormat = [{
    $tile `of` $over `tiles` $tiles (`cluster` $cluster^)? attr-dict
    `:` type($over)
  }];
}

include "flashmhf/Dialect/Hopper/IR/HopperStreamK.td"

//===----------------------------------------------------------------------===//
// Rings
//===----------------------------------------------------------------------===//

def Hopper_RingOp : Hopper_Op<"ring",
    [DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "allocate a ring in shared memory";
  let description = [{
    The memory lives as long as the block. `offset` is the byte offset of slot 0
    from the start of the block's tiles and `barriers` that of its barriers
    (for each part full[slots], then empty[slots], 8 bytes each); both are absent
    until hopper-allocate-shared-memory has run.
  }];
  let arguments = (ins StrAttr:$name, OptionalAttr<I64Attr>:$offset,
                       OptionalAttr<I64Attr>:$barriers);
  let results = (outs Hopper_RingType:$ring);
  let assemblyFormat = [{
    $name (`at` $offset^)? (`barriers` $barriers^)? attr-dict
    `:` type($ring)
  }];
}

def Hopper_PutOp : Hopper_Op<"put"> {
  let summary = "fetch a tile into the next slot of a ring";
  let description = [{
    Waits until the next slot is empty, then starts the TMA transfer of the tile
    at `coordinates` (in elements, outermost dimension first). Elements outside
    of the tensor arrive as zero. The slot is full when all bytes have arrived.

    The map's tile is the slot's, or a part of it that several transfers repeat:
    all rows of some panels, or some rows of one panel. A cluster that fills the
    slot together shares these transfers out; every block puts the same tile.
    Of a ring of parts, the parts are fetched one after another, each when it is
    empty; the map's tile is then at most a part.
    With `evict_first` the tile is among the first to leave the L2 cache, for
    what is read once.
  }];
  let arguments = (ins Hopper_TensorMapType:$map, Variadic<Index>:$coordinates,
                       Hopper_RingType:$ring, UnitAttr:$evict_first);
  let assemblyFormat = [{
    $map `[` $coordinates `]` `into` $ring (`evict_first` $evict_first^)?
    attr-dict
    `:` type($map) `,` type($ring)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// How many tiles of `map` make up a part of a slot of `ring`, if they do.
    static std::optional<int64_t> countTransfers(TensorMapType map,
                                                 RingType ring);
    /// Whether it fetches what no earlier kernel writes: see holdsWeights.
    bool fetchesWeights();
  }];
}

def Hopper_AwaitFirstOp : Hopper_Op<"await_first"> {
  let summary = "wait until the first tile of a ring has arrived";
  let description = [{
    In the producer, where `condition` holds: before it puts as many tiles as
    there are slots, so that slot 0 still has that tile, or is to get it.
  }];
  let arguments = (ins Hopper_RingType:$ring, I1:$condition);
  let assemblyFormat = "$ring `if` $condition attr-dict `:` type($ring)";
}

def Hopper_GetOp : Hopper_Op<"get"> {
  let summary = "wait for the next full slot of a ring";
  let description = [{
    In a consumer, a ring of parts gives the part of that consumer. Of a local
    ring it is the next slot, at once: hopper.write fills it.
  }];
  let arguments = (ins Hopper_RingType:$ring);
  let results = (outs Hopper_SlotType:$slot);
  let assemblyFormat = [{
    $ring attr-dict `:` type($ring) `->` type($slot)
  }];
  let hasVerifier = 1;
}

def Hopper_ReleaseOp : Hopper_Op<"release"> {
  let summary = "give a slot back to the producer";
  let description = [{
    The slot must not be read afterwards, and no product that reads it may be in
    flight.
  }];
  let arguments = (ins Hopper_SlotType:$slot);
  let assemblyFormat = "$slot attr-dict `:` type($slot)";
  let hasVerifier = 1;
}

def Hopper_WriteOp : Hopper_Op<"write"> {
  let summary = "write a tile from registers to a slot, transposed";
  let description = [{
    Row j, column i of the slot becomes row i, column j of the tile, so that the
    product of a tile can be the B of another product. The slot is of a local
    ring; products issued afterwards see what was written. The warps of the
    consumer meet here once. So a product that reads the slot's former tile must
    have been awaited before the last write in front of this one, and a ring
    needs 2 slots.

    ```mlir
    %slot = hopper.get %A : !hopper.ring<2 x 8x64xbf16, local>
        -> !hopper.slot<8x64xbf16>
    hopper.write %a to %slot : vector<64x8xbf16>, !hopper.slot<8x64xbf16>
    ```
  }];
  let arguments = (ins VectorOfRankAndType<[2], [F16, BF16]>:$value,
                       Hopper_SlotType:$slot);
  let assemblyFormat = [{
    $value `to` $slot attr-dict `:` type($value) `,` type($slot)
  }];
  let hasVerifier = 1;
}

def Hopper_ReadOp : Hopper_Op<"read"> {
  let summary = "read a tile from a slot to registers";
  let description = [{
    As the A operand of products, which then have shared memory to read for B
    only. The warps of the consumer do this together. When it is done the slot
    may be released.

    ```mlir
    %a = hopper.read %q : !hopper.slot<64x128xbf16> -> vector<64x128xbf16>
    ```
  }];
  let arguments = (ins Hopper_SlotType:$slot);
  let results = (outs VectorOfRankAndType<[2], [F16, BF16]>:$result);
  let assemblyFormat = [{
    $slot attr-dict `:` type($slot) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Hopper_ScaleOp : Hopper_Op<"scale"> {
  let summary = "multiply the elements of a tile in shared memory";
  let description = [{
    In place, before any product reads the tile. `factor` is a power of two, so
    that nothing but a denormal element rounds. The slot belongs to one consumer,
    which does this together.

    ```mlir
    hopper.scale %q, 5.000000e-01 : !hopper.slot<64x128xbf16>
    ```
  }];
  let arguments = (ins Hopper_SlotType:$slot, F32Attr:$factor);
  let assemblyFormat = "$slot `,` $factor attr-dict `:` type($slot)";
  let hasVerifier = 1;
}

def Hopper_SlotAtOp : Hopper_Op<"slot_at", [Pure]> {
  let summary = "a slot, given the address of its tile and its empty barrier";
  let description = [{
    What `hopper.get` becomes once rings are lowered: both operands are 32-bit
    addresses in shared memory.
  }];
  let arguments = (ins I32:$address, I32:$empty);
  let results = (outs Hopper_SlotType:$slot);
  let assemblyFormat = [{
    $address `,` $empty attr-dict `:` type($slot)
  }];
}

//===----------------------------------------------------------------------===//
// Warpgroups
//===----------------------------------------------------------------------===//

def Hopper_WarpgroupsOp : Hopper_Op<"warpgroups",
    [SingleBlockImplicitTerminator<"YieldOp">, RecursiveMemoryEffects,
     NoRegionArguments]> {
  let summary = "one producer warpgroup and n consumer warpgroups";
  let description = [{
    The consumer region runs once in each of `consumers` warpgroups (numbers 0
    to n-1, given by `hopper.consumer_index`), the producer region in the last
    warpgroup, by one thread of it or by one for each `hopper.thread` in it. `registers` holds the register budgets of a
    thread of the producer and of the consumers; together they must not exceed
    what the block got at launch: a pool of 65536 registers divided evenly,
    rounded down to a multiple of 8.

    ```mlir
    hopper.warpgroups producer registers 24 {
      hopper.put ..
    } consumers 2 registers 240 {
      %s = hopper.get ..
    }
    ```
  }];
  let arguments = (ins I64Attr:$consumers, DenseI64ArrayAttr:$registers);
  let regions = (region SizedRegion<1>:$producer, SizedRegion<1>:$consumer);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

def Hopper_YieldOp : Hopper_Op<"yield",
    [Pure, Terminator, ParentOneOf<["WarpgroupsOp"]>]> {
  let summary = "ends a region of hopper.warpgroups";
  let assemblyFormat = "attr-dict";
}

def Hopper_ThreadOp : Hopper_Op<"thread",
    [HasParent<"WarpgroupsOp">, NoTerminator, SingleBlock, NoRegionArguments,
     RecursiveMemoryEffects]> {
  let summary = "one of several threads of the producer";
  let description = [{
    A producer region that holds these and nothing else is run by as many
    threads, at most 4, each the first of a warp of its own. With `warp` all
    lanes of the warp run the body, which has one of them act where it must.
  }];
  let arguments = (ins UnitAttr:$warp);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "(`warp` $warp^)? $body attr-dict";
}

def Hopper_ConsumerIndexOp : Hopper_Op<"consumer_index", [Pure]> {
  let summary = "the number of this consumer warpgroup";
  let results = (outs Index:$index);
  let assemblyFormat = "attr-dict `:` type($index)";
  let hasVerifier = 1;
}

class Hopper_TurnOp<string mnemonic> : Hopper_Op<mnemonic> {
  let assemblyFormat = "attr-dict";
  let hasVerifier = 1;
}

def Hopper_TakeTurnOp : Hopper_TurnOp<"take_turn"> {
  let summary = "wait for this consumer's turn to issue products";
  let description = [{
    Consumers take turns in the order of their numbers, starting with 0; each
    turn ends with `hopper.pass_turn`. So one consumer's activation runs under
    the products of another. Every consumer must take the same number of turns.
  }];
}

def Hopper_PassTurnOp : Hopper_TurnOp<"pass_turn"> {
  let summary = "give the turn to the next consumer";
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

def Hopper_WgmmaOp : Hopper_Op<"wgmma", [AttrSizedOperandSegments]> {
  let summary = "issue a matrix product";
  let description = [{
    `A * B`, or `A * B^T` with `transpose_b`, plus `acc` if given, in f32. `A`
    is a slot, of which M rows from `row` on are used, or a 16-bit vector; `B`
    is a slot. Each operation is one wgmma group: `hopper.wait` counts them.

    With `transpose_a` the product is that of `A^T`, whose rows are the columns of
    a slot, rounded up to whole warpgroup tiles: the rows of the result past
    them are not defined.

    With `if` the product starts from zero where the condition does not hold: `acc`
    then only lends its registers.

    ```mlir
    %s = hopper.wgmma %q[%row], %k transpose_b
        : !hopper.slot<128x128xbf16>, !hopper.slot<64x128xbf16>
        -> !hopper.inflight<vector<64x64xf32>>
    %o = hopper.wgmma %a, %v acc %o0 : vector<64x128xf32>
        : vector<64x64xbf16>, !hopper.slot<64x128xbf16>
        -> !hopper.inflight<vector<64x128xf32> reads vector<64x64xbf16>>
    %p = hopper.wgmma %v transpose_a, %w transpose_b acc %p0 : vector<128x8xf32>
        : !hopper.slot<64x96xbf16>, !hopper.slot<8x64xbf16>
        -> !hopper.inflight<vector<128x8xf32>>
    ```
  }];
  let arguments = (ins AnyTypeOf<[Hopper_SlotType, Hopper_Fragment]>:$a,
                       Optional<Index>:$row,
                       Hopper_SlotType:$b,
                       Optional<Hopper_Accumulator>:$acc,
                       Optional<I1>:$accumulates,
                       UnitAttr:$transpose_b,
                       UnitAttr:$transpose_a);
  let results = (outs Hopper_InflightType:$result);
  let assemblyFormat = [{
    $a (`[` $row^ `]`)? (`transpose_a` $transpose_a^)? `,` $b (`transpose_b` $transpose_b^)?
    (`acc` $acc^ `:` type($acc))? (`if` $accumulates^)? attr-dict
    `:` type($a) `,` type($b) `->` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    VectorType getResultVector() { return getResult().getType().getResult(); }
    /// Columns of A as it is multiplied, rows of B.
    int64_t getDepth();
  }];
}

def Hopper_WaitOp : Hopper_Op<"wait",
    [TypesMatchWith<"the result is the awaited vector", "value", "result",
                    "::llvm::cast<InflightType>($_self).getResult()">]> {
  let summary = "wait for a product and yield its result";
  let description = [{
    Returns when at most `pending` products issued after this one are still
    running. The only way to read a value in flight. hopper-place-waits computes
    `pending` from the order of issue.
  }];
  let arguments = (ins Hopper_InflightType:$value,
                       DefaultValuedAttr<ConfinedAttr<I64Attr,
                         [IntNonNegative]>, "0">:$pending);
  let results = (outs Hopper_Accumulator:$result);
  let assemblyFormat = [{
    $value (`pending` $pending^)? attr-dict `:` type($value)
  }];
}

//===----------------------------------------------------------------------===//
// Rows and fragments
//===----------------------------------------------------------------------===//

def Hopper_LoadRowsOp : Hopper_Op<"load_rows"> {
  let summary = "load one f32 for each row of a tile";
  let description = [{
    Reads `source[b, h, row + i, e]` for i in [0, M). Rows past the end of
    dimension 2 give 0.
  }];
  let arguments = (ins MemRefRankOf<[F32], [4]>:$source, Variadic<Index>:$indices);
  let results = (outs Hopper_Rows:$rows);
  let assemblyFormat = [{
    $source `[` $indices `]` attr-dict `:` type($source) `->` type($rows)
  }];
  let hasVerifier = 1;
}

def Hopper_RowScaleOp : Hopper_Op<"row_scale",
    [Pure, AllTypesMatch<["value", "result"]>]> {
  let summary = "multiply row i of a tile by the i-th element of a vector";
  let arguments = (ins Hopper_Accumulator:$value, Hopper_Rows:$rows);
  let results = (outs Hopper_Accumulator:$result);
  let assemblyFormat = [{
    $value `,` $rows attr-dict `:` type($value) `,` type($rows)
  }];
  let hasVerifier = 1;
}

def Hopper_AddScaledOp : Hopper_Op<"add_scaled",
    [Pure, AllTypesMatch<["sum", "value", "result"]>]> {
  let summary = "add a tile to a sum, row i times the i-th element of a vector";
  let description = [{
    `sum + rows * value`, each element rounded once, or `sum` where the condition
    does not hold.

    ```mlir
    %o1 = hopper.add_scaled %o, %part, %r if %last
        : vector<64x128xf32>, vector<64xf32>
    ```
  }];
  let arguments = (ins Hopper_Accumulator:$sum, Hopper_Accumulator:$value,
                       Hopper_Rows:$rows, I1:$condition);
  let results = (outs Hopper_Accumulator:$result);
  let assemblyFormat = [{
    $sum `,` $value `,` $rows `if` $condition attr-dict
    `:` type($value) `,` type($rows)
  }];
  let hasVerifier = 1;
}

def Hopper_LoadColumnsOp : Hopper_Op<"load_columns"> {
  let summary = "load one f32 for each column of a tile";
  let description = [{
    Reads `source[b, h, row + j, e]` for the columns j of a tile whose columns
    are rows of a tensor. Those past the end of dimension 2 give 0.
  }];
  let arguments = (ins MemRefRankOf<[F32], [4]>:$source, Variadic<Index>:$indices);
  let results = (outs Hopper_Columns:$columns);
  let assemblyFormat = [{
    $source `[` $indices `]` attr-dict `:` type($source) `->` type($columns)
  }];
  let hasVerifier = 1;
}

def Hopper_ColumnScaleOp : Hopper_Op<"column_scale",
    [Pure, AllTypesMatch<["value", "result"]>]> {
  let summary = "multiply column j of a tile by the j-th element of a row";
  let arguments = (ins Hopper_Accumulator:$value, Hopper_Columns:$columns);
  let results = (outs Hopper_Accumulator:$result);
  let assemblyFormat = [{
    $value `,` $columns attr-dict `:` type($value) `,` type($columns)
  }];
  let hasVerifier = 1;
}

def Hopper_AnchorOp : Hopper_Op<"anchor", [AllTypesMatch<["value", "result"]>]> {
  let summary = "a tile that is computed before this point";
  let description = [{
    The value itself. Code motion keeps what computes it in front and what uses
    it behind, which pure operations alone do not ask for: activations are to
    run under a product, not after the wait for it.
  }];
  let arguments = (ins AnyTypeOf<[Hopper_Accumulator, Hopper_Rows]>:$value);
  let results = (outs AnyTypeOf<[Hopper_Accumulator, Hopper_Rows]>:$result);
  let assemblyFormat = "$value attr-dict `:` type($value)";
}

def Hopper_LoadOp : Hopper_Op<"load"> {
  let summary = "load a tile from global memory into registers";
  let description = [{
    Reads `source[b, h, row + i, col + j]`. Rows past the end of dimension 2
    give 0. `transposed`: `source[b, h, row + j, col + i]`, and what is past the
    end of dimension 3 gives 0 too.
  }];
  let arguments = (ins MemRefRankOf<[F32, F16, BF16], [4]>:$source,
                       Variadic<Index>:$indices, UnitAttr:$transposed);
  let results = (outs Hopper_Fragment:$value);
  let assemblyFormat = [{
    $source `[` $indices `]` (`transposed` $transposed^)? attr-dict `:` type($source) `->` type($value)
  }];
  let hasVerifier = 1;
}

def Hopper_StoreOp : Hopper_Op<"store"> {
  let summary = "store a tile from registers to global memory";
  let description = [{
    Writes `dest[b, h, row + i, col + j]`. Rows past the end of dimension 2 are
    not written. `transposed`: `dest[b, h, row + j, col + i]`, and what is past
    the end of dimension 3 is not written either.
  }];
  let arguments = (ins Hopper_Fragment:$value,
                       MemRefRankOf<[F32, F16, BF16], [4]>:$dest,
                       Variadic<Index>:$indices, UnitAttr:$transposed);
  let assemblyFormat = [{
    $value `,` $dest `[` $indices `]` (`transposed` $transposed^)? attr-dict `:` type($value) `,` type($dest)
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Pieces of a sum
//===----------------------------------------------------------------------===//

def Hopper_Pieces
    : ConfinedAttr<I64Attr, [IntMinValue<2>, IntMaxValue<512>]>; // kMaxPieces

def Hopper_StorePartialOp : Hopper_Op<"store_partial"> {
  let summary = "store the partial sum that one piece has of a tile";
  let description = [{
    Writes `partials[piece, b, h, row + i, j]` of a dense f32 tensor [P, B, H,
    L, D] at the address `partials`, where [B, H, L, D] are the sizes of `like`.
    Rows past the end are not written. `transposed`: row i of the tile is column i
    there, its columns are rows; what is past either end is not written.

    `except` leaves out that share of the tile, see hopper.sum_shares, which
    alone may read the rest: the order of its columns in memory is their own.

    ```mlir
    hopper.store_partial %acc, %partials[%p, %b, %h, %row] of 8 like %o
        : vector<64x128xf32>, memref<..>
    ```
  }];
  let arguments = (ins Hopper_Accumulator:$value, Index:$partials, Index:$piece,
                       Index:$batch, Index:$head, Index:$row,
                       Hopper_Pieces:$pieces,
                       MemRefRankOf<[F32, F16, BF16], [4]>:$like,
                       Optional<Index>:$except, UnitAttr:$transposed);
  let assemblyFormat = [{
    $value `,` $partials `[` $piece `,` $batch `,` $head `,` $row `]`
    `of` $pieces `like` $like (`except` $except^)? (`transposed` $transposed^)?
    attr-dict `:` type($value) `,` type($like)
  }];
  let hasVerifier = 1;
}

def Hopper_ArrivalsOp : Hopper_Op<"arrivals"> {
  let summary = "count those who have met at a tile";
  let description = [{
    The counter at which this consumer will meet those of the other pieces, some
    time before that: `counters + 8 * (tile * consumers + consumer)`. Whoever
    has not come yet learns from it which round is under way.
  }];
  let arguments = (ins Index:$counters, Index:$tile);
  let results = (outs Index:$count);
  let assemblyFormat = [{ $counters `[` $tile `]` attr-dict }];
  let hasVerifier = 1;
}

def Hopper_MeetOp : Hopper_Op<"meet"> {
  let summary = "meet the other pieces of a tile and share out what is left";
  let description = [{
    Every consumer of every piece of a tile comes here once, after its stores,
    and meets the same consumer of the other pieces. If `resident` is not zero,
    all of them are resident at once: each waits for all and goes on with every
    `pieces`-th row from its own number on. Else nobody waits: the last to come
    gets all rows, the others none.

    Returns the first row of this piece and the distance to its next one; a
    first row past the tile is none. What the pieces with rows load afterwards
    has been stored by all before they came. The counter, that of
    hopper.arrivals, counts and is never reset; `count` is what hopper.arrivals
    has found there.

    ```mlir
    %count = hopper.arrivals %counters[%tile]
    ..
    %first, %step = hopper.meet %counters[%tile] after %count piece %p of 8
        resident %all
    ```
  }];
  let arguments = (ins Index:$counters, Index:$tile, Index:$count, Index:$piece,
                       Index:$resident, Hopper_Pieces:$pieces);
  let results = (outs Index:$first, Index:$step);
  let assemblyFormat = [{
    $counters `[` $tile `]` `after` $count `piece` $piece `of` $pieces
    `resident` $resident attr-dict
  }];
  let hasVerifier = 1;
}

def Hopper_SumPartialsOp : Hopper_Op<"sum_partials"> {
  let summary = "add partial sums up and store the result";
  let description = [{
    For the rows i = first, first + step, .. below `rows` and the end of `dest`:
    `dest[b, h, row + i, :] = sum over p of partials[p, b, h, row + i, :]`,
    added in f32 in the order of the pieces and rounded once to the type of
    `dest`; with `accumulate`, `dest` itself is added last.

    ```mlir
    %first, %step = hopper.meet %counters[%tile] after %count piece %p of 8
        resident %all
    hopper.sum_partials %partials of 8 into %o[%b, %h, %row] rows 64
        from %first step %step : memref<..>
    ```
  }];
  let arguments = (ins Index:$partials, Hopper_Pieces:$pieces,
                       MemRefRankOf<[F32, F16, BF16], [4]>:$dest,
                       Index:$batch, Index:$head, Index:$row,
                       ConfinedAttr<I64Attr, [IntPositive]>:$rows,
                       Index:$first, Index:$step, UnitAttr:$accumulate);
  let assemblyFormat = [{
    $partials `of` $pieces `into` $dest `[` $batch `,` $head `,` $row `]`
    `rows` $rows `from` $first `step` $step (`accumulate` $accumulate^)?
    attr-dict `:` type($dest)
  }];
  let hasVerifier = 1;
}

def Hopper_SumSharesOp : Hopper_Op<"sum_shares"> {
  let summary = "add up the shares of a tile that a piece has";
  let description = [{
    The elements (i, j) of a tile are dealt out to its P pieces: they belong to
    share (2 (j / 16) + i / 8 mod 2) mod P. For those of the shares first,
    first + step, .. below P: `dest[b, h, row + i, j] = sum over p of what piece
    p has`, added in f32 in the order of the pieces and rounded once to the type
    of `dest`; with `accumulate`, `dest` itself is added last. What piece
    `piece` has is `value`, what others have is in `partials`. Where the step is
    less than P, all of `value` must be there too.

    ```mlir
    hopper.store_partial %acc, %partials[%p, %b, %h, %row] of 8 like %o
        except %share : vector<64x128xf32>, memref<..>
    %first, %step = hopper.meet %counters[%tile] after %count piece %p of 8
        resident %all
    hopper.sum_shares %acc, %partials[%p] of 8 into %o[%b, %h, %row]
        from %first step %step : vector<64x128xf32>, memref<..>
    ```
  }];
  let arguments = (ins Hopper_Accumulator:$value, Index:$partials, Index:$piece,
                       Hopper_Pieces:$pieces,
                       MemRefRankOf<[F32, F16, BF16], [4]>:$dest,
                       Index:$batch, Index:$head, Index:$row,
                       Index:$first, Index:$step, UnitAttr:$accumulate);
  let assemblyFormat = [{
    $value `,` $partials `[` $piece `]` `of` $pieces `into` $dest
    `[` $batch `,` $head `,` $row `]` `from` $first `step` $step
    (`accumulate` $accumulate^)? attr-dict `:` type($value) `,` type($dest)
  }];
  let hasVerifier = 1;
}

include "flashmhf/Dialect/Hopper/IR/HopperPush.td"

//===----------------------------------------------------------------------===//
// The kernels before and after
//===----------------------------------------------------------------------===//

def Hopper_WaitPredecessorOp : Hopper_Op<"wait_predecessor"> {
  let summary = "wait for the end of the kernel in front of this one";
  let description = [{
    Until then a thread of a programmatic launch must not touch memory that an
    earlier kernel of the stream may read or write. In any other launch that
    kernel has ended already.
  }];
  let assemblyFormat = "attr-dict";
}

def Hopper_LaunchDependentsOp : Hopper_Op<"launch_dependents"> {
  let summary = "let the kernel behind this one begin";
  let description = [{
    It begins once every block has come here, if its launch is programmatic.
    Nothing is promised about memory: that is for hopper.wait_predecessor.
  }];
  let assemblyFormat = "attr-dict";
}

#endif // FLASHMHF_HOPPER_OPS
