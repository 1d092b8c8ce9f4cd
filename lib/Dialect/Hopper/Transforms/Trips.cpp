//===- Trips.cpp - How often a loop runs ----------------------------------===//

#include "Trips.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"

using namespace mlir;
using namespace mlir::hopper;

Trips hopper::countTrips(scf::ForOp loop) {
  if (std::optional<APInt> trips = loop.getStaticTripCount())
    return {static_cast<int64_t>(trips->getLimitedValue(INT64_MAX)), true};
  if (!isConstantIntValue(loop.getStep(), 1))
    return {};
  Value lower = loop.getLowerBound(), upper = loop.getUpperBound();
  if (FailureOr<int64_t> trips =
          ValueBoundsConstraintSet::computeConstantDelta(upper, lower);
      succeeded(trips))
    return {std::max<int64_t>(*trips, 0), true};
  return {ValueBoundsConstraintSet::compare(
              upper, ValueBoundsConstraintSet::ComparisonOperator::GT, lower),
          false};
}
