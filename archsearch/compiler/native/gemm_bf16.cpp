// The matrix product with inputs in bfloat16 and sums in float32, for processors that multiply pairs (AVX512-BF16). The same
// interface as gemm.cpp. Two rows of B lie side by side as pairs, of a panel one part after the other.
#include "panels.h"
#include "transpose.h"

#include "halves.h"

static inline long pairs(long depth) { return (depth + 1) / 2; }

// A as pairs: pair[i * rows + k * columns], and `part` further on what the first part leaves out.
struct Left {
  const Pair* pair;
  long rows, columns, part;
  Left from_row(long i) const { return {pair + i * rows, rows, columns, part}; }
  Left from_column(long k) const { return {pair + k * columns, rows, columns, part}; }
};

template <int R, int N>
static inline void tile(const Left A, long deep, const Pair* P, const real* start, long apart, real* C, long ldc) {
  __m512 c[R][N];
  UNROLL for (int i = 0; i < R; i++)
    UNROLL for (int j = 0; j < N; j++) c[i][j] = (__m512)ld(start + i * apart + j * W);
  for (long k = 0; k < deep; k++, P += PARTS * N * W) {
    __m512bh b[PARTS][N];
    UNROLL for (int p = 0; p < PARTS; p++)
      UNROLL for (int j = 0; j < N; j++) b[p][j] = (__m512bh)_mm512_loadu_si512(P + (p * N + j) * W);
    UNROLL for (int i = 0; i < R; i++) {
      const Pair* a = A.pair + i * A.rows + k * A.columns;
      const __m512bh v = (__m512bh)_mm512_set1_epi32((int)*a);
      UNROLL for (int j = 0; j < N; j++) c[i][j] = _mm512_dpbf16_ps(c[i][j], v, b[0][j]);
      if (PARTS > 1) {
        const __m512bh rest = (__m512bh)_mm512_set1_epi32((int)a[A.part]);
        UNROLL for (int j = 0; j < N; j++) c[i][j] = _mm512_dpbf16_ps(c[i][j], v, b[PARTS - 1][j]);
        UNROLL for (int j = 0; j < N; j++) c[i][j] = _mm512_dpbf16_ps(c[i][j], rest, b[0][j]);
      }
    }
  }
  UNROLL for (int i = 0; i < R; i++)
    UNROLL for (int j = 0; j < N; j++) st(C + i * ldc + j * W, (V)c[i][j]);
}

template <int R, int N>
static inline void edged_tile(const Left A, long deep, const Pair* P, const real* start, long apart, real* C, long ldc, long n) {
  if (n >= N * W) return tile<R, N>(A, deep, P, start, apart, C, ldc);
  real edge[R][N * (VECTOR_BYTES / sizeof(real))] = {};
  for (int i = 0; start != ZEROS && i < R; i++)
    for (int j = 0; j < N; j++) st(edge[i] + j * W, some(start + i * apart + j * W, n - j * W));
  tile<R, N>(A, deep, P, edge[0], N * W, edge[0], N * W);
  for (int i = 0; i < R; i++)
    for (long j = 0; j < n; j += W) store_some(C + i * ldc + j, ld(edge[i] + j), n - j);
}

template <int R, int N>
static inline void last_rows(const Left A, long deep, const Pair* P, const real* start, long apart, real* C, long ldc, long m,
                             long n) {
  if constexpr (R > 0) {
    if (m == R) return edged_tile<R, N>(A, deep, P, start, apart, C, ldc, n);
    last_rows<R - 1, N>(A, deep, P, start, apart, C, ldc, m, n);
  }
}

template <int N>
static void panel_product(Left A, long deep, const Pair* P, const real* start, long apart, real* C, long ldc, long m, long n) {
  constexpr int R = tile_rows(N);
  for (; m >= R; m -= R, A = A.from_row(R), start += R * apart, C += R * ldc)
    edged_tile<R, N>(A, deep, P, start, apart, C, ldc, n);
  last_rows<R - 1, N>(A, deep, P, start, apart, C, ldc, m, n);
}

// All parts of two rows of a vector of columns, in a panel of `vectors`.
static inline void put_pairs(V even, V odd, Pair* P, long vectors) {
  for (int part = 0; part < PARTS; part++, P += vectors * W) _mm512_storeu_si512(P, next_pairs(even, odd));
}

// One panel of B(k, n) = source[k * rows + n] from column n on; k < depth, n < width.
static void pack_panel(const real* source, long rows, long depth, long width, long n, Pair* P) {
  const int vectors = vectors_of(width - n);
  for (long k = 0; k < depth; k += 2, P += PARTS * vectors * W)
    for (long j = 0; j < vectors; j++) {
      const real* from = source + k * rows + n + j * W;
      const long count = width - n - j * W;
      put_pairs(some(from, count), k + 1 < depth ? some(from + rows, count) : all(0), P + j * W, vectors);
    }
}

extern "C" void gemm_pack(const real* source, long rows, long depth, long width, real* P) {
  for (long n = 0; n < width; n += vectors_of(width - n) * W)
    pack_panel(source, rows, depth, width, n, (Pair*)P + n * pairs(depth) * PARTS);
}

extern "C" void gemm_pack_forward(const real* const* weights, long slots, long width, long wide, long depth, real* P) {
  V square[VECTOR_BYTES / sizeof(real)];
  for (long n = 0, vectors; n < slots * wide; n += vectors * W) {
    vectors = vectors_of(slots * wide - n);
    Pair* panel = (Pair*)P + n * pairs(depth) * PARTS;
    for (long j = n; j < n + vectors * W; j += W) {
      const long column = j % wide, count = column < width ? width - column : 0;
      const real* from = weights[j / wide] + column * depth;
      for (long k = 0; k < depth; k += W) {
        for (long i = 0; i < W; i++) square[i] = i < count ? some(from + i * depth + k, depth - k) : all(0);
        transpose(square);
        for (long i = 0; i < W && k + i < depth; i += 2)
          put_pairs(square[i], square[i + 1], panel + (k + i) / 2 * PARTS * vectors * W + j - n, vectors);
      }
    }
  }
}

extern "C" void gemm_pack_backward(const real* const* weights, long slots, long width, long depth, real* P) {
  Pair* to = (Pair*)P;
  for (long n = 0, wide; n < depth; n += wide) {
    wide = vectors_of(depth - n) * W;
    for (long s = 0; s < slots; s++, to += pairs(width) * PARTS * wide) pack_panel(weights[s], depth, width, depth, n, to);
  }
}

// A as pairs, in the order in which it lies: a block after the other, each of an even depth.
static Left paired(const real* A, long rows, long columns, long blocks, long depth, long stride, long m) {
  const long whole = pairs(depth), deep = blocks * whole, wide = (m + W - 1) / W * W;
  const long part = (columns == 1 ? m * deep : wide * deep) + 2 * W;
  Pair* made = scratch<0>(PARTS * part);
  for (long b = 0; b < blocks; b++) {
    const real* from = A + b * stride * columns;
    if (columns == 1) {
      for (long i = 0; i < m; i++) {
        Pair* to = made + i * deep + b * whole;
        for (long k = 0; k < depth; k += W) {
          V left = some(from + i * rows + k, depth - k);
          const long count = whole - k / 2;
          for (int p = 0; p < PARTS; p++)
            _mm256_mask_storeu_epi32(to + p * part + k / 2, count >= 8 ? 0xff : (1 << count) - 1, next_part(left));
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
          Pair* to = made + (b * whole + k / 2) * wide + i;
          for (int p = 0; p < PARTS; p++) _mm512_storeu_si512(to + p * part, next_pairs(even, odd));
        }
    }
  }
  return {made, columns == 1 ? deep : 1, columns == 1 ? 1 : wide, part};
}

extern "C" void gemm_run(const real* A, long rows, long columns, long blocks, long depth, long stride, const real* P,
                         const real* start, long apart, real* C, long ldc, long m, long n) {
  const Left left = paired(A, rows, columns, blocks, depth, stride, m);
  const long all_pairs = blocks * pairs(depth), step = 512;
  for (long k = 0; k < all_pairs; k += step) {
    const long deep = all_pairs - k < step ? all_pairs - k : step;
    for (long j = 0, wide; j < n; j += wide) {
      const int vectors = vectors_of(n - j);
      wide = vectors * W;
      auto product = vectors == 3 ? panel_product<3> : vectors == 2 ? panel_product<2> : panel_product<1>;
      const Pair* panel = (const Pair*)P + (j * all_pairs + k * wide) * PARTS;
      product(left.from_column(k), deep, panel, start ? start + j : ZEROS, start ? apart : 0, C + j, ldc, m, n - j);
    }
    start = C, apart = ldc;
  }
}

// See gemm.cpp; here they are packed like all others.
extern "C" void gemm_run_once(const real* A, long rows, const real* const* weights, long slots, long width, long wide, long depth,
                              const real* start, long apart, real* C, long ldc, long m) {
  real* P = (real*)scratch<1>(slots * wide * pairs(depth) * PARTS);
  gemm_pack_forward(weights, slots, width, wide, depth, P);
  gemm_run(A, rows, 1, 1, depth, 0, P, start, apart, C, ldc, m, slots * wide);
}
