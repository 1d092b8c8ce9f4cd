//===- ContractBuilder.cpp - Contracts from IR ----------------------------===//
//
/// \file
/// From IR to contract values. In: the user's function before any pass has
/// touched it, and the same function around its hopper.launch; out: its
/// arguments, and the launch contract.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Target/ContractBuilder.h"
#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"
#include "flashmhf/Dialect/FlashMHF/IR/VariantSwitch.h"
#include "flashmhf/Dialect/Hopper/IR/Hopper.h"
#include "flashmhf/Dialect/Hopper/IR/StreamK.h"
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace mlir::flashmhf;

static std::optional<ElementKind> getElementKind(Type type) {
  if (type.isBF16())
    return ElementKind::BF16;
  if (type.isF16())
    return ElementKind::F16;
  if (type.isF32())
    return ElementKind::F32;
  if (type.isF64())
    return ElementKind::F64;
  return std::nullopt;
}

static std::vector<std::optional<int64_t>>
toOptional(ArrayRef<int64_t> values) {
  std::vector<std::optional<int64_t>> result;
  for (int64_t value : values)
    result.push_back(ShapedType::isDynamic(value) ? std::nullopt
                                                  : std::optional(value));
  return result;
}

static FailureOr<ContractArgument> describeArgument(func::FuncOp function,
                                                    unsigned index) {
  Type type = function.getArgumentTypes()[index];
  auto fail = [&](const Twine &rule) {
    return function.emitOpError("argument #")
           << index << " is " << type << ", but " << rule;
  };
  auto shaped = dyn_cast<ShapedType>(type);
  if (!isa<RankedTensorType, MemRefType>(type))
    return fail("only tensors and memrefs with a rank can be passed");
  std::optional<ElementKind> kind = getElementKind(shaped.getElementType());
  if (!kind)
    return fail("only bf16, f16, f32 and f64 elements can be passed");

  ContractArgument argument;
  argument.name = "arg" + std::to_string(index);
  argument.dtype = *kind;
  argument.shape = toOptional(shaped.getShape());
  if (auto memref = dyn_cast<MemRefType>(type)) {
    SmallVector<int64_t> strides;
    int64_t offset;
    if (failed(memref.getStridesAndOffset(strides, offset)))
      return fail("only strided layouts can be passed");
    argument.strides = toOptional(strides);
    return argument;
  }
  argument.strides.assign(argument.shape.size(), std::nullopt);
  if (!argument.strides.empty())
    argument.strides.back() = 1;
  return argument;
}

/// The argument of the entry block that `value` is, seen through fills of a
/// tensor and casts of a memref.
static std::optional<unsigned> traceToArgument(func::FuncOp function,
                                               Value value) {
  for (Operation *op = value.getDefiningOp(); op; op = value.getDefiningOp()) {
    if (auto fill = dyn_cast<linalg::FillOp>(op))
      value = fill.getOutputs().front();
    else if (auto cast = dyn_cast<memref::CastOp>(op))
      value = cast.getSource();
    else
      return std::nullopt;
  }
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument || argument.getOwner() != &function.getBody().front())
    return std::nullopt;
  return argument.getArgNumber();
}

namespace {
/// What an operand is called, and the letters of its sizes.
struct Role {
  Value value;
  const char *name;
  std::vector<std::string> symbols;
};
} // namespace

/// The operands of the function's only operator; none where it has several.
static std::vector<Role> getRoles(func::FuncOp function) {
  SmallVector<Operation *> ops;
  function.walk([&](Operation *op) {
    if (isa<MHFFNOp, ProjectOp>(op))
      ops.push_back(op);
  });
  if (ops.size() != 1)
    return {};
  if (auto op = dyn_cast<ProjectOp>(ops.front()))
    return {{op.getX(), "x", {"B", "G", "L", "K"}},
            {op.getW(), "w", {"H", "G", "N", "K"}},
            {op.getInit(), "out", {"B", "H", "L", "N"}}};
  auto op = cast<MHFFNOp>(ops.front());
  return {{op.getQ(), "q", {"B", "H", "L", "D"}},
          {op.getK(), "k", {"G", "E", "F", "D"}},
          {op.getU(), "u", {"G", "E", "F", "D"}},
          {op.getV(), "v", {"G", "E", "F", "D"}},
          {op.getR(), "r", {"B", "H", "L", "E"}},
          {op.getInit(), "out", {"B", "H", "L", "D"}}};
}

/// Names the arguments after the operands of the function's only operator.
static void nameArguments(func::FuncOp function,
                          MutableArrayRef<ContractArgument> arguments) {
  std::vector<Role> roles = getRoles(function);
  for (Role &role : roles) {
    if (!role.value)
      continue;
    std::optional<unsigned> index = traceToArgument(function, role.value);
    // One argument may play two roles; the first names it.
    if (!index)
      continue;
    arguments[*index].isOutput |= &role == &roles.back();
    if (!arguments[*index].symbols.empty())
      continue;
    arguments[*index].name = role.name;
    arguments[*index].symbols = std::move(role.symbols);
  }
}

FailureOr<std::vector<ContractArgument>>
mlir::flashmhf::describeArguments(func::FuncOp function) {
  std::vector<ContractArgument> arguments;
  for (unsigned i = 0, e = function.getNumArguments(); i < e; ++i) {
    FailureOr<ContractArgument> argument = describeArgument(function, i);
    if (failed(argument))
      return failure();
    arguments.push_back(std::move(*argument));
  }
  nameArguments(function, arguments);
  return arguments;
}

//===----------------------------------------------------------------------===//
// The launch
//===----------------------------------------------------------------------===//

namespace {
/// The launches of a function, by variant, and the rule for several.
struct Launches {
  SmallVector<hopper::LaunchOp> byVariant;
  ContractRule rule;
};
} // namespace

/// Finds the only launch in `block`, or in its place a switch over variants.
/// Nothing else may do anything: a caller who goes by the contract would not do
/// it.
static LogicalResult findLaunch(func::FuncOp function, Block &block,
                                hopper::LaunchOp &launch,
                                scf::IndexSwitchOp *choice) {
  for (Operation &op : block) {
    auto candidate = dyn_cast<hopper::LaunchOp>(op);
    auto variants = dyn_cast<scf::IndexSwitchOp>(op);
    if (candidate || (variants && choice)) {
      if (launch || (choice && *choice))
        return function.emitOpError("launches more than one kernel; compile "
                                    "one mhffn at a time");
      if (candidate)
        launch = candidate;
      else
        *choice = variants;
      continue;
    }
    if (!op.hasTrait<OpTrait::IsTerminator>() && !isMemoryEffectFree(&op))
      return op.emitOpError("is left for the host to run: only mhffn and the "
                            "zero fill of its init become part of a kernel");
  }
  return success();
}

static FailureOr<Launches> findLaunches(func::FuncOp function) {
  if (function.getNumResults() != 0)
    return function.emitOpError("returns ")
           << function.getResultTypes().front()
           << ", which is not written into an argument: take the mhffn's init "
              "as an argument and return its result alone";
  Launches launches;
  hopper::LaunchOp launch;
  scf::IndexSwitchOp choice;
  if (failed(findLaunch(function, function.getBody().front(), launch, &choice)))
    return failure();
  if (!choice) {
    if (!launch)
      return function.emitOpError("has no mhffn to make a kernel of");
    launches.byVariant.push_back(launch);
    return launches;
  }
  FailureOr<VariantSwitch> variants = VariantSwitch::get(choice);
  if (failed(variants))
    return failure();
  static_cast<VariantRule &>(launches.rule) = std::move(variants->rule);
  launches.rule.argument = variants->argument;
  for (Region *region : variants->regions) {
    hopper::LaunchOp &each = launches.byVariant.emplace_back();
    if (failed(findLaunch(function, region->front(), each, nullptr)))
      return failure();
    if (!each)
      return choice.emitOpError("has a variant that launches no kernel");
  }
  return launches;
}

/// A tile of the tensor map in panels, as the hopper dialect lays it out.
static LogicalResult describeTensorMap(hopper::LaunchOp launch,
                                       hopper::TensorMapType map,
                                       ContractParameter &parameter) {
  FailureOr<hopper::PanelLayout> layout = hopper::getPanelLayout(
      map.getRows(), map.getColumns(), map.getElementType());
  if (failed(layout))
    return launch.emitOpError("passes ")
           << map << ", whose tile has no layout in shared memory";
  parameter.kind = ContractParameter::Kind::TensorMap;
  parameter.chunk = layout->panel;
  parameter.box = {layout->panel, layout->rows, layout->panels, 1, 1};
  parameter.swizzle = layout->getRowBytes();
  return success();
}

/// Block size and shared memory, which lowering left on the kernel.
static LogicalResult describeKernel(hopper::LaunchOp launch,
                                    KernelContract &contract) {
  auto kernel = SymbolTable::lookupNearestSymbolFrom<LLVM::LLVMFuncOp>(
      launch, launch.getKernel());
  if (!kernel)
    return launch.emitOpError("launches ")
           << launch.getKernel() << ", which is not lowered to an llvm.func";
  auto block = kernel->getAttrOfType<DenseI32ArrayAttr>(
      gpu::GPUDialect::KnownBlockSizeAttrHelper::getNameStr());
  auto memory =
      kernel->getAttrOfType<IntegerAttr>(hopper::kSharedMemoryAttrName);
  if (!block || block.size() > 3)
    return kernel.emitOpError("does not say its block size in ")
           << gpu::GPUDialect::KnownBlockSizeAttrHelper::getNameStr();
  if (!memory)
    return kernel.emitOpError("does not say its shared memory in ")
           << hopper::kSharedMemoryAttrName;
  contract.kernel = kernel.getName().str();
  llvm::copy(block.asArrayRef(), contract.block.begin());
  contract.sharedMemory = memory.getInt();
  return success();
}

/// What `launch` says of its kernel.
static LogicalResult describeLaunch(func::FuncOp function,
                                    hopper::LaunchOp launch,
                                    KernelContract &kernel) {
  kernel.cluster[0] = launch.getCluster();
  kernel.grid.persistent = launch.getPersistent();
  kernel.programmatic = launch.getProgrammatic();
  if (failed(describeKernel(launch, kernel)))
    return failure();

  ArrayRef<int64_t> tiles = launch.getTiles();
  if (tiles.size() != kernel.grid.tiles.size())
    return launch.emitOpError("has ") << tiles.size() << " tile sizes, not 3";
  llvm::copy(tiles, kernel.grid.tiles.begin());
  std::optional<unsigned> over = traceToArgument(function, launch.getOver());
  if (!over)
    return launch.emitOpError("has a grid over a memref that is no argument of "
                              "the function");
  kernel.grid.argument = *over;

  for (auto [i, value, attribute] :
       llvm::enumerate(launch.getArgs(), launch.getParameters().getValue())) {
    std::optional<unsigned> argument = traceToArgument(function, value);
    if (!argument)
      return launch.emitOpError("passes operand ")
             << i << ", which is no argument of the function";
    ContractParameter parameter;
    parameter.argument = *argument;
    auto map =
        dyn_cast<hopper::TensorMapType>(cast<TypeAttr>(attribute).getValue());
    if (map && failed(describeTensorMap(launch, map, parameter)))
      return failure();
    kernel.parameters.push_back(parameter);
  }
  if (launch.getPush()) {
    kernel.grid.pieces = launch.getPieces();
    kernel.grid.push = true;
    kernel.cluster[0] = launch.getPieces();
  }
  if (!launch.hasPieceArguments())
    return success();
  // All warpgroups but the producer.
  int64_t consumers = kernel.block[0] / hopper::kWarpgroupThreads - 1;
  if (launch.getStreamK()) {
    kernel.grid.streamK = true;
    int64_t width = cast<MemRefType>(launch.getOver().getType()).getDimSize(3);
    kernel.workspace.partialsPerBlock =
        tiles[2] * width * getElementSize(ElementKind::F32);
    kernel.workspace.countersPerBlock =
        consumers * hopper::kWarpgroupThreads * sizeof(int32_t);
  } else {
    kernel.grid.pieces = launch.getPieces();
    kernel.workspace.partialsPerElement =
        launch.getPieces() * getElementSize(ElementKind::F32);
    kernel.workspace.countersPerTile = consumers * sizeof(int64_t);
  }
  using Kind = ContractParameter::Kind;
  for (Kind kind : {Kind::Partials, Kind::Counters, Kind::Resident}) {
    ContractParameter parameter;
    parameter.kind = kind;
    kernel.parameters.push_back(parameter);
  }
  return success();
}

/// Gives each variant counters of its own: first the flags of blocks that share
/// tiles, of which all variants leave zeros, then those whose tiles the rule
/// bounds, then, if it needs any, the one that is taken for all other sizes.
static void placeCounters(LaunchContract &contract) {
  int64_t offset = 0;
  for (const KernelContract &kernel : contract.variants)
    offset = std::max(offset, kernel.workspace.countersPerBlock *
                                  hopper::kMaxStreamBlocks);
  KernelContract *unbounded = nullptr;
  for (auto [i, kernel] : llvm::enumerate(contract.variants)) {
    if (kernel.workspace.countersPerTile == 0)
      continue;
    std::optional<VariantBounds> bounds = contract.getBounds(i);
    if (!bounds) {
      unbounded = &kernel;
      continue;
    }
    kernel.workspace.countersOffset = offset;
    offset += bounds->tiles * kernel.workspace.countersPerTile;
  }
  if (unbounded)
    unbounded->workspace.countersOffset = offset;
}

FailureOr<LaunchContract>
mlir::flashmhf::buildContract(func::FuncOp function,
                              std::vector<ContractArgument> arguments,
                              StringRef chip) {
  FailureOr<Launches> launches = findLaunches(function);
  if (failed(launches))
    return failure();
  LaunchContract contract;
  contract.chip = chip.str();
  contract.arguments = std::move(arguments);
  contract.rule = std::move(launches->rule);
  for (hopper::LaunchOp launch : launches->byVariant)
    if (failed(
            describeLaunch(function, launch, contract.variants.emplace_back())))
      return failure();
  if (contract.variants.size() > 1)
    placeCounters(contract);
  if (llvm::Error error = contract.verify())
    return function.emitOpError(llvm::toString(std::move(error)));
  return contract;
}
