//===- HopperStreamK.td - Tiles that blocks share ----------*- tablegen -*-===//
//
// Included by HopperOps.td. The tiles of a persistent kernel seldom fill its
// last wave. "Stream-K" (Osama et al., arXiv 2301.03598) deals out the steps of
// the tiles that are left over, not the tiles.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_HOPPER_STREAM_K
#define FLASHMHF_HOPPER_STREAM_K

def Hopper_WorkRangeOp : Hopper_Op<"work_range", [Pure]> {
  let summary = "what a persistent block has to do";
  let description = [{
    Of `tiles` tiles of `steps` steps each, dealt out to the blocks of the grid
    as `computeWork` says. A block's items are 0, 1, .. end - 1: those below `whole`
    are whole tiles; then there may be the first steps of a tile, and after these
    the last ones of another. `resident` is not zero where all blocks run at once.
    Where it is zero, or sharing would not pay, some blocks have a whole tile more
    than others. The blocks of a `cluster` have the same items, of tiles side by
    side.

    ```mlir
    %whole, %end = hopper.work_range of %tiles steps 22 resident %all
    ```
  }];
  let arguments = (ins Index:$tiles, ConfinedAttr<I64Attr, [IntPositive]>:$steps,
                       Index:$resident,
                       DefaultValuedAttr<ConfinedAttr<I64Attr, [IntPositive]>,
                                         "1">:$cluster);
  let results = (outs Index:$whole, Index:$end);
  let assemblyFormat = [{
    `of` $tiles `steps` $steps `resident` $resident (`cluster` $cluster^)?
    attr-dict
  }];
}

def Hopper_WorkItemOp : Hopper_Op<"work_item",
    [Pure, DeclareOpInterfaceMethods<ValueBoundsOpInterface,
        ["populateBoundsForIndexValue"]>]> {
  let summary = "one thing that a persistent block has to do";
  let description = [{
    The steps first, first + 1, .. last - 1, at least one, of a tile; with
    `whole` from hopper.work_range, whose other operands it repeats. `givers`
    blocks right in front of this one, or those at its place in so many clusters,
    compute the steps below `first`.

    ```mlir
    %tile, %first, %last, %givers = hopper.work_item %n whole %whole
        of %tiles steps 22 resident %all
    ```
  }];
  let arguments = (ins Index:$item, Index:$whole, Index:$tiles,
                       ConfinedAttr<I64Attr, [IntPositive]>:$steps,
                       Index:$resident,
                       DefaultValuedAttr<ConfinedAttr<I64Attr, [IntPositive]>,
                                         "1">:$cluster);
  let results = (outs Index:$tile, Index:$first, Index:$last, Index:$givers);
  let assemblyFormat = [{
    $item `whole` $whole `of` $tiles `steps` $steps `resident` $resident
    (`cluster` $cluster^)? attr-dict
  }];
}

def Hopper_LeavePartOp : Hopper_Op<"leave_part"> {
  let summary = "leave a partial sum for the block that ends its tile";
  let description = [{
    Where `condition` holds, in the place `slot` of `parts`, which is one for
    each consumer of each block, and empty. hopper.add_parts empties it.

    ```mlir
    hopper.leave_part %sum, %parts[%slot] flags %counters if %some
        : vector<64x128xf32>
    ```
  }];
  let arguments = (ins Hopper_Accumulator:$value, Index:$parts, Index:$slot,
                       Index:$flags, I1:$condition);
  let assemblyFormat = [{
    $value `,` $parts `[` $slot `]` `flags` $flags `if` $condition attr-dict
    `:` type($value)
  }];
  let hasVerifier = 1;
}

def Hopper_AddPartsOp : Hopper_Op<"add_parts",
    [AllTypesMatch<["value", "result"]>]> {
  let summary = "add the partial sums that others have left of a tile";
  let description = [{
    The sum of `value` and what is in the places `slot` - `stride`, `slot` - 2
    `stride`, .., `count` of them, in this order: waits for each, and empties it.

    ```mlir
    %all = hopper.add_parts %sum, %parts[%slot] stride 2 count %givers
        flags %counters : vector<64x128xf32>
    ```
  }];
  let arguments = (ins Hopper_Accumulator:$value, Index:$parts, Index:$slot,
                       ConfinedAttr<I64Attr, [IntPositive]>:$stride,
                       Index:$count, Index:$flags);
  let results = (outs Hopper_Accumulator:$result);
  let assemblyFormat = [{
    $value `,` $parts `[` $slot `]` `stride` $stride `count` $count
    `flags` $flags attr-dict `:` type($value)
  }];
  let hasVerifier = 1;
}

#endif // FLASHMHF_HOPPER_STREAM_K
