//===- Numerics.h - Arithmetic of the emulator ------------------*- C++ -*-===//
//
/// \file
/// Number formats, elementwise functions by operation name, and the matrix
/// product. Tiles are dense, row-major f32; 16-bit formats are f32 values that
/// the format can hold.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_LIB_EMULATE_NUMERICS_H
#define FLASHMHF_LIB_EMULATE_NUMERICS_H

#include "mlir/IR/Operation.h"
#include "mlir/IR/Types.h"
#include <cstdint>
#include <optional>

namespace mlir::hopper::emulation {

enum class Format : uint8_t { F32, F16, BF16 };

std::optional<Format> getFormat(Type type);
/// Bytes of an element in memory.
int64_t getBytes(Format format);

/// `count` consecutive elements of `format` at `source`, exactly.
void decode(Format format, const void *source, float *dest, int64_t count);
/// `count` elements to memory; 16-bit formats round to nearest even.
void encode(Format format, const float *source, void *dest, int64_t count);
/// Rounds to nearest even what `format` cannot hold.
void round(Format format, float *values, int64_t count);

using IntegerFunction = int64_t (*)(int64_t, int64_t);
using FloatFunction = void (*)(float *dest, const float *const *operands,
                               int64_t count);

/// The function of an operation on indices and integers, if known.
IntegerFunction getIntegerFunction(Operation *op);
/// The function of an elementwise operation on floats, if known.
FloatFunction getFloatFunction(Operation *op);

/// C[m x n] += A[m x k] * B[k x n], C and B dense, rows of A `stride` apart.
void multiply(float *c, const float *a, int64_t stride, const float *b,
              int64_t m, int64_t n, int64_t k);

/// dest[columns x rows] = source[rows x columns] transposed.
void transpose(float *dest, const float *source, int64_t rows, int64_t columns);

} // namespace mlir::hopper::emulation

#endif // FLASHMHF_LIB_EMULATE_NUMERICS_H
