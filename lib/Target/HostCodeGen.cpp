//===- HostCodeGen.cpp - Machine code for this CPU ------------------------===//
//
/// \file
/// LLVM dialect to optimised LLVM IR and to an object for the host CPU. The one
/// thing added on the way is the packed entry point, which lets a caller who
/// knows the arguments only at run time make the call.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Target/HostCodeGen.h"
#include "flashmhf/Target/Errors.h"
#include "mlir/ExecutionEngine/OptUtils.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ExecutionEngine/Orc/JITTargetMachineBuilder.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;
using namespace mlir::flashmhf;
using llvm::Error;
using llvm::Expected;

Expected<std::unique_ptr<llvm::TargetMachine>>
mlir::flashmhf::createHostTargetMachine(int optLevel) {
  static const bool initialized = [] {
    return !llvm::InitializeNativeTarget() &&
           !llvm::InitializeNativeTargetAsmPrinter();
  }();
  if (!initialized)
    return makeError(ErrorKind::Unavailable,
                     "this LLVM has no back end for the host CPU");
  auto builder = llvm::orc::JITTargetMachineBuilder::detectHost();
  if (!builder)
    return builder.takeError();
  builder->setRelocationModel(llvm::Reloc::PIC_);
  builder->setCodeGenOptLevel(llvm::CodeGenOpt::getLevel(optLevel).value_or(
      llvm::CodeGenOptLevel::Aggressive));
  return builder->createTargetMachine();
}

std::string mlir::flashmhf::getPackedName(StringRef function) {
  return ("_flashmhf_packed_" + function).str();
}

/// void packed(void **arguments) { ciface(arguments[0], arguments[1], ..); }
static Error addPackedEntry(llvm::Module &module, StringRef name,
                            unsigned numArguments) {
  llvm::Function *target = module.getFunction(("_mlir_ciface_" + name).str());
  if (!target)
    return makeError(ErrorKind::Compile,
                     "function '" + name + "' has no C interface");
  llvm::FunctionType *type = target->getFunctionType();
  bool takesPointers = llvm::all_of(type->params(), [](llvm::Type *parameter) {
    return parameter->isPointerTy();
  });
  // A result would come first, as one more pointer to its descriptor.
  if (!type->getReturnType()->isVoidTy() || !takesPointers ||
      type->getNumParams() != numArguments)
    return makeError(ErrorKind::Compile,
                     "function '" + name +
                         "' must take memrefs and return nothing once it is "
                         "bufferized: every result must be written into an "
                         "argument");

  llvm::LLVMContext &context = module.getContext();
  auto *pointer = llvm::PointerType::getUnqual(context);
  auto *packedType = llvm::FunctionType::get(llvm::Type::getVoidTy(context),
                                             {pointer}, /*isVarArg=*/false);
  auto *packed =
      llvm::Function::Create(packedType, llvm::GlobalValue::ExternalLinkage,
                             getPackedName(name), module);
  llvm::IRBuilder<> builder(llvm::BasicBlock::Create(context, "entry", packed));
  SmallVector<llvm::Value *> arguments;
  for (unsigned i = 0, e = type->getNumParams(); i < e; ++i)
    arguments.push_back(builder.CreateLoad(
        pointer, builder.CreateConstGEP1_32(pointer, packed->getArg(0), i)));
  builder.CreateCall(target, arguments);
  builder.CreateRetVoid();
  return Error::success();
}

Expected<std::unique_ptr<llvm::Module>> mlir::flashmhf::translateForHost(
    ModuleOp module, StringRef function, unsigned numArguments,
    llvm::LLVMContext &context, llvm::TargetMachine &machine, int optLevel) {
  std::unique_ptr<llvm::Module> llvmModule =
      translateModuleToLLVMIR(module, context);
  if (!llvmModule)
    return makeError(ErrorKind::Compile,
                     "could not translate the module to LLVM IR");
  llvmModule->setDataLayout(machine.createDataLayout());
  llvmModule->setTargetTriple(machine.getTargetTriple());
  if (Error error = addPackedEntry(*llvmModule, function, numArguments))
    return std::move(error);
  // Functions must name the CPU themselves: vector widths are decided by them.
  for (llvm::Function &f : *llvmModule) {
    if (f.isDeclaration())
      continue;
    f.addFnAttr("target-cpu", machine.getTargetCPU());
    f.addFnAttr("target-features", machine.getTargetFeatureString());
  }
  if (Error error = makeOptimizingTransformer(optLevel, /*sizeLevel=*/0,
                                              &machine)(llvmModule.get()))
    return std::move(error);
  return llvmModule;
}

Expected<std::string> mlir::flashmhf::emitObject(llvm::Module &module,
                                                 llvm::TargetMachine &machine) {
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream os(bytes);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, os, nullptr,
                                  llvm::CodeGenFileType::ObjectFile))
    return makeError(ErrorKind::Unavailable,
                     "the host's back end cannot write objects");
  passes.run(module);
  return std::string(bytes.begin(), bytes.end());
}
