//===- Compilation.cpp - A module on its way down -------------------------===//
//
/// \file
/// From source text to a module whose one public function has been found and
/// described. Every diagnostic made on the way ends up in the error.
//
//===----------------------------------------------------------------------===//

#include "Compilation.h"
#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"
#include "flashmhf/InitAll.h"
#include "flashmhf/Target/ContractBuilder.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace mlir::flashmhf;
using llvm::Error;
using llvm::Expected;

static DialectRegistry makeRegistry() {
  DialectRegistry registry;
  flashmhf::registerAllDialects(registry);
  return registry;
}

Compilation::Compilation(const CompileOptions &options)
    : options(options),
      context(makeRegistry(), MLIRContext::Threading::DISABLED),
      handler(&context,
              [this](Diagnostic &diagnostic) { return record(diagnostic); }) {
  // A diagnostic names the operation and the sizes; the operation itself may
  // be a whole kernel.
  context.printOpOnDiagnostic(false);
}

static Error checkOptions(const CompileOptions &options) {
  if (options.optLevel < 0 || options.optLevel > 3)
    return makeError(ErrorKind::InvalidArgument, "optimisation level " +
                                                     Twine(options.optLevel) +
                                                     " is not in 0..3");
  if (options.chip != "sm_90a")
    return makeError(ErrorKind::InvalidArgument,
                     "unsupported chip '" + options.chip +
                         "': only sm_90a can be compiled for");
  if (options.maxVariants < 1)
    return makeError(ErrorKind::InvalidArgument,
                     "the variants may be " + Twine(options.maxVariants) +
                         " at most, expected at least 1");
  if (options.runnersUp < 0)
    return makeError(ErrorKind::InvalidArgument, "runners-up are " +
                                                     Twine(options.runnersUp) +
                                                     ", expected at least 0");
  return Error::success();
}

Expected<std::unique_ptr<Compilation>>
Compilation::create(StringRef source, StringRef name,
                    const CompileOptions &options) {
  if (Error error = checkOptions(options))
    return std::move(error);
  std::unique_ptr<Compilation> compilation(new Compilation(options));
  if (Error error = compilation->parse(source, name))
    return std::move(error);
  return compilation;
}

static void printDiagnostic(Diagnostic &diagnostic, llvm::raw_ostream &os) {
  if (auto location =
          diagnostic.getLocation()->findInstanceOf<FileLineColLoc>())
    os << location.getFilename().getValue() << ":" << location.getLine() << ":"
       << location.getColumn() << ": ";
  os << diagnostic;
}

LogicalResult Compilation::record(Diagnostic &diagnostic) {
  auto report = [&](Diagnostic &each, bool isError) {
    std::string message;
    llvm::raw_string_ostream os(message);
    printDiagnostic(each, os);
    if (options.diagnosticHandler)
      options.diagnosticHandler(each.getSeverity(), message);
    if (isError)
      errors += (errors.empty() ? "" : "\n") + message;
  };
  bool isError = diagnostic.getSeverity() == DiagnosticSeverity::Error;
  report(diagnostic, isError);
  for (Diagnostic &note : diagnostic.getNotes())
    report(note, isError);
  return success();
}

Error Compilation::takeError(ErrorKind kind) {
  if (errors.empty())
    errors = "compilation failed";
  return makeError(kind, std::exchange(errors, ""));
}

void Compilation::warn(StringRef message) {
  if (options.diagnosticHandler)
    options.diagnosticHandler(DiagnosticSeverity::Warning, message);
}

Error Compilation::parse(StringRef source, StringRef name) {
  TimingScope timing = time("Parser");
  llvm::SourceMgr sourceManager;
  sourceManager.AddNewSourceBuffer(
      llvm::MemoryBuffer::getMemBufferCopy(source, name), llvm::SMLoc());
  module = parseSourceFile<ModuleOp>(sourceManager, &context);
  if (!module)
    return takeError(ErrorKind::Parse);
  if (Error error = findFunction())
    return error;
  return replaceSchedules();
}

/// The one public function with a body is what gets compiled.
Error Compilation::findFunction() {
  SmallVector<func::FuncOp> functions;
  for (auto candidate : module->getOps<func::FuncOp>())
    if (candidate.isPublic() && !candidate.isDeclaration())
      functions.push_back(candidate);
  if (functions.size() != 1) {
    module->emitError("expected one public function with a body, found ")
        << functions.size();
    return takeError(ErrorKind::Parse);
  }
  function = functions.front().getName().str();
  FailureOr<std::vector<ContractArgument>> described =
      describeArguments(functions.front());
  if (failed(described))
    return takeError(ErrorKind::Parse);
  arguments = std::move(*described);
  return Error::success();
}

Error Compilation::replaceSchedules() {
  if (options.schedule.empty())
    return Error::success();
  auto schedule = dyn_cast_or_null<ScheduleAttr>(
      parseAttribute(options.schedule, &context));
  if (!schedule) {
    std::string detail = errors.empty() ? "" : ":\n" + errors;
    return makeError(ErrorKind::Parse, "'" + options.schedule +
                                           "' is not a #flashmhf.schedule<...> "
                                           "attribute" +
                                           detail);
  }
  module->walk([&](MHFFNOp op) { op.setScheduleAttr(schedule); });
  module->walk([&](ProjectOp op) { op.setScheduleAttr(schedule); });
  // The operators' verifiers relate sizes and schedule.
  if (failed(verify(*module)))
    return takeError(ErrorKind::Compile);
  return Error::success();
}

Error Compilation::run(llvm::function_ref<void(OpPassManager &)> build) {
  PassManager passes(&context);
  // flashmhf-opt verifies after each pass, here it is a tenth of the time.
  passes.enableVerifier(false);
  if (options.timing)
    passes.enableTiming(*options.timing);
  build(passes);
  if (failed(passes.run(*module)) || failed(verify(*module)))
    return takeError(ErrorKind::Compile);
  return Error::success();
}

std::string Compilation::print() {
  std::string text;
  llvm::raw_string_ostream os(text);
  module->print(os);
  os << "\n";
  return text;
}
