//===- Pieces.cpp - Blocks that share the sum of a tile -------------------===//
//
/// \file
/// Partial sums, the meeting of the pieces, and their sum. All pieces of a tile
/// run together, so that they can wait for one another.
//
//===----------------------------------------------------------------------===//

#include "Warpgroup.h"

#include "flashmhf/Dialect/Hopper/IR/Hopper.h"

#include "llvm/ADT/bit.h"
#include "llvm/Support/FormatVariadic.h"

#include <cstring>

using namespace mlir;
using namespace mlir::hopper;
using namespace mlir::hopper::emulation;

bool Warpgroup::executeSelectFloats(const Instruction &i) {
  if (!checkWritable(i, i.result))
    return false;
  int32_t source = i.operands[scalars[i.operands[0]] ? 1 : 2];
  std::memcpy(getFloats(i.result), getFloats(source),
              program.floats[source].getSize() * sizeof(float));
  return true;
}

float *Warpgroup::getPartial(const Instruction &i, int64_t first,
                             const TensorRef &like, std::array<int64_t, 4> at) {
  std::array<int64_t, 4> sizes = {machine.grid.launch.pieces, like.sizes[0],
                                  like.sizes[1], like.sizes[2]};
  int64_t row = 0;
  for (auto [index, size] : llvm::zip(at, sizes)) {
    if (index < 0 || index >= size) {
      fault(i, llvm::formatv("has no partial sum [{0}] of [{1}]",
                             llvm::make_range(at.begin(), at.end()),
                             llvm::make_range(sizes.begin(), sizes.end())));
      return nullptr;
    }
    row = row * size + index;
  }
  std::vector<float> &partials = machine.grid.workspace->partials;
  if (reinterpret_cast<float *>(first) != partials.data()) {
    fault(i, "takes another address for that of the partial sums");
    return nullptr;
  }
  return partials.data() + row * like.sizes[3];
}

bool Warpgroup::executeStorePartial(const Instruction &i) {
  if (!checkPredecessor(i, "stores a partial sum"))
    return false;
  const FloatRegister &info = program.floats[i.operands[0]];
  const TensorRef &like = getTensor(i.operands[6]);
  std::array<int64_t, 4> at;
  for (int d = 0; d < 4; ++d)
    at[d] = scalars[i.operands[d + 2]];
  record({Event::Kind::Store, 0, 0, 0, double(info.getSize() * sizeof(float))});
  int64_t rows = info.rows, columns = info.columns;
  int64_t except = i.operands[7] < 0 ? -1 : scalars[i.operands[7]];
  const float *values = getFloats(i.operands[0]);
  std::vector<float> turned;
  if (i.transposed) {
    turned.resize(info.getSize());
    transpose(turned.data(), values, rows, columns);
    values = turned.data();
    std::swap(rows, columns);
  }
  for (int64_t row = 0; row < rows; ++row, values += columns, ++at[3]) {
    if (at[3] >= like.sizes[2])
      break;
    float *dest = getPartial(i, scalars[i.operands[1]], like, at);
    if (!dest)
      return false;
    for (int64_t column = 0; column < like.sizes[3]; ++column)
      if (getShare(row, column, machine.grid.launch.pieces) != except)
        dest[column] = values[column];
  }
  return true;
}

int64_t *Warpgroup::getCounter(const Instruction &i, int64_t tile) {
  std::vector<int64_t> &counters = machine.grid.workspace->counters;
  int64_t consumers = machine.grid.launch.kernel.consumers;
  int64_t tiles = counters.size() / consumers;
  if (tile >= 0 && tile < tiles)
    return &counters[tile * consumers + consumer];
  fault(i, llvm::formatv("has no counter for tile {0}: there are {1}", tile,
                         tiles));
  return nullptr;
}

bool Warpgroup::executeArrivals(const Instruction &i) {
  if (!checkPredecessor(i, "counts arrivals"))
    return false;
  int64_t *counter = getCounter(i, scalars[i.operands[1]]);
  if (!counter)
    return false;
  std::unique_lock<std::mutex> lock(machine.mutex);
  scalars[i.result] = *counter;
  return true;
}

bool Warpgroup::executeMeet(const Instruction &i) {
  if (!checkPredecessor(i, "meets the other pieces"))
    return false;
  int64_t tile = scalars[i.operands[1]], count = scalars[i.operands[2]],
          piece = scalars[i.operands[3]];
  int64_t pieces = machine.grid.launch.pieces;
  int64_t *counter = getCounter(i, tile);
  if (!counter)
    return false;
  std::unique_lock<std::mutex> lock(machine.mutex);
  if (block.met[consumer]) {
    lock.unlock();
    return fault(i, "meets the other pieces a second time");
  }
  block.met[consumer] = true;
  int64_t all = (count / pieces + 1) * pieces;
  auto await = [&](int64_t arrivals) {
    return machine.waitUntil(
        lock, *this, i.location, [&] { return *counter >= arrivals; },
        [&] {
          return llvm::formatv("for {0} of {1} pieces of tile {2}",
                               arrivals - *counter, pieces, tile)
              .str();
        });
  };
  bool waits = scalars[i.operands[4]] != 0;
  // Of pieces that do not wait for one another the last one sums. That is what
  // the timeline shows, whichever thread runs first.
  if (!waits && events && !await(all - 1))
    return false;
  int64_t arrival = (*counter)++;
  machine.notify();
  if (waits && !await(all))
    return false;
  bool isLast = (arrival + 1) % pieces == 0;
  scalars[i.result] = waits ? piece : isLast ? 0 : int64_t(1) << 20;
  scalars[i.result + 1] = waits ? pieces : 1;
  return true;
}

void Warpgroup::storeSum(const Instruction &i, int32_t argument,
                         std::array<int64_t, 4> at,
                         MutableArrayRef<float> sum) {
  const TensorRef &dest = getTensor(argument);
  Format format = machine.grid.launch.kernel.parameters[argument].format;
  int64_t element = at[0] * dest.strides[0] + at[1] * dest.strides[1] +
                    at[2] * dest.strides[2] + at[3];
  char *address = static_cast<char *>(dest.data) + element * getBytes(format);
  if (i.target) {
    std::vector<float> old(sum.size());
    decode(format, address, old.data(), sum.size());
    for (size_t column = 0; column < sum.size(); ++column)
      sum[column] = old[column] + sum[column];
  }
  encode(format, sum.data(), address, sum.size());
}

bool Warpgroup::checkStored(const Instruction &i, float value, int64_t row,
                            int64_t piece) {
  if (llvm::bit_cast<uint32_t>(value) != Workspace::kUnwritten)
    return true;
  return fault(
      i, llvm::formatv("sums row {0} before piece {1} has stored its part", row,
                       piece));
}

bool Warpgroup::executeSumPartials(const Instruction &i) {
  const TensorRef &dest = getTensor(i.operands[1]);
  Format format = machine.grid.launch.kernel.parameters[i.operands[1]].format;
  int64_t pieces = machine.grid.launch.pieces, width = dest.sizes[3];
  int64_t batch = scalars[i.operands[2]], head = scalars[i.operands[3]],
          first = scalars[i.operands[4]], step = scalars[i.operands[6]];
  if (step < 1)
    return fault(i, "sums every " + Twine(step) + "th row");
  std::vector<float> sum(width);
  for (int64_t row = scalars[i.operands[5]]; row < i.tiles[0]; row += step) {
    int64_t index = first + row;
    if (index >= dest.sizes[2])
      break;
    for (int64_t piece = 0; piece < pieces; ++piece) {
      float *partial = getPartial(i, scalars[i.operands[0]], dest,
                                  {piece, batch, head, index});
      if (!partial || !checkStored(i, *partial, index, piece))
        return false;
      for (int64_t k = 0; k < width; ++k)
        sum[k] = piece ? sum[k] + partial[k] : partial[k];
    }
    storeSum(i, i.operands[1], {batch, head, index, 0}, sum);
    record(
        {Event::Kind::Load, 0, 0, 0, double(pieces * width * sizeof(float))});
    record({Event::Kind::Store, 0, 0, 0, double(width * getBytes(format))});
  }
  return true;
}

bool Warpgroup::executeSumShares(const Instruction &i) {
  const FloatRegister &tile = program.floats[i.operands[0]];
  const TensorRef &dest = getTensor(i.operands[3]);
  Format format = machine.grid.launch.kernel.parameters[i.operands[3]].format;
  int64_t pieces = machine.grid.launch.pieces;
  int64_t own = scalars[i.operands[2]], batch = scalars[i.operands[4]],
          head = scalars[i.operands[5]], from = scalars[i.operands[6]],
          first = scalars[i.operands[7]], step = scalars[i.operands[8]];
  if (step < 1)
    return fault(i, "sums every " + Twine(step) + "th share");
  int64_t summed = 0;
  for (int64_t row = 0; row < tile.rows; ++row)
    for (int64_t column = 0; column < tile.columns; ++column) {
      int64_t share = getShare(row, column, pieces), index = from + row;
      if (share < first || (share - first) % step != 0 ||
          index >= dest.sizes[2])
        continue;
      float sum = 0;
      for (int64_t piece = 0; piece < pieces; ++piece) {
        float value = getFloats(i.operands[0])[row * tile.columns + column];
        if (piece != own || step < pieces) {
          float *partial = getPartial(i, scalars[i.operands[1]], dest,
                                      {piece, batch, head, index});
          if (!partial || !checkStored(i, partial[column], index, piece))
            return false;
          value = partial[column];
        }
        sum = piece ? sum + value : value;
      }
      storeSum(i, i.operands[3], {batch, head, index, column}, sum);
      ++summed;
    }
  int64_t loaded = step < pieces ? pieces : pieces - 1;
  record({Event::Kind::Load, 0, 0, 0, double(summed * loaded * sizeof(float))});
  record({Event::Kind::Store, 0, 0, 0, double(summed * getBytes(format))});
  return true;
}
