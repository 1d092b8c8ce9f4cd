//===- Trips.cpp - How often a loop runs ----------------------------------===//

#include "Trips.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::hopper;

Trips hopper::countTrips(scf::ForOp loop) {
  if (std::optional<APInt> trips = loop.getStaticTripCount())
    return {static_cast<int64_t>(trips->getLimitedValue(INT64_MAX)), true};
  std::optional<int64_t> step = getConstantIntValue(loop.getStep());
  if (!step || *step < 1)
    return {};
  Value lower = loop.getLowerBound(), upper = loop.getUpperBound();
  if (FailureOr<int64_t> delta =
          ValueBoundsConstraintSet::computeConstantDelta(upper, lower);
      succeeded(delta))
    return {llvm::divideCeilSigned(std::max<int64_t>(*delta, 0), *step), true};
  return {ValueBoundsConstraintSet::compare(
              upper, ValueBoundsConstraintSet::ComparisonOperator::GT, lower),
          false};
}
