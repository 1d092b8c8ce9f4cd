//===- flashmhf-opt.cpp - The optimizer driver ----------------------------===//
//
/// \file
/// mlir-opt with the flashmhf and hopper dialects, passes and pipelines.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/InitAll.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Target/LLVM/NVVM/Target.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerAllToLLVMIRTranslations(registry);
  mlir::NVVM::registerNVVMTargetInterfaceExternalModels(registry);
  mlir::flashmhf::registerAllDialects(registry);

  mlir::registerAllPasses();
  mlir::flashmhf::registerAllPasses();

  return mlir::asMainReturnCode(mlir::MlirOptMain(
      argc, argv, "Flash Multi-Head FFN compiler driver\n", registry));
}
