// Numbers side by side: vectors as wide as the processor's, e^x and what follows from it, and matrices in panels with
// their products. Nothing here knows of networks.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "real.h"

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

#define NOT_INLINED __attribute__((noinline)) inline  // compiled once, which is quicker

#if defined(__AVX512F__)
constexpr int BYTES = 64;
#elif defined(__AVX__)
constexpr int BYTES = 32;
#else  // SSE, NEON
constexpr int BYTES = 16;
#endif
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr bool HAS_32_REGISTERS = true;
#else
constexpr bool HAS_32_REGISTERS = false;
#endif

constexpr int LANES = BYTES / sizeof(Real);
using Integer = std::conditional_t<sizeof(Real) == 4, int32_t, int64_t>;
typedef Real Vec __attribute__((vector_size(BYTES)));
typedef Integer Bits __attribute__((vector_size(BYTES)));

inline Vec load(const Real* from) {
  Vec values;
  std::memcpy(&values, from, BYTES);
  return values;
}

inline void store(Real* to, Vec values) { std::memcpy(to, &values, BYTES); }

// ---- functions ---------------------------------------------------------------------------------------------------

// e^x = 2^k e^r with x = k ln 2 + r, |r| <= ln 2 / 2, and e^r by its Taylor series. To a few units in the last place;
// what would leave the range of normal numbers stops at its edge.
inline Vec exp(Vec x) {
  constexpr bool SINGLE = sizeof(Real) == 4;
  constexpr Real EDGE = SINGLE ? 87 : 708, LOG2_E = 1.44269504088896340736;
  constexpr Real LN2_HIGH = SINGLE ? 0.693359375 : 0.693145751953125;  // few bits, so k times it is exact
  constexpr Real LN2_LOW = SINGLE ? -2.12194440054690582767e-4 : 1.42860682030941723212e-6;
  constexpr int MANTISSA = SINGLE ? 23 : 52, TERMS = SINGLE ? 6 : 13;
  constexpr Real TO_WHOLE = Real(1.5) * Real(int64_t(1) << MANTISSA);  // added, it leaves k in the lowest bits
  const Vec within = x > EDGE ? Vec{} + EDGE : x < -EDGE ? Vec{} - EDGE : x;
  const Vec shifted = within * LOG2_E + TO_WHOLE, k = shifted - TO_WHOLE;
  const Vec r = within - k * LN2_HIGH - k * LN2_LOW;
  Vec sum = Vec{} + 1;  // 1 + r (1 + r/2 (1 + r/3 (...)))
#pragma GCC unroll 16
  for (int n = TERMS; n > 0; --n) sum = sum * r * (Real(1) / n) + 1;
  const Vec scaled = Vec(Bits(sum) + (Bits(shifted) << MANTISSA));
  return x == x ? scaled : x;  // NaN stays NaN
}

inline Vec sigmoid(Vec x) { return 1 / (1 + exp(-x)); }

// Near 0, where the difference to 1 would leave few digits, by its series.
inline Vec tanh(Vec x) {
  constexpr Real NEAR = sizeof(Real) == 4 ? 0.25 : 0.01;
  const Vec s = x * x;
  const Vec near = x * (1 + s * (Real(-1) / 3 + s * (Real(2) / 15 + s * (Real(-17) / 315 + s * (Real(62) / 2835)))));
  const Vec far = 1 - 2 / (1 + exp(2 * x));
  return s < NEAR * NEAR ? near : far;
}

// While it lives, numbers below the smallest normal one count as zero in this thread: on many processors arithmetic
// with them takes a hundred times as long, and saturated networks are full of them.
class FlushToZero {
#if defined(__SSE__)
  unsigned before_ = _mm_getcsr();

 public:
  FlushToZero() { _mm_setcsr(before_ | 0x8040); }
  ~FlushToZero() { _mm_setcsr(before_); }
#elif defined(__aarch64__)
  uint64_t before_;

 public:
  FlushToZero() {
    asm volatile("mrs %0, fpcr" : "=r"(before_));
    asm volatile("msr fpcr, %0" : : "r"(before_ | (uint64_t(1) << 24)));
  }
  ~FlushToZero() { asm volatile("msr fpcr, %0" : : "r"(before_)); }
#else
 public:
  FlushToZero() {}  // not needed for speed, or not known how
#endif
  FlushToZero(const FlushToZero&) = delete;
};

// ---- panels ------------------------------------------------------------------------------------------------------

constexpr int WIDTH = 2 * LANES;                 // columns of a panel
constexpr int TALL = HAS_32_REGISTERS ? 12 : 6;  // rows of a tile of a product: its sums fill the registers

constexpr int64_t panels_for(int64_t columns) { return (columns + WIDTH - 1) / WIDTH; }

// A matrix cut into panels of WIDTH columns, the last one filled up with zeros; the rows of a panel lie together.
struct Panels {
  Real* data;
  int64_t stride;  // from one panel to the next

  Real* at(int64_t panel, int64_t row) const { return data + panel * stride + row * WIDTH; }
  Panels from_row(int64_t row) const { return {at(0, row), stride}; }
  Panels from_panel(int64_t panel) const { return {at(panel, 0), stride}; }

  // An odd number of rows, or the panels would meet in the same few lines of the cache.
  static int64_t stride_for(int64_t rows) { return (rows | 1) * WIDTH; }
  static int64_t size(int64_t panels, int64_t rows) { return panels * stride_for(rows); }
};

// f(panel, first column, number of columns) for each panel of a row.
template <typename F>
inline void each_panel(int64_t columns, F f) {
  for (int64_t panel = 0, first = 0; first < columns; ++panel, first += WIDTH)
    f(panel, first, std::min<int64_t>(WIDTH, columns - first));
}

// Some numbers of a row; how many is known when it is compiled where they fill a panel.
inline void copy(const Real* from, int64_t count, Real* to) {
  if (count == WIDTH)
    std::memcpy(to, from, WIDTH * sizeof(Real));
  else
    std::copy_n(from, count, to);
}

NOT_INLINED void to_panels(const Real* row, int64_t columns, const Panels& to, int64_t at_row) {
  each_panel(columns, [&](int64_t panel, int64_t first, int64_t count) {
    Real* place = to.at(panel, at_row);
    copy(row + first, count, place);
    std::fill(place + count, place + WIDTH, Real(0));
  });
}

NOT_INLINED void from_panels(const Panels& from, int64_t at_row, int64_t columns, Real* row) {
  each_panel(columns, [&](int64_t panel, int64_t first, int64_t count) {
    copy(from.at(panel, at_row), count, row + first);
  });
}

NOT_INLINED void add_from_panels(const Panels& from, int64_t at_row, int64_t columns, Real* row) {
  each_panel(columns, [&](int64_t panel, int64_t first, int64_t count) {
    const Real* place = from.at(panel, at_row);
    for (int64_t i = 0; i < count; ++i) row[first + i] += place[i];
  });
}

NOT_INLINED void add_to_panels(const Real* row, int64_t columns, const Panels& to, int64_t at_row) {
  each_panel(columns, [&](int64_t panel, int64_t first, int64_t count) {
    Real* place = to.at(panel, at_row);
    for (int64_t i = 0; i < count; ++i) place[i] += row[first + i];
  });
}

// ---- products ----------------------------------------------------------------------------------------------------

// ROWS rows of one panel of start + A B, where A has `depth` panels and B, one panel, as many rows as these columns.
template <int ROWS>
inline void tile(const Panels& A, int64_t depth, const Real* B, const Real* start, int64_t start_stride, Real* to) {
  Vec sum[ROWS][2];
#pragma GCC unroll 12
  for (int i = 0; i < ROWS; ++i)
    for (int j = 0; j < 2; ++j) sum[i][j] = load(start + i * start_stride + j * LANES);
  for (int64_t panel = 0; panel < depth; ++panel) {
    const Real* a = A.at(panel, 0);
    for (int column = 0; column < WIDTH; ++column, B += WIDTH) {
      const Vec b0 = load(B), b1 = load(B + LANES);
#pragma GCC unroll 12
      for (int i = 0; i < ROWS; ++i) {
        sum[i][0] += a[i * WIDTH + column] * b0;
        sum[i][1] += a[i * WIDTH + column] * b1;
      }
    }
  }
#pragma GCC unroll 12
  for (int i = 0; i < ROWS; ++i)
    for (int j = 0; j < 2; ++j) store(to + i * WIDTH + j * LANES, sum[i][j]);
}

template <int ROWS = TALL>
inline void tile_of(int64_t rows, const Panels& A, int64_t depth, const Real* B, const Real* start,
                    int64_t start_stride, Real* to) {
  if constexpr (ROWS > 0) {
    if (rows == ROWS)
      tile<ROWS>(A, depth, B, start, start_stride, to);
    else
      tile_of<ROWS - 1>(rows, A, depth, B, start, start_stride, to);
  }
}

// A matrix to multiply with: `panels` panels of `depth` WIDTH rows each, one after the other.
struct Factor {
  const Real* data;
  int64_t depth, panels;

  const Real* panel(int64_t n) const { return data + n * depth * WIDTH * WIDTH; }
  static int64_t size(int64_t depth, int64_t panels) { return panels * depth * WIDTH * WIDTH; }
};

// What a product is added to.
struct Start {
  const Real* data;
  int64_t panel_stride, row_stride;

  static Start from(const Panels& C) { return {C.data, C.stride, WIDTH}; }
  static Start from_one_row(const Real* row) { return {row, WIDTH, 0}; }
  static Start from_zero() {
    static const Real zeros[WIDTH] = {};
    return {zeros, 0, 0};
  }
};

// C = start + A B for `rows` rows.
NOT_INLINED void multiply(int64_t rows, const Panels& A, const Factor& B, const Start& start, const Panels& C) {
  for (int64_t n = 0; n < B.panels; ++n)
    for (int64_t row = 0; row < rows;) {
      const int64_t left = rows - row, tiles = (left + TALL - 1) / TALL, now = (left + tiles - 1) / tiles;
      tile_of(now, A.from_row(row), B.depth, B.panel(n), start.data + n * start.panel_stride + row * start.row_stride,
              start.row_stride, C.at(n, row));
      row += now;
    }
}

// COLUMNS rows of C += A' B over `rows` rows, of one panel each of A, from one of its columns on, and of B.
template <int COLUMNS>
inline void tile_transposed(int64_t rows, const Real* A, const Real* B, Real* C) {
  Vec sum[COLUMNS][2];
#pragma GCC unroll 12
  for (int i = 0; i < COLUMNS; ++i)
    for (int j = 0; j < 2; ++j) sum[i][j] = load(C + i * WIDTH + j * LANES);
  for (int64_t row = 0; row < rows; ++row, A += WIDTH, B += WIDTH) {
    const Vec b0 = load(B), b1 = load(B + LANES);
#pragma GCC unroll 12
    for (int i = 0; i < COLUMNS; ++i) {
      sum[i][0] += A[i] * b0;
      sum[i][1] += A[i] * b1;
    }
  }
#pragma GCC unroll 12
  for (int i = 0; i < COLUMNS; ++i)
    for (int j = 0; j < 2; ++j) store(C + i * WIDTH + j * LANES, sum[i][j]);
}

// A whole panel of A: of 16 columns 6, 5 and 5.
template <int FIRST = 0>
inline void tiles_transposed(int64_t rows, const Real* A, const Real* B, Real* C) {
  if constexpr (FIRST < WIDTH) {
    constexpr int LEFT = WIDTH - FIRST, TILES = (LEFT + TALL - 1) / TALL, NOW = (LEFT + TILES - 1) / TILES;
    tile_transposed<NOW>(rows, A + FIRST, B, C + FIRST * WIDTH);
    tiles_transposed<FIRST + NOW>(rows, A, B, C);
  }
}

// C += A' B over `rows` rows, where C is laid out as a Factor of A's `depth` panels and B's `panels`.
NOT_INLINED void multiply_transposed(int64_t rows, const Panels& A, int64_t depth, const Panels& B, int64_t panels,
                                     Real* C) {
  for (int64_t n = 0; n < panels; ++n)
    for (int64_t m = 0; m < depth; ++m, C += WIDTH * WIDTH) tiles_transposed(rows, A.at(m, 0), B.at(n, 0), C);
}

// to [panels WIDTH] += the sum of B's rows.
inline void add_rows(int64_t rows, const Panels& B, int64_t panels, Real* to) {
  for (int64_t n = 0; n < panels; ++n)
    for (int j = 0; j < WIDTH; j += LANES, to += LANES) {
      Vec sum = load(to);
      for (int64_t row = 0; row < rows; ++row) sum += load(B.at(n, row) + j);
      store(to, sum);
    }
}
