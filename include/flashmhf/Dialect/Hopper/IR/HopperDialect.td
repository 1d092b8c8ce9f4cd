//===- HopperDialect.td - The hopper dialect ---------------*- tablegen -*-===//

#ifndef FLASHMHF_HOPPER_DIALECT
#define FLASHMHF_HOPPER_DIALECT

include "mlir/IR/OpBase.td"

def Hopper_Dialect : Dialect {
  let name = "hopper";
  let cppNamespace = "::mlir::hopper";
  let summary = "Whole-tile programs for an sm_90a multiprocessor";
  let description = [{
    The dialect says how one thread block (CTA) of a Hopper GPU computes with
    whole tiles: which tiles travel through shared memory, which warpgroup
    produces and which consumes them, and which matrix products are under way.

    Asynchrony is in the types:

    - A tile in shared memory can only be reached through `!hopper.slot`, which
      `hopper.get` yields once the data has arrived.
    - The result of `hopper.wgmma` is `!hopper.inflight` until `hopper.wait`
      turns it into a vector; nothing else reads it.

    One register layout and one shared-memory layout serve every operation, so
    types carry no layout. A `vector<MxN>` is spread over the warpgroups that
    compute it, 64 rows each, as the accumulator of `wgmma.m64nNk16` (PTX ISA,
    "Register Fragments and Shared Memory Matrix Layouts"); packed to 16 bits,
    the same fragment is the A operand of the next product. A warpgroup that has
    more rows holds one such fragment after another. Of a `vector<1xN>`, a value
    for each column, a thread has those of its columns. A slot of R x C
    elements is a sequence of panels of `min(64, the largest of 64, 32, 16 that
    divides C)` columns; each panel is R rows, swizzled over its row length of
    128, 64 or 32 bytes.
  }];
  let useDefaultAttributePrinterParser = 0;
  let useDefaultTypePrinterParser = 1;
  let extraClassDeclaration = [{
    void registerTypes();
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect",
                           "::mlir::gpu::GPUDialect"];
}

#endif // FLASHMHF_HOPPER_DIALECT
