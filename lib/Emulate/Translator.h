//===- Translator.h - One role of a kernel, being translated ----*- C++ -*-===//
//
/// \file
/// Turns the operations of one role into instructions. Invariant: one SSA value
/// has one register, but a loop's results share those of its iteration
/// arguments.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_LIB_EMULATE_TRANSLATOR_H
#define FLASHMHF_LIB_EMULATE_TRANSLATOR_H

#include "Program.h"
#include "flashmhf/Dialect/Hopper/IR/Hopper.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::hopper::emulation {

enum class Kind { Scalar, Floats, Slot, Other };

/// Translates one role of a kernel.
class Translator {
public:
  Translator(const DenseMap<Value, int32_t> &shared, Program &program)
      : shared(shared), program(program) {}

  /// Appends the operations of `block` but for its terminator. `role` is the
  /// region of hopper.warpgroups to enter.
  LogicalResult translate(Block &block, Region *role);
  /// Gives an argument of the kernel a register of this role.
  void addPieceArgument(Value argument) {
    program.pieceArguments.push_back(define(argument));
  }
  void finish(Location location) { emit(Opcode::End, location); }

  /// Says why translation failed.
  Location location = UnknownLoc();
  std::string message;

private:
  LogicalResult translate(Operation &op, Region *role);
  LogicalResult translateConstant(arith::ConstantOp op);
  LogicalResult translateFor(scf::ForOp op, Region *role);
  LogicalResult translateIf(scf::IfOp op, Region *role);
  LogicalResult translateWhile(scf::WhileOp op, Region *role);
  LogicalResult translatePut(PutOp op);
  LogicalResult translateDelinearize(affine::AffineDelinearizeIndexOp op);
  LogicalResult translateFloats(Operation *op);
  LogicalResult translateHopper(Operation *op);
  template <typename OpTy>
  LogicalResult translateWork(OpTy op, Opcode opcode);
  /// An operation whose operands and results map one to one.
  LogicalResult translatePlain(Operation *op, Opcode opcode,
                               int64_t target = 0);

  LogicalResult fail(Operation *op, const Twine &reason) {
    location = op->getLoc();
    message =
        ("cannot emulate '" + op->getName().getStringRef() + "': " + reason)
            .str();
    return failure();
  }

  Instruction &emit(Opcode opcode, Location loc) {
    program.code.emplace_back(opcode, loc);
    return program.code.back();
  }

  static Kind getKind(Type type);
  /// A new register for a value of `type`; -1 if there is no such.
  int32_t createRegister(Type type);
  int32_t define(Value value) {
    return registers[value] = createRegister(value.getType());
  }
  int32_t get(Value value) const;
  void copy(Type type, int32_t from, int32_t to, Location loc);
  /// Copies all at once: no copy sees what another one wrote.
  void copyAll(ValueRange from, ArrayRef<int32_t> to, Location loc);

  /// Rings and parameters.
  const DenseMap<Value, int32_t> &shared;
  Program &program;
  DenseMap<Value, int32_t> registers;
};

} // namespace mlir::hopper::emulation

#endif // FLASHMHF_LIB_EMULATE_TRANSLATOR_H
