//===- Passes.td - Passes that run a program ---------------*- tablegen -*-===//

#ifndef FLASHMHF_EMULATE_PASSES
#define FLASHMHF_EMULATE_PASSES

include "mlir/Pass/PassBase.td"

def FlashMHFEmulate : Pass<"flashmhf-emulate", "::mlir::ModuleOp"> {
  let summary = "Run the kernels of a module on this CPU";
  let description = [{
    Runs the launches of the module's public function on tensors made up here
    and says, as a remark, what each argument that they write holds afterwards:
    the sum, the smallest and the largest of its elements. A fault, such as a
    deadlock or a slot read after its release, is an error at the operation that
    commits it. The module is to be in the form that `flashmhf-to-hopper`
    leaves; of it, only rings without a place in shared memory change.

    ```mlir
    hopper.release %k
    %s = hopper.wgmma %q, %k transpose_b : ..
    // error: consumer 0 of block 0 reads slot 1 of ring "K" after its release
    ```
  }];
  let options = [
    Option<"pattern", "pattern", "std::string", /*default=*/"\"random\"",
           "values of the arguments: random (uniform in [-1, 1)) or ones">,
    Option<"seed", "seed", "uint64_t", /*default=*/"0",
           "seed of the random values">,
    Option<"batch", "batch", "int64_t", /*default=*/"1",
           "size of dimension 0 of arguments where it is dynamic">,
    Option<"tokens", "tokens", "int64_t", /*default=*/"128",
           "size of dimension 2 of arguments where it is dynamic">,
    Option<"multiprocessors", "multiprocessors", "int64_t", /*default=*/"132",
           "multiprocessors, which limit the grid of a persistent kernel">,
    Option<"maxSteps", "max-steps", "int64_t", /*default=*/"int64_t(1) << 28",
           "instructions that one warpgroup of one block may execute">,
  ];
}

#endif // FLASHMHF_EMULATE_PASSES
