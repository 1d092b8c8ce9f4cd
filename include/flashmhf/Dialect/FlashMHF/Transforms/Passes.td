//===- Passes.td - Passes of the flashmhf dialect ---------*- tablegen -*-===//
//
// Passes that keep the program in the flashmhf dialect or take it to linalg.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_DIALECT_FLASHMHF_TRANSFORMS_PASSES_TD
#define FLASHMHF_DIALECT_FLASHMHF_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def FlashMHFAssignSchedule : Pass<"flashmhf-assign-schedule"> {
  let summary = "give every mhffn without a schedule one that fits the chip";
  let description = [{
    Writes `#flashmhf.schedule` on every `flashmhf.mhffn` that has none; one
    that the user wrote stays as it is. The rule, by head width D and width F
    of a sub-network:

    - `token_tile` 128, two consumer warpgroups of 64 rows each.
    - `dff_tile` is the largest N of 128, 64, 32, 16 that divides F, else the
      largest that is not above F, else 16 (a partial tile is masked), such
      that
      - the accumulators of O and of the products with K and U fit 192
        registers: `(D + N) / 2`, with `up` `(D + 2 N) / 2`;
      - Q and the rings fit 227 KiB of shared memory, two stages each, or two
        of K and V and one of U.
    - A shape that fits in no such way gets N = 16 and single stages; whether
      that can be compiled is for the later passes to say.

    ```mlir
    %o = flashmhf.mhffn silu ins(%q, %k, %v : ..) up(%u : ..) outs(%init : ..)
        -> tensor<2x8x4096x128xbf16>
    // becomes
    %o = flashmhf.mhffn silu ins(%q, %k, %v : ..) up(%u : ..) outs(%init : ..)
        {schedule = #flashmhf.schedule<token_tile = 128, dff_tile = 128, ..>}
        -> tensor<2x8x4096x128xbf16>
    ```

    Numerics: unchanged.
  }];
}

#endif // FLASHMHF_DIALECT_FLASHMHF_TRANSFORMS_PASSES_TD
