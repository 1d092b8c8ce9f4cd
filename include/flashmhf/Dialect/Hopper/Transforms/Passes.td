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
    consumers, each of which takes 64 of the tile's rows; with exchanged roles the
    one consumer has the whole tile. The number of
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

    With `rotate` the sums of a tile start at another sub-network for each
    cluster of blocks and go around, so that blocks that run together do not all
    read the same weights. The order of summation in f32 then depends on the
    position of a tile; nothing else changes values.
  }];
}

def HopperStreamK : HopperPass<"hopper-stream-k"> {
  let summary = "Share the tiles that do not fill a wave";
  let description = [{
    With `stream_k` a persistent block loops over items of work instead of
    tiles: its whole tiles, then the beginning of a tile, whose partial sum it
    leaves in memory, then the end of another tile, to which it adds what blocks
    of lower numbers have left. All of them are equally long for all blocks to
    within a step. See hopper.work_range for who does what.

    ```mlir
    scf.for %n = %block_id to %count step %grid_dim {
      %sum = scf.for %e .. { scf.for %f .. { step } }
      hopper.store %sum, %o[%b, %h, %row, %c0]
    }
    // becomes
    %whole, %end = hopper.work_range of %count steps 22 resident %all
    scf.for %i = %c0 to %end step %c1 {
      %n, %first, %last, %givers = hopper.work_item %i whole %whole of %count ..
      %sum = scf.for %k = %first to %last step %c1 { step }
      hopper.leave_part %sum, %parts[%slot] flags %flags if %is_part
      %total = hopper.add_parts %sum, %parts[%slot] stride 2 count %givers ..
      hopper.store %total, %o[%b, %h, %row or past the end, %c0]
    }
    ```

    A kernel whose steps are not known, or whose sums do not begin at zero, keeps
    whole tiles. The order of summation in f32 depends on the position of a tile
    and on the number of multiprocessors.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect",
      "::mlir::arith::ArithDialect", "::mlir::gpu::GPUDialect",
      "::mlir::hopper::HopperDialect", "::mlir::memref::MemRefDialect",
      "::mlir::scf::SCFDialect"];
}

def HopperSplitProducer : HopperPass<"hopper-split-producer"> {
  let summary = "Give Q a producer thread of its own";
  let description = [{
    With `producers = 2` the puts of each loop level get a thread, in a warp of
    its own: Q, fetched once per tile, and K, U and V, fetched once per step.
    The thread of the weights then runs ahead into the next tile while that of
    Q waits for the last products of this one.

    So it is, too, where the schedule is `programmatic`: the thread of Q, or of a
    projection's X, is to wait for the kernel in front, and that of the weights is
    not.

    ```mlir
    hopper.thread { scf.for %n = .. { hopper.put .. into %Q } }
    hopper.thread { scf.for %n = .. { scf.for .. { hopper.put .. into %K .. } } }
    ```
  }];
}

def HopperFuseTiles : HopperPass<"hopper-fuse-tiles"> {
  let summary = "End a tile under the first products of the next";
  let description = [{
    With `fuse_tiles` a persistent, pipelined consumer does not end one tile
    before it begins the next. After the last step of a tile it issues, in one
    turn, the last sum of the tile and the first products of the next tile, and
    stores the output while those run. Values of R that the end of a tile still
    wants are loaded before that turn.

    ```mlir
    scf.for %n .. { first products; scf.for .. { steps }; last sum; store }
    // becomes
    first products
    scf.while (%n) { scf.for .. { steps }; scf.condition (is there a next tile) }
    do { last sum; first products of the next tile; store }
    last sum; store
    ```

    Every block must have a tile, which the grid of hopper.launch grants. A tile
    of a single step has no pipelined loop and stays as it is.
  }];
}

def HopperHoldQ : HopperPass<"hopper-hold-q"> {
  let summary = "Keep Q in registers";
  let description = [{
    With `hold_q` a consumer reads its rows of Q to registers when they are there,
    and releases their slot. Products with K and U then read shared memory for
    these only.

    ```mlir
    %q = hopper.get %Q
    scf.for .. {
      hopper.wgmma %q, %k transpose_b
    }
    hopper.release %q
    // becomes
    %q = hopper.get %Q
    %a = hopper.read %q
    hopper.release %q
    scf.for .. {
      hopper.wgmma %a, %k transpose_b
    }
    ```
  }];
  let dependentDialects = ["::mlir::hopper::HopperDialect"];
}

def HopperLoadAhead : HopperPass<"hopper-load-ahead"> {
  let summary = "Load the values of R one step ahead in pieces";
  let description = [{
    A piece with values of R for more sub-networks than a consumer has registers
    for loads them in its steps, where a load waits behind all the weights that
    were requested before it. With this pass a step loads the values of the next
    one, and those of the first are loaded before anything waits. Where a kernel's
    `flashmhf.schedule` does not split the sum, nothing changes.

    ```mlir
    %q = hopper.get %Q
    scf.for %t = %lo to %hi {
      %r = hopper.load_rows %R[.., %e(%t)]
      ..
    }
    // becomes
    %r0 = hopper.load_rows %R[.., %e(%lo)]
    %q = hopper.get %Q
    scf.for %t = %lo to %hi iter_args(%r = %r0) {
      %next = hopper.load_rows %R[.., %e(%t + 1 < %hi ? %t + 1 : %t)]
      ..
      scf.yield %next
    }
    ```

    Values are not changed.
  }];
}

def HopperSplitActivation : HopperPass<"hopper-split-activation"> {
  let summary = "Compute a part of the activation beside its multiplication";
  let description = [{
    With `late_columns` the activation of that many columns, the last of a step, is
    computed behind the wait for the product with U. There it runs beside the
    multiplication of the others with that product: the one takes the special
    functions, the other the FMA units.

    ```mlir
    %g = act(wait %s)
    %a = arith.mulf %g, wait %t
    // becomes
    %g0 = hopper.anchor act(first columns of wait %s)
    %t1 = hopper.wait %t
    %g1 = act(late columns of %s)
    %a = (%g0 * first columns of %t1, %g1 * late columns of %t1)
    ```

    Values are not changed.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
      "::mlir::hopper::HopperDialect", "::mlir::vector::VectorDialect"];
}

def HopperPipeline : HopperPass<"hopper-pipeline"> {
  let summary = "Deepen the rings and overlap the steps of d_ff";
  let description = [{
    Gives the rings of K, U and V the slots that the kernel's
    `flashmhf.schedule` asks for, so that the producer runs ahead by as many
    tiles.

    With `overlap`, makes one loop of the nest over sub-networks and steps and
    pipelines it: the product with V of one step is issued together with those
    with K and U of the next, whose activation runs under the product with U.
    Consumers take turns to issue. The order lets A of one step and the product
    with U of the next share registers. Loops of fewer than two steps stay as
    they are, and so do loops of a number that is not static, unless their bounds
    say that there is a step: those of a piece do, and the loop that is left may
    then be empty.

    ```mlir
    scf.for %j .. iter_args(%acc = ..) {
      %s = hopper.wgmma %q, %k transpose_b
      %t = hopper.wgmma %q, %u transpose_b
      %a = act(wait %s) * wait %t
      %o = hopper.wgmma %a, %v acc %acc
    }
    // becomes, after %a and %v of step 0
    scf.for %j .. iter_args(%acc = .., %a = .., %v = ..) {
      hopper.take_turn
      %o = hopper.wgmma %a, %v acc %acc
      %s = hopper.wgmma %q, %k1 transpose_b
      wait %o
      %t = hopper.wgmma %q, %u1 transpose_b
      hopper.pass_turn
      %a1 = anchor(act(wait %s)) * wait %t
    }
    // and the last product with V
    ```

    With exchanged roles the product with V is the first of a step, even in front
    of the wait for K: A is in shared memory and not in registers.

    Where R scales the sum of each sub-network (hopper.add_scaled), that is done
    under the products of the next step. The values of R and the conditions that
    only the sum needs are computed with it, and carried by no loop.

    Values are not changed.
  }];
}

def HopperFoldSteps : HopperPass<"hopper-fold-steps"> {
  let summary = "Take away loops of one step and sums with zeros";
  let description = [{
    A consumer's loop that runs once, as for a piece of one step or two that
    overlap, gives way to its body, and a product whose accumulator is zero has
    none.

    ```mlir
    %o = scf.for %t = %first to %first + 1 iter_args(%acc = zero) { .. hopper.wgmma %a, %v acc %acc .. }
    // becomes
    .. %o = hopper.wgmma %a, %v
    ```

    Numerics: the sign of a zero may change.
  }];
}

def HopperPaceStart : HopperPass<"hopper-pace-start"> {
  let summary = "Ask for the tiles of later steps once those of the first are there";
  let description = [{
    Where the kernel's `flashmhf.schedule` is `paced`. All blocks begin at once,
    and each asks for as many tiles as its rings hold: memory then brings some
    blocks their third tiles before others have their first, and these end last,
    for whom all pieces of a tile wait.

    ```mlir
    scf.for %t = %first to %end { hopper.put .. into %K  hopper.put .. into %V }
    // becomes
    scf.for %t = %first to %end {
      hopper.put .. into %K  hopper.put .. into %V
      hopper.await_first %V if %t == %first
    }
    ```

    Values are not changed.
  }];
}

def HopperStartEarly : HopperPass<"hopper-start-early"> {
  let summary = "Fetch weights before the kernel in front has ended";
  let description = [{
    Where the kernel's `flashmhf.schedule` is programmatic, the kernel lets the
    one behind it begin as soon as all of its blocks have, and does what needs
    no other kernel's results before it waits for the one in front of it: its
    barriers, and the transfers of the weights, of which as many tiles as the
    rings hold can be on their way by then. The thread that fetches Q waits, and
    so do the consumers; the thread of the weights does not.

    ```mlir
    hopper.thread { hopper.put %mq[..] into %Q }
    hopper.thread { scf.for .. { hopper.put %mk[..] into %K .. } }
    // becomes
    hopper.thread {
      hopper.wait_predecessor
      hopper.put %mq[..] into %Q
    }
    hopper.thread { scf.for .. { hopper.put %mk[..] into %K .. } }
    ```

    Values are not changed.
  }];
}

def HopperPushPartials
    : Pass<"hopper-push-partials", "::mlir::ModuleOp"> {
  let summary = "Let the pieces of a tile send their sums to each other";
  let description = [{
    Where the kernel's `flashmhf.schedule` says `push`, the pieces of a tile do
    not meet at a counter in global memory but form a cluster. Each has an inbox
    in shared memory, to which the others send the partial sums of the rows that
    it finishes.

    ```mlir
    hopper.store_partial %acc, %partials[%p, %b, %h, %row] of 8 like %o
    %first, %step = hopper.meet %counters[%tile] after %n piece %p of 8
        resident %all
    hopper.sum_partials %partials of 8 into %o[%b, %h, %row] rows 64 from %first step %step
    // becomes
    hopper.await_cluster
    hopper.push %acc to %inbox[%p] row %row like %o
    %n = hopper.owned_rows %p of 8 in %o[%row] rows 64
    hopper.expect %inbox rows %n
    hopper.sum_pushed %inbox into %o[%b, %h, %row] piece %p rows %n
    ```

    Where pieces add up shares, they push these:

    ```mlir
    hopper.store_partial %acc, %partials[%p, %b, %h, %row] of 8 like %o except %own
    %first, %step = hopper.meet ..
    hopper.sum_shares %acc, %partials[%p] of 8 into %o[%b, %h, %row] from %first step %step
    // becomes
    hopper.await_cluster
    hopper.push_shares %acc to %inbox[%p]
    hopper.sum_pushed_shares %acc, %inbox[%p] into %o[%b, %h, %row]
    ```

    The kernel no longer takes the addresses of partial sums and counters, and
    its hopper.launch says `push`. The sums are added in the same order: values
    are not changed.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
      "::mlir::gpu::GPUDialect", "::mlir::hopper::HopperDialect"];
}

def HopperPlaceWaits : HopperPass<"hopper-place-waits"> {
  let summary = "Let each wait leave the products issued after its own running";
  let description = [{
    Counts the products issued between a product and its wait in the same block;
    a wait for a product of another block, or with a region between that issues
    products, waits for all. Last of the passes that follow a schedule, it marks the
    kernel `hopper.scheduled`, which makes them leave it alone: what is printed
    then can be compiled.

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
    inbox, then the barriers; local rings have none. What a product of a transposed
    tile reads behind it is the block's own memory too. The kernel gets
    `hopper.shared_memory`, the bytes to launch with
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
