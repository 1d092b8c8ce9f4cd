//===- KernelFunction.cpp - Kernels by name -------------------------------===//
//
/// \file
/// Where the kernels of a module are, what they are called, and what their
/// transfers bring.
//
//===----------------------------------------------------------------------===//

#include "KernelBuilder.h"

#include "flashmhf/Dialect/Hopper/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace mlir::hopper;

/// The module that holds the kernels of `op`'s module.
static gpu::GPUModuleOp getKernelModule(Operation *op) {
  auto module = op->getParentOfType<ModuleOp>();
  std::string name = "kernels";
  for (int i = 0; Operation *found = SymbolTable::lookupSymbolIn(module, name);
       ++i) {
    if (auto kernels = dyn_cast<gpu::GPUModuleOp>(found))
      return kernels;
    name = ("kernels_" + Twine(i)).str();
  }
  OpBuilder b = OpBuilder::atBlockBegin(module.getBody());
  auto kernels = gpu::GPUModuleOp::create(b, module.getLoc(), name);
  module->setAttr(gpu::GPUDialect::getContainerModuleAttrName(),
                  b.getUnitAttr());
  return kernels;
}

/// `name`, made unique among the kernels.
static std::string getKernelName(gpu::GPUModuleOp kernels, StringRef name) {
  std::string unique = name.str();
  for (int i = 0; kernels.lookupSymbol(unique); ++i)
    unique = (name + "_" + Twine(i)).str();
  return unique;
}

FailureOr<gpu::GPUFuncOp>
hopper::createKernel(Operation *op, flashmhf::ScheduleAttr schedule) {
  auto parent = op->getParentOfType<func::FuncOp>();
  if (!parent)
    return op->emitOpError("must be in a func.func");
  gpu::GPUModuleOp kernels = getKernelModule(op);
  OpBuilder b = OpBuilder::atBlockEnd(kernels.getBody());
  auto func = gpu::GPUFuncOp::create(b, op->getLoc(),
                                     getKernelName(kernels, parent.getName()),
                                     b.getFunctionType({}, {}));
  func->setAttr(gpu::GPUDialect::getKernelFuncAttrName(), b.getUnitAttr());
  func->setAttr(kScheduleAttrName, schedule);
  b.setInsertionPointToStart(&func.getBody().front());
  gpu::ReturnOp::create(b, op->getLoc());
  return func;
}

SymbolRefAttr hopper::getKernelSymbol(gpu::GPUFuncOp func) {
  return SymbolRefAttr::get(
      func->getParentOfType<gpu::GPUModuleOp>().getNameAttr(),
      {FlatSymbolRefAttr::get(func.getNameAttr())});
}

TensorMapType hopper::getSharedMap(int64_t rows, int64_t columns, Type type,
                                   int64_t cluster) {
  PanelLayout layout = *getPanelLayout(rows, columns, type);
  if (layout.panels % cluster == 0)
    columns /= cluster;
  else
    std::tie(rows, columns) = std::pair(rows / cluster, layout.panel);
  return TensorMapType::get(type.getContext(), {1, 1, rows, columns}, type);
}
