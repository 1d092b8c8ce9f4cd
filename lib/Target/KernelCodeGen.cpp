//===- KernelCodeGen.cpp - Text of GPU kernels ----------------------------===//
//
/// \file
/// NVVM dialect to optimised LLVM IR and to PTX, by MLIR's module
/// serialisation. PTX of several kernels is made of each by itself: it does not
/// depend on the others, and takes as long as the slowest.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Target/KernelCodeGen.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/Threading.h"
#include "mlir/Target/LLVM/ModuleToObject.h"
#include "mlir/Target/LLVM/NVVM/Utils.h"
#include "llvm/IR/Module.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;
using namespace mlir::flashmhf;

/// What LLVM does to a kernel at any level above 0. Its own pipeline takes
/// three times as long, most of it in seven runs of InstCombine, and its
/// partial unrolling makes 5% more instructions. Loops of few known steps are
/// unrolled: a producer asks for its first tiles sooner. GVN keeps addresses
/// that would not fit in a producer's 24 registers from being computed twice.
static constexpr StringLiteral kKernelPasses =
    "function(sroa,sccp,simplifycfg,loop-mssa(loop-rotate,licm),loop(indvars),"
    "loop-unroll<O3;no-partial;no-runtime;no-peeling>,gvn,"
    "correlated-propagation,simplifycfg,instcombine<no-verify-fixpoint>)";

static llvm::Error optimize(llvm::Module &module,
                            llvm::TargetMachine &machine) {
  llvm::PassBuilder builder(&machine);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  llvm::ModulePassManager passes;
  if (llvm::Error error = builder.parsePassPipeline(passes, kKernelPasses))
    return error;
  passes.run(module, modules);
  return llvm::Error::success();
}

namespace {
/// The serialisation of one module, ending in text.
class KernelSerializer : public LLVM::ModuleToObject {
public:
  KernelSerializer(gpu::GPUModuleOp module, StringRef chip, StringRef features,
                   int optLevel, KernelText kind, TimingScope &timing)
      : ModuleToObject(*module, kKernelTriple, chip, features, optLevel),
        kind(kind), timing(timing), step(timing.nest("Translate to LLVM IR")) {}

protected:
  LogicalResult optimizeModule(llvm::Module &llvmModule, int optL) override {
    if (optL < 0 || optL > 3)
      return getOperation().emitError("has no optimization level ")
             << optL << ", levels are 0 to 3";
    step = timing.nest("Optimize LLVM IR");
    FailureOr<llvm::TargetMachine *> machine = getOrCreateTargetMachine();
    if (failed(machine))
      return getOperation().emitError("has no target to optimise for");
    if (optL > 0)
      if (llvm::Error error = optimize(llvmModule, **machine))
        return getOperation().emitError("cannot be optimised: ")
               << llvm::toString(std::move(error));
    step = timing.nest("Print");
    return success();
  }

  FailureOr<SmallVector<char, 0>>
  moduleToObject(llvm::Module &llvmModule) override {
    // Nothing is linked in later.
    for (const llvm::Function &function : llvmModule)
      if (function.isDeclaration() && !function.isIntrinsic())
        return getOperation().emitError("calls '")
               << function.getName() << "', which no library provides";
    SmallVector<char, 0> text;
    if (kind == KernelText::LLVM) {
      llvm::raw_svector_ostream os(text);
      llvmModule.print(os, nullptr);
      return text;
    }
    step = timing.nest("Generate PTX");
    FailureOr<llvm::TargetMachine *> machine = getOrCreateTargetMachine();
    if (failed(machine))
      return getOperation().emitError("has no target to make PTX for");
    FailureOr<SmallString<0>> ptx = translateModuleToISA(
        llvmModule, **machine, [&] { return getOperation().emitError(); });
    if (failed(ptx))
      return failure();
    text.append(ptx->begin(), ptx->end());
    return text;
  }

private:
  KernelText kind;
  TimingScope &timing;
  TimingScope step; // the one that is running
};
} // namespace

static FailureOr<std::string>
translateModule(gpu::GPUModuleOp module, StringRef chip, StringRef features,
                int optLevel, KernelText kind, TimingScope &timing) {
  std::optional<SmallVector<char, 0>> text =
      KernelSerializer(module, chip, features, optLevel, kind, timing).run();
  if (!text)
    return failure();
  return std::string(text->begin(), text->end());
}

/// What a module's PTX says before its kernel: version, target and the shared
/// memory that all kernels declare. Without comments, which name the kernel.
static std::string getHeader(StringRef ptx) {
  std::string header;
  for (StringRef line :
       llvm::split(ptx.take_front(ptx.find(".visible .entry")), '\n'))
    if (!line.ltrim().starts_with("//"))
      header += (line + "\n").str();
  return header;
}

static bool isKernel(LLVM::LLVMFuncOp function) {
  return function->hasAttr(NVVM::NVVMDialect::getKernelFuncAttrName());
}

/// PTX of a module of several kernels, each made by a thread of its own.
static FailureOr<std::string> translateApart(gpu::GPUModuleOp module,
                                             StringRef chip, StringRef features,
                                             int optLevel,
                                             TimingScope &timing) {
  SmallVector<OwningOpRef<gpu::GPUModuleOp>> modules;
  for (auto kernel : module.getOps<LLVM::LLVMFuncOp>()) {
    if (!isKernel(kernel))
      continue;
    modules.push_back(module.clone());
    for (auto other :
         llvm::make_early_inc_range(modules.back()->getOps<LLVM::LLVMFuncOp>()))
      if (isKernel(other) && other.getName() != kernel.getName())
        other.erase();
  }
  std::vector<std::string> texts(modules.size());
  if (failed(failableParallelForEachN(
          module.getContext(), 0, modules.size(), [&](size_t i) {
            FailureOr<std::string> text = translateModule(
                *modules[i], chip, features, optLevel, KernelText::PTX, timing);
            if (failed(text))
              return failure();
            texts[i] = std::move(*text);
            return success();
          })))
    return failure();
  std::string all = texts.front(), header = getHeader(all);
  for (StringRef text : llvm::drop_begin(texts)) {
    // What one kernel alone needs would have to go in front of all.
    if (getHeader(text) != header)
      return translateModule(module, chip, features, optLevel, KernelText::PTX,
                             timing);
    all += text.drop_front(text.find(".visible .entry"));
  }
  return all;
}

FailureOr<std::string>
mlir::flashmhf::translateKernels(gpu::GPUModuleOp module, StringRef chip,
                                 StringRef features, int optLevel,
                                 KernelText kind, TimingScope &timing) {
  NVVM::SerializeGPUModuleBase::init();
  MLIRContext *context = module.getContext();
  int64_t kernels = llvm::count_if(module.getOps<LLVM::LLVMFuncOp>(), isKernel);
  if (kind == KernelText::LLVM || kernels < 2)
    return translateModule(module, chip, features, optLevel, kind, timing);
  bool wasThreaded = context->isMultithreadingEnabled();
  context->enableMultithreading();
  FailureOr<std::string> text =
      translateApart(module, chip, features, optLevel, timing);
  context->enableMultithreading(wasThreaded);
  return text;
}
