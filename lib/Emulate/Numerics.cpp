//===- Numerics.cpp - Arithmetic of the emulator --------------------------===//
//
/// \file
/// Loops that the compiler vectorises; the matrix product picks the widest
/// instructions of the CPU that it runs on.
//
//===----------------------------------------------------------------------===//

#include "Numerics.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <cstring>

using namespace mlir;
using namespace mlir::hopper;
using namespace mlir::hopper::emulation;

//===----------------------------------------------------------------------===//
// Formats
//===----------------------------------------------------------------------===//

std::optional<Format> hopper::emulation::getFormat(Type type) {
  if (type.isF32())
    return Format::F32;
  if (type.isF16())
    return Format::F16;
  if (type.isBF16())
    return Format::BF16;
  return std::nullopt;
}

int64_t hopper::emulation::getBytes(Format format) {
  return format == Format::F32 ? 4 : 2;
}

static float fromBF16(uint16_t bits) {
  return llvm::bit_cast<float>(uint32_t(bits) << 16);
}

static uint16_t toBF16(float value) {
  uint32_t bits = llvm::bit_cast<uint32_t>(value);
  if (value != value)
    return uint16_t(bits >> 16) | 0x40; // a quiet NaN
  return uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

static float fromF16(uint16_t bits) {
  uint32_t sign = uint32_t(bits & 0x8000) << 16;
  uint32_t magnitude = bits & 0x7fff;
  if (magnitude >= 0x7c00) // infinity and NaN
    return llvm::bit_cast<float>(sign | 0x7f800000 |
                                 (magnitude - 0x7c00) << 13);
  // Scaling moves the exponent's bias and makes subnormals normal.
  float value = llvm::bit_cast<float>(magnitude << 13) * 0x1p112f;
  return llvm::bit_cast<float>(llvm::bit_cast<uint32_t>(value) | sign);
}

static uint16_t toF16(float value) {
  uint32_t bits = llvm::bit_cast<uint32_t>(value);
  uint16_t sign = uint16_t(bits >> 16) & 0x8000;
  uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000)
    return sign | 0x7e00;
  if (magnitude >= 0x477ff000) // rounds to 65536 or more
    return sign | 0x7c00;
  if (magnitude < 0x38800000) // below 2^-14: subnormal, in units of 2^-24
    return sign |
           uint16_t(std::nearbyint(llvm::bit_cast<float>(magnitude) * 0x1p24f));
  uint32_t rounded = magnitude + 0xfff + ((magnitude >> 13) & 1);
  return sign | uint16_t((rounded - 0x38000000) >> 13);
}

/// dest[i] = Convert(source[i]).
template <auto Convert, typename From, typename To>
static void convert(const From *source, To *dest, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    dest[i] = Convert(source[i]);
}

void hopper::emulation::decode(Format format, const void *source, float *dest,
                               int64_t count) {
  auto *bits = static_cast<const uint16_t *>(source);
  switch (format) {
  case Format::F32:
    std::memcpy(dest, source, count * sizeof(float));
    return;
  case Format::F16:
    return convert<fromF16>(bits, dest, count);
  case Format::BF16:
    return convert<fromBF16>(bits, dest, count);
  }
}

void hopper::emulation::encode(Format format, const float *source, void *dest,
                               int64_t count) {
  auto *bits = static_cast<uint16_t *>(dest);
  switch (format) {
  case Format::F32:
    std::memcpy(dest, source, count * sizeof(float));
    return;
  case Format::F16:
    return convert<toF16>(source, bits, count);
  case Format::BF16:
    return convert<toBF16>(source, bits, count);
  }
}

template <auto Encode, auto Decode>
static float roundTrip(float value) {
  return Decode(Encode(value));
}

void hopper::emulation::round(Format format, float *values, int64_t count) {
  if (format == Format::F16)
    convert<roundTrip<toF16, fromF16>>(values, values, count);
  else if (format == Format::BF16)
    convert<roundTrip<toBF16, fromBF16>>(values, values, count);
}

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

/// Division by zero, undefined in the IR, yields 0 here.
template <int64_t (*Function)(int64_t, int64_t)>
static int64_t divide(int64_t a, int64_t b) {
  return b == 0 || (b == -1 && a == INT64_MIN) ? 0 : Function(a, b);
}

static IntegerFunction getCompareFunction(arith::CmpIPredicate predicate) {
  using Predicate = arith::CmpIPredicate;
  switch (predicate) {
  case Predicate::eq:
    return [](int64_t a, int64_t b) -> int64_t { return a == b; };
  case Predicate::ne:
    return [](int64_t a, int64_t b) -> int64_t { return a != b; };
  case Predicate::slt:
    return [](int64_t a, int64_t b) -> int64_t { return a < b; };
  case Predicate::sle:
    return [](int64_t a, int64_t b) -> int64_t { return a <= b; };
  case Predicate::sgt:
    return [](int64_t a, int64_t b) -> int64_t { return a > b; };
  case Predicate::sge:
    return [](int64_t a, int64_t b) -> int64_t { return a >= b; };
  case Predicate::ult:
    return [](int64_t a, int64_t b) -> int64_t {
      return uint64_t(a) < uint64_t(b);
    };
  case Predicate::ule:
    return [](int64_t a, int64_t b) -> int64_t {
      return uint64_t(a) <= uint64_t(b);
    };
  case Predicate::ugt:
    return [](int64_t a, int64_t b) -> int64_t {
      return uint64_t(a) > uint64_t(b);
    };
  case Predicate::uge:
    return [](int64_t a, int64_t b) -> int64_t {
      return uint64_t(a) >= uint64_t(b);
    };
  }
  return nullptr;
}

namespace {
// Wrapping arithmetic, as in the IR.
int64_t addInt(int64_t a, int64_t b) { return uint64_t(a) + uint64_t(b); }
int64_t subInt(int64_t a, int64_t b) { return uint64_t(a) - uint64_t(b); }
int64_t mulInt(int64_t a, int64_t b) { return uint64_t(a) * uint64_t(b); }
int64_t divSigned(int64_t a, int64_t b) { return a / b; }
int64_t remSigned(int64_t a, int64_t b) { return a % b; }
int64_t divUnsigned(int64_t a, int64_t b) { return uint64_t(a) / uint64_t(b); }
int64_t remUnsigned(int64_t a, int64_t b) { return uint64_t(a) % uint64_t(b); }
int64_t ceilDiv(int64_t a, int64_t b) { return llvm::divideCeilSigned(a, b); }
int64_t floorDiv(int64_t a, int64_t b) { return llvm::divideFloorSigned(a, b); }
int64_t minSigned(int64_t a, int64_t b) { return std::min(a, b); }
int64_t maxSigned(int64_t a, int64_t b) { return std::max(a, b); }
int64_t minUnsigned(int64_t a, int64_t b) { return std::min<uint64_t>(a, b); }
int64_t maxUnsigned(int64_t a, int64_t b) { return std::max<uint64_t>(a, b); }
int64_t andInt(int64_t a, int64_t b) { return a & b; }
int64_t orInt(int64_t a, int64_t b) { return a | b; }
int64_t xorInt(int64_t a, int64_t b) { return a ^ b; }
int64_t first(int64_t a, int64_t) { return a; }
} // namespace

IntegerFunction hopper::emulation::getIntegerFunction(Operation *op) {
  if (auto compare = dyn_cast<arith::CmpIOp>(op))
    return getCompareFunction(compare.getPredicate());
  return llvm::StringSwitch<IntegerFunction>(op->getName().getStringRef())
      .Case("arith.addi", addInt)
      .Case("arith.subi", subInt)
      .Case("arith.muli", mulInt)
      .Case("arith.divsi", divide<divSigned>)
      .Case("arith.remsi", divide<remSigned>)
      .Case("arith.divui", divide<divUnsigned>)
      .Case("arith.remui", divide<remUnsigned>)
      .Case("arith.ceildivsi", divide<ceilDiv>)
      .Case("arith.floordivsi", divide<floorDiv>)
      .Case("arith.minsi", minSigned)
      .Case("arith.maxsi", maxSigned)
      .Case("arith.minui", minUnsigned)
      .Case("arith.maxui", maxUnsigned)
      .Case("arith.andi", andInt)
      .Case("arith.ori", orInt)
      .Case("arith.xori", xorInt)
      .Cases({"arith.index_cast", "arith.index_castui"}, first)
      .Default(nullptr);
}

//===----------------------------------------------------------------------===//
// Floats
//===----------------------------------------------------------------------===//

namespace {
template <float (*Function)(float)>
void unary(float *dest, const float *const *operands, int64_t count) {
  const float *a = operands[0];
  for (int64_t i = 0; i < count; ++i)
    dest[i] = Function(a[i]);
}

template <float (*Function)(float, float)>
void binary(float *dest, const float *const *operands, int64_t count) {
  const float *a = operands[0], *b = operands[1];
  for (int64_t i = 0; i < count; ++i)
    dest[i] = Function(a[i], b[i]);
}

template <float (*Function)(float, float, float)>
void ternary(float *dest, const float *const *operands, int64_t count) {
  const float *a = operands[0], *b = operands[1], *c = operands[2];
  for (int64_t i = 0; i < count; ++i)
    dest[i] = Function(a[i], b[i], c[i]);
}

float add(float a, float b) { return a + b; }
float sub(float a, float b) { return a - b; }
float mul(float a, float b) { return a * b; }
float div(float a, float b) { return a / b; }
/// NaN wins, and -0 is less than +0.
float maximum(float a, float b) {
  return a != a || (a == b && !std::signbit(a)) ? a
         : b != b || b > a                      ? b
         : a == b                               ? b
                                                : a;
}
float minimum(float a, float b) { return -maximum(-a, -b); }
float maxnum(float a, float b) { return std::fmax(a, b); }
float minnum(float a, float b) { return std::fmin(a, b); }
float neg(float a) { return -a; }
float identity(float a) { return a; }
float absolute(float a) { return std::fabs(a); }
float tangent(float a) { return std::tanh(a); }
float exponential(float a) { return std::exp(a); }
float exponential2(float a) { return std::exp2(a); }
float squareRoot(float a) { return std::sqrt(a); }
float reciprocalRoot(float a) { return 1.0f / std::sqrt(a); }
/// The product is exact in double; only the sum rounds, all but always as
/// fma's.
float fma(float a, float b, float c) { return float(double(a) * b + c); }
} // namespace

FloatFunction hopper::emulation::getFloatFunction(Operation *op) {
  return llvm::StringSwitch<FloatFunction>(op->getName().getStringRef())
      .Case("arith.addf", binary<add>)
      .Case("arith.subf", binary<sub>)
      .Case("arith.mulf", binary<mul>)
      .Case("arith.divf", binary<div>)
      .Case("arith.maximumf", binary<maximum>)
      .Case("arith.minimumf", binary<minimum>)
      .Case("arith.maxnumf", binary<maxnum>)
      .Case("arith.minnumf", binary<minnum>)
      .Case("arith.negf", unary<neg>)
      .Cases({"arith.truncf", "arith.extf"}, unary<identity>)
      .Case("math.absf", unary<absolute>)
      .Case("math.tanh", unary<tangent>)
      .Case("math.exp", unary<exponential>)
      .Case("math.exp2", unary<exponential2>)
      .Case("math.sqrt", unary<squareRoot>)
      .Case("math.rsqrt", unary<reciprocalRoot>)
      .Case("math.fma", ternary<fma>)
      .Default(nullptr);
}

//===----------------------------------------------------------------------===//
// Matrices
//===----------------------------------------------------------------------===//

void hopper::emulation::transpose(float *dest, const float *source,
                                  int64_t rows, int64_t columns) {
  constexpr int64_t tile = 16;
  for (int64_t i0 = 0; i0 < rows; i0 += tile)
    for (int64_t j0 = 0; j0 < columns; j0 += tile)
      for (int64_t j = j0; j < std::min(j0 + tile, columns); ++j)
        for (int64_t i = i0; i < std::min(i0 + tile, rows); ++i)
          dest[j * rows + i] = source[i * columns + j];
}

namespace {
constexpr int64_t kLanes = 16;
typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float))));
} // namespace

/// `Rows` rows and `Vectors * kLanes` columns of the product, in registers.
template <int Rows, int Vectors>
__attribute__((always_inline)) static inline void
multiplyBlock(float *c, const float *a, int64_t stride, const float *b,
              int64_t n, int64_t k) {
  Lanes sums[Rows][Vectors];
  for (int i = 0; i < Rows; ++i)
    for (int v = 0; v < Vectors; ++v)
      std::memcpy(&sums[i][v], c + i * n + v * kLanes, sizeof(Lanes));
  for (int64_t p = 0; p < k; ++p) {
    Lanes row[Vectors];
    for (int v = 0; v < Vectors; ++v)
      std::memcpy(&row[v], b + p * n + v * kLanes, sizeof(Lanes));
    for (int i = 0; i < Rows; ++i)
      for (int v = 0; v < Vectors; ++v)
        sums[i][v] += a[i * stride + p] * row[v];
  }
  for (int i = 0; i < Rows; ++i)
    for (int v = 0; v < Vectors; ++v)
      std::memcpy(c + i * n + v * kLanes, &sums[i][v], sizeof(Lanes));
}

/// `Vectors` that still leave registers free for A and B.
template <int Vectors>
__attribute__((always_inline)) static inline void
multiplyAll(float *c, const float *a, int64_t stride, const float *b, int64_t m,
            int64_t n, int64_t k) {
  constexpr int rows = 4;
  int64_t j = 0;
  for (; j + Vectors * kLanes <= n; j += Vectors * kLanes) {
    int64_t i = 0;
    for (; i + rows <= m; i += rows)
      multiplyBlock<rows, Vectors>(c + i * n + j, a + i * stride, stride, b + j,
                                   n, k);
    for (; i < m; ++i)
      multiplyBlock<1, Vectors>(c + i * n + j, a + i * stride, stride, b + j, n,
                                k);
  }
  for (; j + kLanes <= n; j += kLanes)
    for (int64_t i = 0; i < m; ++i)
      multiplyBlock<1, 1>(c + i * n + j, a + i * stride, stride, b + j, n, k);
  for (int64_t i = 0; i < m && j < n; ++i)
    for (int64_t p = 0; p < k; ++p)
      for (int64_t q = j; q < n; ++q)
        c[i * n + q] += a[i * stride + p] * b[p * n + q];
}

#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("avx512f"))) static void
multiplyAVX512(float *c, const float *a, int64_t stride, const float *b,
               int64_t m, int64_t n, int64_t k) {
  multiplyAll<2>(c, a, stride, b, m, n, k);
}

__attribute__((target("avx2,fma"))) static void
multiplyAVX2(float *c, const float *a, int64_t stride, const float *b,
             int64_t m, int64_t n, int64_t k) {
  multiplyAll<1>(c, a, stride, b, m, n, k);
}
#endif

void hopper::emulation::multiply(float *c, const float *a, int64_t stride,
                                 const float *b, int64_t m, int64_t n,
                                 int64_t k) {
#if defined(__x86_64__) && defined(__GNUC__)
  if (__builtin_cpu_supports("avx512f"))
    return multiplyAVX512(c, a, stride, b, m, n, k);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return multiplyAVX2(c, a, stride, b, m, n, k);
#endif
  multiplyAll<1>(c, a, stride, b, m, n, k);
}
