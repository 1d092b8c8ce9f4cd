//===- Passes.td - Passes on the hopper dialect ------------*- tablegen -*-===//

#ifndef FLASHMHF_HOPPER_PASSES
#define FLASHMHF_HOPPER_PASSES

include "mlir/Pass/PassBase.td"

#endif // FLASHMHF_HOPPER_PASSES
