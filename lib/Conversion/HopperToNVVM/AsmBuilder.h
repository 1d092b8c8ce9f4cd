//===- AsmBuilder.h - One inline assembly statement -------------*- C++ -*-===//

#ifndef FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_ASMBUILDER_H
#define FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_ASMBUILDER_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::hopper::ptx {

/// Collects the operands of one inline assembly statement: results first, then
/// inputs, then tied inputs, as LLVM counts them.
class AsmBuilder {
public:
  AsmBuilder(OpBuilder &b, Location loc) : b(b), loc(loc) {}

  /// Adds a result; if `initial` is given the register starts with its value.
  std::string addResult(Type type, Value initial = {}) {
    resultTypes.push_back(type);
    initials.push_back(initial);
    outputs.push_back(std::string("=") + getCode(type));
    return llvm::formatv("${0}", resultTypes.size() - 1);
  }

  /// Adds an input. All results must have been added.
  std::string addInput(Value value) {
    inputs.push_back(value);
    return llvm::formatv("${0}", resultTypes.size() + inputs.size() - 1);
  }

  /// Adds a predicate (null: none) and returns what stands in front of an
  /// instruction that it guards.
  std::string addGuard(Value predicate) {
    return predicate ? "@" + addInput(predicate) + " " : "";
  }

  /// Emits the statement and returns its results. Only statements without
  /// side effects may be merged, moved or removed.
  SmallVector<Value> emit(StringRef text, bool hasSideEffects) {
    SmallVector<std::string> constraints(outputs);
    SmallVector<Value> operands(inputs);
    for (Value input : inputs)
      constraints.push_back(getCode(input.getType()));
    for (auto [i, initial] : llvm::enumerate(initials))
      if (initial) {
        constraints.push_back(std::to_string(i));
        operands.push_back(initial);
      }
    if (hasSideEffects)
      constraints.push_back("~{memory}");
    Type type;
    if (resultTypes.size() == 1)
      type = resultTypes.front();
    else if (!resultTypes.empty())
      type = LLVM::LLVMStructType::getLiteral(b.getContext(), resultTypes);
    auto op = LLVM::InlineAsmOp::create(
        b, loc, type ? TypeRange(type) : TypeRange(), operands, text,
        llvm::join(constraints, ","), hasSideEffects,
        /*is_align_stack=*/false, LLVM::TailCallKind::None,
        LLVM::AsmDialectAttr::get(b.getContext(), LLVM::AsmDialect::AD_ATT),
        /*operand_attrs=*/ArrayAttr());
    if (resultTypes.size() <= 1)
      return SmallVector<Value>(op->getResults());
    SmallVector<Value> values;
    for (size_t i = 0; i < resultTypes.size(); ++i)
      values.push_back(
          LLVM::ExtractValueOp::create(b, loc, op->getResult(0), i));
    return values;
  }

private:
  static const char *getCode(Type type) {
    if (type.isF32())
      return "f";
    if (type.isInteger(1))
      return "b";
    if (type.isInteger(16))
      return "h";
    if (isa<LLVM::LLVMPointerType>(type) || type.isInteger(64))
      return "l";
    return "r";
  }

  OpBuilder &b;
  Location loc;
  SmallVector<Type> resultTypes;
  SmallVector<Value> initials, inputs;
  SmallVector<std::string> outputs;
};

} // namespace mlir::hopper::ptx

#endif // FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_ASMBUILDER_H
