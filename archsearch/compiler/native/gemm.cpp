// The matrix product, built once per host: a register tile over packed panels of two vectors.
#include "transpose.h"

#if defined(__AVX512F__)
static const int TILE = 10;
#elif defined(__AVX2__)
static const int TILE = 6;
#else
static const int TILE = 4;
#endif
static const long PANEL = 2 * W;
#define UNROLL _Pragma("GCC unroll 16")

static const real ZEROS[2 * (VECTOR_BYTES / sizeof(real))] = {};

template <int R, int N>
static inline void tile(const real* A, long rows, long columns, long blocks, long depth, long stride, const real* P, const real* start,
                        long apart, real* C, long ldc) {
  V c[R][N];
  UNROLL for (int i = 0; i < R; i++)
    UNROLL for (int j = 0; j < N; j++) c[i][j] = ld(start + i * apart + j * W);
  for (long block = 0; block < blocks; block++) {
    const real* a = A + block * stride * columns;
    for (long k = 0; k < depth; k++, P += PANEL) {
      V b[N];
      UNROLL for (int j = 0; j < N; j++) b[j] = ld(P + j * W);
      UNROLL for (int i = 0; i < R; i++) {
        V v = all(a[i * rows + k * columns]);
        UNROLL for (int j = 0; j < N; j++) c[i][j] += v * b[j];
      }
    }
  }
  UNROLL for (int i = 0; i < R; i++)
    UNROLL for (int j = 0; j < N; j++) st(C + i * ldc + j * W, c[i][j]);
}

// Up to two vectors; a whole vector at either end where there is room.
static inline void copy_row(const real* from, real* to, long n) {
  if (n >= W) {
    st(to, ld(from));
    st(to + n - W, ld(from + n - W));
    return;
  }
  long j = 0;
  for (; j + 4 <= n; j += 4) memcpy(to + j, from + j, 4 * sizeof(real));
  for (; j < n; j++) to[j] = from[j];
}

// A tile whose last columns are not wanted goes through memory of its own.
template <int R, int N>
static inline void edged_tile(const real* A, long rows, long columns, long blocks, long depth, long stride, const real* P,
                              const real* start, long apart, real* C, long ldc, long n) {
  if (n >= N * W) return tile<R, N>(A, rows, columns, blocks, depth, stride, P, start, apart, C, ldc);
  real edge[R][PANEL] = {};
  if (start != ZEROS)
    for (int i = 0; i < R; i++) copy_row(start + i * apart, edge[i], n);
  tile<R, N>(A, rows, columns, blocks, depth, stride, P, edge[0], PANEL, edge[0], PANEL);
  for (int i = 0; i < R; i++) copy_row(edge[i], C + i * ldc, n);
}

// The rows that are left, fewer than a tile's, as one tile of just so many.
template <int R, int N>
static inline void last_rows(const real* A, long rows, long columns, long blocks, long depth, long stride, const real* P,
                             const real* start, long apart, real* C, long ldc, long m, long n) {
  if constexpr (R > 0) {
    if (m == R) return edged_tile<R, N>(A, rows, columns, blocks, depth, stride, P, start, apart, C, ldc, n);
    last_rows<R - 1, N>(A, rows, columns, blocks, depth, stride, P, start, apart, C, ldc, m, n);
  }
}

template <int N>
static void panel_product(const real* A, long rows, long columns, long blocks, long depth, long stride, const real* P,
                          const real* start, long apart, real* C, long ldc, long m, long n) {
  for (; m >= TILE; m -= TILE, A += TILE * rows, start += TILE * apart, C += TILE * ldc)
    edged_tile<TILE, N>(A, rows, columns, blocks, depth, stride, P, start, apart, C, ldc, n);
  last_rows<TILE - 1, N>(A, rows, columns, blocks, depth, stride, P, start, apart, C, ldc, m, n);
}

// One panel of B(k, n) = source[k * rows + n] from column n on; k < depth, n < width.
static void pack_panel(const real* source, long rows, long depth, long width, long n, real* P) {
  const real* end = source + (depth - 1) * rows + width;
  const long count = width - n < PANEL ? width - n : PANEL;
  if (count == PANEL) {
    for (long k = 0; k < depth; k++, P += PANEL) {
      const real* from = source + k * rows + n;
      st(P, ld(from));
      st(P + W, ld(from + W));
    }
    return;
  }
  M first, second;  // which lanes of a row's two vectors are within the width
  for (long j = 0; j < W; j++) first[j] = j < count ? -1 : 0, second[j] = W + j < count ? -1 : 0;
  for (long k = 0; k < depth; k++, P += PANEL) {
    const real* from = source + k * rows + n;
    if (from + PANEL <= end) {  // beyond the width lies the next row
      st(P, first ? ld(from) : all(0));
      st(P + W, second ? ld(from + W) : all(0));
    } else {
      for (long j = 0; j < PANEL; j++) P[j] = j < count ? from[j] : 0;
    }
  }
}

// P = B, B(k, n) = source[k * rows + n]; k < depth, n < width.
extern "C" void gemm_pack(const real* source, long rows, long depth, long width, real* P) {
  for (long n = 0; n < width; n += PANEL, P += depth * PANEL) pack_panel(source, rows, depth, width, n, P);
}

// Half a panel of B(k, j) = source[j * depth + k], j < count: zero beyond.
static void pack_transposed(const real* source, long count, long depth, real* P) {
  long k = 0;
  for (; k + W <= depth; k += W) {
    V square[W];
    for (long j = 0; j < W; j++) square[j] = j < count ? ld(source + j * depth + k) : all(0);
    transpose(square);
    for (long i = 0; i < W; i++) st(P + (k + i) * PANEL, square[i]);
  }
  for (; k < depth; k++)
    for (long j = 0; j < W; j++) P[k * PANEL + j] = j < count ? source[j * depth + k] : 0;
}

// For a·Wᵀ: B(k, s * wide + j) = weights[s][j * depth + k]; slots side by side, `wide` apart, zero beyond their true width.
// `wide` is a multiple of a vector.
extern "C" void gemm_pack_forward(const real* const* weights, long slots, long width, long wide, long depth, real* P) {
  for (long n = 0; n < slots * wide; n += PANEL, P += depth * PANEL)
    for (long half = 0; half < PANEL; half += W) {
      const long slot = (n + half) / wide, column = (n + half) % wide;
      const long count = slot < slots && column < width ? width - column : 0;
      pack_transposed(count ? weights[slot] + column * depth : 0, count, depth, P + half);
    }
}

// For δ·W: B(s * width + i, n) = weights[s][i * depth + n], n < depth.
extern "C" void gemm_pack_backward(const real* const* weights, long slots, long width, long depth, real* P) {
  for (long n = 0; n < depth; n += PANEL)
    for (long s = 0; s < slots; s++, P += width * PANEL) pack_panel(weights[s], depth, width, depth, n, P);
}

// C[m, n] = start + A · P; A(i, k) = A[i * rows + k * columns], k in `blocks` blocks of `depth` that begin `stride` apart. The
// rows of start are `apart` from each other: C itself, one row for all (0), or none.
extern "C" void gemm_run(const real* A, long rows, long columns, long blocks, long depth, long stride, const real* P,
                         const real* start, long apart, real* C, long ldc, long m, long n) {
  const long step = blocks == 1 ? 512 : depth;
  for (long k = 0; k < depth; k += step) {
    const long deep = depth - k < step ? depth - k : step;
    for (long j = 0; j < n; j += PANEL) {
      const real* panel = P + j * blocks * depth + k * PANEL;
      auto product = n - j <= W ? panel_product<1> : panel_product<2>;
      const real* from = start ? start + j : ZEROS;
      product(A + k * columns, rows, columns, blocks, deep, stride, panel, from, start ? apart : 0, C + j, ldc, m, n - j);
    }
    start = C, apart = ldc;
  }
}
