//===- HopperPush.td - Pieces that push their sums ---------*- tablegen -*-===//
//
// How the pieces of a tile add their sums up where they form a cluster. Included
// by HopperOps.td.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_HOPPER_PUSH
#define FLASHMHF_HOPPER_PUSH

def Hopper_InboxOp : Hopper_Op<"inbox",
    [DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "allocate an inbox in shared memory";
  let description = [{
    The memory lives as long as the block. `offset` is the byte offset of its
    first part from the start of the block's tiles and `barriers` that of its
    barriers, 8 bytes for each part; both are absent until
    hopper-allocate-shared-memory has run.
  }];
  let arguments = (ins OptionalAttr<I64Attr>:$offset,
                       OptionalAttr<I64Attr>:$barriers);
  let results = (outs Hopper_InboxType:$inbox);
  let assemblyFormat = [{
    (`at` $offset^)? (`barriers` $barriers^)? attr-dict `:` type($inbox)
  }];
}

def Hopper_InboxAtOp : Hopper_Op<"inbox_at", [Pure]> {
  let summary = "a part of an inbox, given its address and its barrier";
  let description = [{
    What `hopper.inbox` becomes once rings are lowered: both operands are 32-bit
    addresses in shared memory.
  }];
  let arguments = (ins I32:$address, I32:$barrier);
  let results = (outs Hopper_InboxType:$inbox);
  let assemblyFormat = [{
    $address `,` $barrier attr-dict `:` type($inbox)
  }];
}

def Hopper_OwnedRowsOp : Hopper_Op<"owned_rows", [Pure]> {
  let summary = "number of rows of a tile that one piece finishes";
  let description = [{
    Of the rows i < `rows` of the tile at `row`, those with i mod `pieces` =
    `piece` that are inside of `dest`. Rows are dealt out in turn, not in
    blocks: a tile of few tokens is then finished by as many pieces as it has
    tokens. A row of D elements is contiguous, so that stores are whole lines
    either way.

    ```mlir
    %n = hopper.owned_rows %p of 8 in %o[%row] rows 64 : memref<..>
    ```
  }];
  let arguments = (ins Index:$piece, Hopper_Pieces:$pieces,
                       MemRefRankOf<[F32, F16, BF16], [4]>:$dest, Index:$row,
                       ConfinedAttr<I64Attr, [IntPositive]>:$rows);
  let results = (outs Index:$count);
  let assemblyFormat = [{
    $piece `of` $pieces `in` $dest `[` $row `]` `rows` $rows attr-dict
    `:` type($dest)
  }];
}

def Hopper_ExpectOp : Hopper_Op<"expect"> {
  let summary = "say how much will arrive in an inbox";
  let description = [{
    Once, by each consumer for its part: all pieces will send `rows` rows. The
    inbox is complete when as many bytes have arrived; they may do so before
    this. Nobody can know that the inbox is complete without it.
  }];
  let arguments = (ins Hopper_InboxType:$inbox, Index:$rows);
  let assemblyFormat = "$inbox `rows` $rows attr-dict `:` type($inbox)";
  let hasVerifier = 1;
}

def Hopper_AwaitClusterOp : Hopper_Op<"await_cluster"> {
  let summary = "wait until every block of the cluster has begun";
  let description = [{
    Nothing may be sent to a block before: its barriers are not initialised. A
    kernel with an inbox announces its beginning by itself.
  }];
  let assemblyFormat = "attr-dict";
  let hasVerifier = 1;
}

def Hopper_PushOp : Hopper_Op<"push"> {
  let summary = "send the partial sum that one piece has of a tile";
  let description = [{
    Row i of `value` goes to the inbox of piece i mod P, as row i / P of what
    `piece` sends. Rows past the end of `like`, whose row `row` is row 0 of
    `value`, are not sent. The rows leave from registers: when this is done
    nothing of the block is needed for them to arrive. `transposed`: the columns
    of `value` are those rows, and its rows past the inbox's columns are not sent.

    ```mlir
    hopper.push %acc to %inbox[%p] row %row like %o
        : vector<64x128xf32>, !hopper.inbox<8 x 8x128>, memref<..>
    ```
  }];
  let arguments = (ins Hopper_Accumulator:$value, Hopper_InboxType:$inbox,
                       Index:$piece, Index:$row,
                       MemRefRankOf<[F32, F16, BF16], [4]>:$like,
                       UnitAttr:$transposed);
  let assemblyFormat = [{
    $value `to` $inbox `[` $piece `]` `row` $row `like` $like
    (`transposed` $transposed^)? attr-dict
    `:` type($value) `,` type($inbox) `,` type($like)
  }];
  let hasVerifier = 1;
}

def Hopper_SumPushedOp : Hopper_Op<"sum_pushed"> {
  let summary = "wait for an inbox, add it up and store the result";
  let description = [{
    For k < `rows`, with i = piece + P k: `dest[b, h, row + i, :] = sum over p of
    what piece p sent as row k`, added in f32 in the order of the pieces and
    rounded once to the type of `dest`; with `accumulate`, `dest` itself is added
    last. The block must not end before: others may still write into its memory.

    ```mlir
    hopper.sum_pushed %inbox into %o[%b, %h, %row] piece %p rows %n
        : !hopper.inbox<8 x 8x128>, memref<..>
    ```
  }];
  let arguments = (ins Hopper_InboxType:$inbox,
                       MemRefRankOf<[F32, F16, BF16], [4]>:$dest,
                       Index:$batch, Index:$head, Index:$row, Index:$piece,
                       Index:$rows, UnitAttr:$accumulate);
  let assemblyFormat = [{
    $inbox `into` $dest `[` $batch `,` $head `,` $row `]` `piece` $piece
    `rows` $rows (`accumulate` $accumulate^)? attr-dict
    `:` type($inbox) `,` type($dest)
  }];
  let hasVerifier = 1;
}

def Hopper_PushSharesOp : Hopper_Op<"push_shares"> {
  let summary = "send the other pieces their shares of a partial sum";
  let description = [{
    Of `value`, what piece `piece` has of a tile, each other piece is sent the
    share that it finishes: those of hopper.sum_shares. Rows past the end of the
    output are sent too, so that every inbox knows how much will arrive. The
    shares leave from registers, as rows do with hopper.push.

    ```mlir
    hopper.push_shares %acc to %inbox[%p]
        : vector<64x128xf32>, !hopper.inbox<shares 2 x 64x128>
    ```
  }];
  let arguments = (ins Hopper_Accumulator:$value, Hopper_InboxType:$inbox,
                       Index:$piece);
  let assemblyFormat = [{
    $value `to` $inbox `[` $piece `]` attr-dict
    `:` type($value) `,` type($inbox)
  }];
  let hasVerifier = 1;
}

def Hopper_SumPushedSharesOp : Hopper_Op<"sum_pushed_shares"> {
  let summary = "wait for shares, add them up and store the result";
  let description = [{
    Says how much will arrive in the inbox, and waits for it. Then
    `dest[b, h, row + i, j] = sum over p of what piece p has`, for the elements
    of the share of `piece`, added in f32 in the order of the pieces and rounded
    once to the type of `dest`; with `accumulate`, `dest` itself is added last.
    What `piece` has is `value`. The block must not end before: others may still
    write into its memory.

    ```mlir
    hopper.push_shares %acc to %inbox[%p]
        : vector<64x128xf32>, !hopper.inbox<shares 2 x 64x128>
    hopper.sum_pushed_shares %acc, %inbox[%p] into %o[%b, %h, %row]
        : vector<64x128xf32>, !hopper.inbox<shares 2 x 64x128>, memref<..>
    ```
  }];
  let arguments = (ins Hopper_Accumulator:$value, Hopper_InboxType:$inbox,
                       Index:$piece, MemRefRankOf<[F32, F16, BF16], [4]>:$dest,
                       Index:$batch, Index:$head, Index:$row,
                       UnitAttr:$accumulate);
  let assemblyFormat = [{
    $value `,` $inbox `[` $piece `]` `into` $dest `[` $batch `,` $head `,` $row `]`
    (`accumulate` $accumulate^)? attr-dict
    `:` type($value) `,` type($inbox) `,` type($dest)
  }];
  let hasVerifier = 1;
}

#endif // FLASHMHF_HOPPER_PUSH
