//===- embed.cpp - The pipelines inside another compiler ------------------===//
//
// \file
// Reads a module from the file named on the command line, lowers its mhffn ops
// to NVVM with the default options and prints the result.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/InitAll.h"
#include "flashmhf/Pipelines/Pipelines.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;

int main(int argc, char **argv) {
  if (argc != 2)
    return 2;
  DialectRegistry registry;
  flashmhf::registerAllDialects(registry);
  MLIRContext context(registry);

  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(argv[1], &context);
  if (!module)
    return 1;

  PassManager passes(&context);
  flashmhf::buildToNVVMPipeline(passes, flashmhf::ToNVVMOptions());
  if (failed(passes.run(*module)))
    return 1;
  module->print(llvm::outs());
  return 0;
}
