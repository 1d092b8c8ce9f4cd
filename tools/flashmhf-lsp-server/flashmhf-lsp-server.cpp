//===- flashmhf-lsp-server.cpp - language server for editors --------------===//
//
// \file
// An MLIR language server that knows the flashmhf and hopper dialects besides
// the upstream ones: diagnostics, hover, definitions and completion for .mlir
// files. Editors start it in place of mlir-lsp-server.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/InitAll.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::flashmhf::registerAllDialects(registry);
  return failed(mlir::MlirLspServerMain(argc, argv, registry));
}
