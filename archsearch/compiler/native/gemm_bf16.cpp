// The matrix product with inputs rounded to bfloat16 and sums in float32, for processors that multiply pairs (AVX512-BF16).
// The same interface as gemm.cpp; two rows of B lie side by side as pairs, so what is packed takes half the memory.
#include "panels.h"
#include "transpose.h"
#include <immintrin.h>
#include <stdlib.h>

typedef uint32_t Pair;  // two numbers that are multiplied with two others and added, the first in the lower half

static inline long pairs(long depth) { return (depth + 1) / 2; }

// Rounded to the nearest, NaN stays NaN; numbers below the normal ones become 0.
static inline __m512i half(V v) { return _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh((__m512)v)); }
static inline __m512i pair(V even, V odd) { return _mm512_or_si512(half(even), _mm512_slli_epi32(half(odd), 16)); }
static inline V some(const real* from, long count) {
  return (V)_mm512_maskz_loadu_ps(count >= W ? 0xffff : count <= 0 ? 0 : (1 << count) - 1, from);
}

template <int R, int N>
static inline void tile(const Pair* A, long rows, long columns, long deep, const Pair* P, const real* start, long apart, real* C,
                        long ldc) {
  __m512 c[R][N];
  UNROLL for (int i = 0; i < R; i++)
    UNROLL for (int j = 0; j < N; j++) c[i][j] = (__m512)ld(start + i * apart + j * W);
  for (long k = 0; k < deep; k++, P += N * W) {
    __m512bh b[N];
    UNROLL for (int j = 0; j < N; j++) b[j] = (__m512bh)_mm512_loadu_si512(P + j * W);
    UNROLL for (int i = 0; i < R; i++) {
      const __m512bh v = (__m512bh)_mm512_set1_epi32((int)A[i * rows + k * columns]);
      UNROLL for (int j = 0; j < N; j++) c[i][j] = _mm512_dpbf16_ps(c[i][j], v, b[j]);
    }
  }
  UNROLL for (int i = 0; i < R; i++)
    UNROLL for (int j = 0; j < N; j++) st(C + i * ldc + j * W, (V)c[i][j]);
}

template <int R, int N>
static inline void edged_tile(const Pair* A, long rows, long columns, long deep, const Pair* P, const real* start, long apart, real* C,
                              long ldc, long n) {
  if (n >= N * W) return tile<R, N>(A, rows, columns, deep, P, start, apart, C, ldc);
  real edge[R][N * (VECTOR_BYTES / sizeof(real))] = {};
  for (int i = 0; start != ZEROS && i < R; i++)
    for (int j = 0; j < N; j++) st(edge[i] + j * W, some(start + i * apart + j * W, n - j * W));
  tile<R, N>(A, rows, columns, deep, P, edge[0], N * W, edge[0], N * W);
  for (int i = 0; i < R; i++)
    for (long j = 0; j < n; j += W)
      _mm512_mask_storeu_ps(C + i * ldc + j, n - j >= W ? 0xffff : (1 << (n - j)) - 1, _mm512_loadu_ps(edge[i] + j));
}

template <int R, int N>
static inline void last_rows(const Pair* A, long rows, long columns, long deep, const Pair* P, const real* start, long apart, real* C,
                             long ldc, long m, long n) {
  if constexpr (R > 0) {
    if (m == R) return edged_tile<R, N>(A, rows, columns, deep, P, start, apart, C, ldc, n);
    last_rows<R - 1, N>(A, rows, columns, deep, P, start, apart, C, ldc, m, n);
  }
}

template <int N>
static void panel_product(const Pair* A, long rows, long columns, long deep, const Pair* P, const real* start, long apart, real* C,
                          long ldc, long m, long n) {
  constexpr int R = tile_rows(N);
  for (; m >= R; m -= R, A += R * rows, start += R * apart, C += R * ldc)
    edged_tile<R, N>(A, rows, columns, deep, P, start, apart, C, ldc, n);
  last_rows<R - 1, N>(A, rows, columns, deep, P, start, apart, C, ldc, m, n);
}

// One panel of B(k, n) = source[k * rows + n] from column n on; k < depth, n < width.
static void pack_panel(const real* source, long rows, long depth, long width, long n, Pair* P) {
  const int vectors = vectors_of(width - n);
  for (long k = 0; k < depth; k += 2, P += vectors * W)
    for (long j = 0; j < vectors; j++) {
      const real* from = source + k * rows + n + j * W;
      const long count = width - n - j * W;
      _mm512_storeu_si512(P + j * W, pair(some(from, count), k + 1 < depth ? some(from + rows, count) : all(0)));
    }
}

extern "C" void gemm_pack(const real* source, long rows, long depth, long width, real* P) {
  for (long n = 0; n < width; n += vectors_of(width - n) * W) pack_panel(source, rows, depth, width, n, (Pair*)P + n * pairs(depth));
}

extern "C" void gemm_pack_forward(const real* const* weights, long slots, long width, long wide, long depth, real* P) {
  V square[VECTOR_BYTES / sizeof(real)];
  for (long n = 0, vectors; n < slots * wide; n += vectors * W) {
    vectors = vectors_of(slots * wide - n);
    Pair* panel = (Pair*)P + n * pairs(depth);
    for (long j = n; j < n + vectors * W; j += W) {
      const long column = j % wide, count = column < width ? width - column : 0;
      const real* from = weights[j / wide] + column * depth;
      for (long k = 0; k < depth; k += W) {
        for (long i = 0; i < W; i++) square[i] = i < count ? some(from + i * depth + k, depth - k) : all(0);
        transpose(square);
        for (long i = 0; i < W && k + i < depth; i += 2)
          _mm512_storeu_si512(panel + (k + i) / 2 * vectors * W + j - n, pair(square[i], square[i + 1]));
      }
    }
  }
}

extern "C" void gemm_pack_backward(const real* const* weights, long slots, long width, long depth, real* P) {
  Pair* to = (Pair*)P;
  for (long n = 0, wide; n < depth; n += wide) {
    wide = vectors_of(depth - n) * W;
    for (long s = 0; s < slots; s++, to += pairs(width) * wide) pack_panel(weights[s], depth, width, depth, n, to);
  }
}

template <int USE>  // each use has memory of its own, for one goes on while another is made
static Pair* scratch(long size) {
  static thread_local struct Memory {
    Pair* numbers = 0;
    long size = 0;
    ~Memory() { free(numbers); }
  } memory;
  if (size > memory.size) {
    free(memory.numbers);
    memory.numbers = (Pair*)aligned_alloc(64, (size * sizeof(Pair) + 4095) / 4096 * 4096);
    memory.size = size;
  }
  return memory.numbers;
}

// A as pairs, in the order in which it lies: a block after the other, each of an even depth.
static const Pair* paired(const real* A, long rows, long columns, long blocks, long depth, long stride, long m, long& row, long& column) {
  const long whole = pairs(depth), deep = blocks * whole, wide = (m + W - 1) / W * W;
  Pair* made = scratch<0>((columns == 1 ? m * deep : wide * deep) + 2 * W);
  row = columns == 1 ? deep : 1, column = columns == 1 ? 1 : wide;
  for (long b = 0; b < blocks; b++) {
    const real* from = A + b * stride * columns;
    if (columns == 1) {
      for (long i = 0; i < m; i++) {
        Pair* to = made + i * deep + b * whole;
        for (long k = 0; k < depth; k += W) {
          const __m256i few = (__m256i)_mm512_cvtneps_pbh((__m512)some(from + i * rows + k, depth - k));
          const long left = whole - k / 2;
          _mm256_mask_storeu_epi32(to + k / 2, left >= 8 ? 0xff : (1 << left) - 1, few);
        }
      }
    } else {
      for (long k = 0; k < depth; k += 2)
        for (long i = 0; i < m; i += W) {
          V even, odd = all(0);
          if (rows == 1) {
            even = some(from + i + k * columns, m - i);
            if (k + 1 < depth) odd = some(from + i + (k + 1) * columns, m - i);
          } else {
            even = all(0);
            for (long l = 0; l < W && i + l < m; l++) {
              even[l] = from[(i + l) * rows + k * columns];
              if (k + 1 < depth) odd[l] = from[(i + l) * rows + (k + 1) * columns];
            }
          }
          _mm512_storeu_si512(made + (b * whole + k / 2) * wide + i, pair(even, odd));
        }
    }
  }
  return made;
}

extern "C" void gemm_run(const real* A, long rows, long columns, long blocks, long depth, long stride, const real* P,
                         const real* start, long apart, real* C, long ldc, long m, long n) {
  long row, column;
  const Pair* left = paired(A, rows, columns, blocks, depth, stride, m, row, column);
  const long all_pairs = blocks * pairs(depth), step = 512;
  for (long k = 0; k < all_pairs; k += step) {
    const long deep = all_pairs - k < step ? all_pairs - k : step;
    for (long j = 0, wide; j < n; j += wide) {
      const int vectors = vectors_of(n - j);
      wide = vectors * W;
      auto product = vectors == 3 ? panel_product<3> : vectors == 2 ? panel_product<2> : panel_product<1>;
      const Pair* panel = (const Pair*)P + j * all_pairs + k * wide;
      product(left + k * column, row, column, deep, panel, start ? start + j : ZEROS, start ? apart : 0, C + j, ldc, m, n - j);
    }
    start = C, apart = ldc;
  }
}

// See gemm.cpp; here they are packed like all others.
extern "C" void gemm_run_once(const real* A, long rows, const real* const* weights, long slots, long width, long wide, long depth,
                              const real* start, long apart, real* C, long ldc, long m) {
  real* P = (real*)scratch<1>(slots * wide * pairs(depth));
  gemm_pack_forward(weights, slots, width, wide, depth, P);
  gemm_run(A, rows, 1, 1, depth, 0, P, start, apart, C, ldc, m, slots * wide);
}
