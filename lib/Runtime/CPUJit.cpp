//===- CPUJit.cpp - A function on this CPU --------------------------------===//
//
/// \file
/// LLVM IR to callable code through ORC. In: a host program and, per call,
/// DLPack tensors; out: memref descriptors in a call of its packed entry.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Runtime/CPUJit.h"
#include "flashmhf/Runtime/ParallelFor.h"
#include "flashmhf/Target/Compiler.h"
#include "flashmhf/Target/Errors.h"
#include "flashmhf/Target/HostCodeGen.h"
#include "llvm/ExecutionEngine/Orc/CompileUtils.h"
#include "llvm/ExecutionEngine/Orc/ExecutionUtils.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir::flashmhf;
using llvm::Error;
using llvm::Expected;
namespace orc = llvm::orc;

CPUJit::CPUJit() = default;
CPUJit::~CPUJit() = default;

Expected<std::unique_ptr<CPUJit>> CPUJit::create(HostProgram program,
                                                 unsigned threads) {
  std::unique_ptr<CPUJit> result(new CPUJit());
  result->function = program.function;
  result->arguments = std::move(program.arguments);
  result->threads = threads;

  orc::LLJITBuilder builder;
  builder.setDataLayout(program.machine->createDataLayout());
  builder.setCompileFunctionCreator(
      [&](orc::JITTargetMachineBuilder)
          -> Expected<std::unique_ptr<orc::IRCompileLayer::IRCompiler>> {
        return std::make_unique<orc::TMOwningSimpleCompiler>(
            std::move(program.machine));
      });
  auto jit = builder.create();
  if (!jit)
    return jit.takeError();
  result->jit = std::move(*jit);

  // The code sees the C library, for math functions and allocation, and the
  // parallel loop of this library by name, exported or not.
  orc::JITDylib &dylib = result->jit->getMainJITDylib();
  auto process = orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(
      result->jit->getDataLayout().getGlobalPrefix());
  if (!process)
    return process.takeError();
  dylib.addGenerator(std::move(*process));
  // A host that has loaded this library for itself alone shows none of its
  // dependencies to the process.
  auto math = orc::DynamicLibrarySearchGenerator::Load(
      "libm.so.6", result->jit->getDataLayout().getGlobalPrefix());
  if (!math)
    return math.takeError();
  dylib.addGenerator(std::move(*math));
  orc::SymbolMap symbols;
  symbols[result->jit->mangleAndIntern("flashmhf_parallel_for")] = {
      orc::ExecutorAddr::fromPtr(&flashmhf_parallel_for),
      llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable};
  if (Error error = dylib.define(orc::absoluteSymbols(std::move(symbols))))
    return std::move(error);

  if (Error error = result->jit->addIRModule(orc::ThreadSafeModule(
          std::move(program.module), std::move(program.context))))
    return std::move(error);
  auto entry = result->jit->lookup(getPackedName(result->function));
  if (!entry)
    return entry.takeError();
  result->entry = entry->toPtr<void (*)(void **)>();
  return result;
}

Error CPUJit::run(llvm::ArrayRef<const DLTensor *> tensors) const {
  auto views = checkHostTensors(arguments, tensors);
  if (!views)
    return views.takeError();

  // Per argument two pointers, the offset, the sizes, the strides.
  llvm::SmallVector<llvm::SmallVector<int64_t, 11>, 6> descriptors;
  for (const TensorView &view : *views) {
    auto &descriptor = descriptors.emplace_back();
    auto address = reinterpret_cast<intptr_t>(view.address);
    descriptor.append({address, address, 0});
    descriptor.append(view.sizes);
    descriptor.append(view.strides);
  }
  llvm::SmallVector<void *, 6> pointers;
  for (auto &descriptor : descriptors)
    pointers.push_back(descriptor.data());

  ParallelForLimit limit(threads);
  entry(pointers.data());
  return Error::success();
}
