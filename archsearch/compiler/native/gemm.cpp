// The matrix product, built once per host: a register tile over packed panels of two or three vectors.
#include "panels.h"
#include "transpose.h"

// How many rows of a panel are fetched before they are wanted: processors whose products wait for a far cache gain by it, and the
// others lose nothing. So it is with the loop, which goes two rows at a time.
static constexpr int AHEAD = 8;

template <int R, int N>
static inline void tile(const real* A, long rows, long columns, long blocks, long depth, long stride, const real* P, const real* start,
                        long apart, real* C, long ldc) {
  V c[R][N];
  UNROLL for (int i = 0; i < R; i++)
    UNROLL for (int j = 0; j < N; j++) c[i][j] = ld(start + i * apart + j * W);
  for (long block = 0; block < blocks; block++) {
    const real* a = A + block * stride * columns;
    _Pragma("GCC unroll 2") for (long k = 0; k < depth; k++, P += N * W) {
      V b[N];
      UNROLL for (int j = 0; j < N; j++) __builtin_prefetch(P + (AHEAD * N + j) * W);
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

// Whole vectors, where there is room for one, the last of them over what the one before has written.
static inline void copy_row(const real* from, real* to, long n) {
  long j = 0;
  for (; j + W <= n; j += W) st(to + j, ld(from + j));
  if (j && j < n) st(to + n - W, ld(from + n - W));
  if (j) return;
  for (; j + 4 <= n; j += 4) memcpy(to + j, from + j, 4 * sizeof(real));
  for (; j < n; j++) to[j] = from[j];
}

// A tile whose last columns are not wanted goes through memory of its own.
template <int R, int N>
static inline void edged_tile(const real* A, long rows, long columns, long blocks, long depth, long stride, const real* P,
                              const real* start, long apart, real* C, long ldc, long n) {
  if (n >= N * W) return tile<R, N>(A, rows, columns, blocks, depth, stride, P, start, apart, C, ldc);
  real edge[R][N * (VECTOR_BYTES / sizeof(real))] = {};
  if (start != ZEROS)
    for (int i = 0; i < R; i++) copy_row(start + i * apart, edge[i], n);
  tile<R, N>(A, rows, columns, blocks, depth, stride, P, edge[0], N * W, edge[0], N * W);
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
  constexpr int R = tile_rows(N);
  for (; m >= R; m -= R, A += R * rows, start += R * apart, C += R * ldc)
    edged_tile<R, N>(A, rows, columns, blocks, depth, stride, P, start, apart, C, ldc, n);
  last_rows<R - 1, N>(A, rows, columns, blocks, depth, stride, P, start, apart, C, ldc, m, n);
}

// One panel of B(k, n) = source[k * rows + n] from column n on; k < depth, n < width.
static void pack_panel(const real* source, long rows, long depth, long width, long n, real* P) {
  const real* end = source + (depth - 1) * rows + width;
  const int vectors = vectors_of(width - n);
  const long whole = (width - n < vectors * W ? width - n : vectors * W) / W * W, rest = width - n - whole;
  M within;  // which lanes of the last vector are
  for (long j = 0; j < W; j++) within[j] = j < rest ? -1 : 0;
  for (long k = 0; k < depth; k++, P += vectors * W) {
    const real* from = source + k * rows + n;
    for (long j = 0; j < whole; j += W) st(P + j, ld(from + j));
    if (whole == vectors * W) continue;
    if (from + whole + W <= end) {  // beyond the width lies the next row
      st(P + whole, within ? ld(from + whole) : all(0));
    } else {
      for (long j = 0; j < W; j++) P[whole + j] = j < rest ? from[whole + j] : 0;
    }
  }
}

// P = B, B(k, n) = source[k * rows + n]; k < depth, n < width.
extern "C" void gemm_pack(const real* source, long rows, long depth, long width, real* P) {
  for (long n = 0; n < width; n += vectors_of(width - n) * W) pack_panel(source, rows, depth, width, n, P + n * depth);
}

// A vector's width, of a panel of `wide`, of B(k, j) = source[j * rows + k], j < count: zero beyond.
static void pack_transposed(const real* source, long rows, long count, long depth, real* P, long wide) {
  V square[W];
  for (long k = 0; k < depth; k += W) {
    const long from = k + W <= depth || depth < W ? k : depth - W;  // the last square lies over the one before
    if (depth >= W) {
      for (long j = 0; j < W; j++) square[j] = j < count ? ld(source + j * rows + from) : all(0);
      transpose(square);
    } else {
      for (long i = 0; i < depth; i++)
        for (long j = 0; j < W; j++) square[i][j] = j < count ? source[j * rows + i] : 0;
    }
    for (long i = 0; i < W && from + i < depth; i++) st(P + (from + i) * wide, square[i]);
  }
}

// For a·Wᵀ: B(k, s * wide + j) = weights[s][j * depth + k]; slots side by side, `wide` apart, zero beyond their true width.
// `wide` is a multiple of a vector.
extern "C" void gemm_pack_forward(const real* const* weights, long slots, long width, long wide, long depth, real* P) {
  for (long n = 0, vectors; n < slots * wide; n += vectors * W) {
    vectors = vectors_of(slots * wide - n);
    for (long j = n; j < n + vectors * W; j += W) {
      const long column = j % wide, count = column < width ? width - column : 0;
      pack_transposed(weights[j / wide] + column * depth, depth, count, depth, P + n * depth + j - n, vectors * W);
    }
  }
}

// For δ·W: B(s * width + i, n) = weights[s][i * depth + n], n < depth.
extern "C" void gemm_pack_backward(const real* const* weights, long slots, long width, long depth, real* P) {
  for (long n = 0, wide; n < depth; n += wide) {
    wide = vectors_of(depth - n) * W;
    for (long s = 0; s < slots; s++, P += width * wide) pack_panel(weights[s], depth, width, depth, n, P);
  }
}

// C[m, n] = start + A · P; A(i, k) = A[i * rows + k * columns], k in `blocks` blocks of `depth` that begin `stride` apart. The
// rows of start are `apart` from each other: C itself, one row for all (0), or none.
extern "C" void gemm_run(const real* A, long rows, long columns, long blocks, long depth, long stride, const real* P,
                         const real* start, long apart, real* C, long ldc, long m, long n) {
  const long step = blocks == 1 ? 512 : depth;
  for (long k = 0; k < depth; k += step) {
    const long deep = depth - k < step ? depth - k : step;
    for (long j = 0, wide; j < n; j += wide) {
      const int vectors = vectors_of(n - j);
      wide = vectors * W;
      auto product = vectors == 3 ? panel_product<3> : vectors == 2 ? panel_product<2> : panel_product<1>;
      const real *panel = P + j * blocks * depth + k * wide, *from = start ? start + j : ZEROS;
      product(A + k * columns, rows, columns, blocks, deep, stride, panel, from, start ? apart : 0, C + j, ldc, m, n - j);
    }
    start = C, apart = ldc;
  }
}

// How deep a panel of weights that are used once is packed at a time: it stays in the nearest cache.
static constexpr long NEAR = 128;

// Columns n and on, N vectors of them, of what `gemm_run_once` computes.
template <int N>
static void panel_once(const real* A, long rows, const real* const* weights, long width, long wide, long depth, long n,
                       const real* start, long apart, real* C, long ldc, long m) {
  V panel[NEAR * N];
  real* P = (real*)panel;
  for (long k = 0; k < depth; k += NEAR) {
    const long deep = depth - k < NEAR ? depth - k : NEAR;
    for (long j = 0; j < N * W; j += W) {
      const long column = (n + j) % wide, count = column < width ? width - column : 0;
      pack_transposed(weights[(n + j) / wide] + column * depth + k, depth, count, deep, P + j, N * W);
    }
    panel_product<N>(A + k, rows, 1, 1, deep, 0, P, start, apart, C, ldc, m, N * W);
    start = C, apart = ldc;
  }
}

// Columns k to k + W of W rows of weights, as rows: lane j of square[i] is weights[j * depth + k + i].
static inline void turned(const real* weights, long depth, V* square) {
  UNROLL for (int j = 0; j < W; j++) square[j] = ld(weights + j * depth);
  transpose(square);
}

// What is left of a row's sums behind the last whole square. Not inlined, or the square of the loop before it goes to memory.
__attribute__((noinline)) static V rest_of_row(const real* A, const real* weights, long depth, V sum) {
  V square[W];
  turned(weights + depth - W, depth, square);
  for (long k = depth / W * W; k < depth; k++) sum += all(A[k]) * square[k - depth + W];
  return sum;
}

// The same as `panel_once` for one row of A and a vector of columns, which are rows of weights: these go through registers and
// nowhere else. What comes next, W rows further on, is fetched meanwhile in the order in which it lies.
static void row_once(const real* A, const real* weights, long depth, const real* start, real* C) {
  V sum = ld(start), square[W];
  const real* next = weights + W * depth;
  for (long k = 0; k + W <= depth; k += W) {
    UNROLL for (int j = 0; j < W; j++) __builtin_prefetch(next + (k + j) * W, 0, 2);
    turned(weights + k, depth, square);
    UNROLL for (int i = 0; i < W; i++) sum += all(A[k + i]) * square[i];
  }
  st(C, depth % W ? rest_of_row(A, weights, depth, sum) : sum);
}

// C[m, s * wide + j] = start + A · weights[s]ᵀ, as `pack_forward` and `run` compute it, bit for bit, but faster for weights that
// are used once. A(i, k) = A[i * rows + k]; the rows of start are `apart` from each other.
extern "C" void gemm_run_once(const real* A, long rows, const real* const* weights, long slots, long width, long wide, long depth,
                              const real* start, long apart, real* C, long ldc, long m) {
  for (long n = 0, vectors; n < slots * wide; n += vectors * W) {
    const long column = n % wide;
    vectors = m == 1 ? 1 : vectors_of(slots * wide - n);
    if (m == 1 && column + W <= width && depth >= W) {
      row_once(A, weights[n / wide] + column * depth, depth, start + n, C + n);
    } else {
      auto product = vectors == 3 ? panel_once<3> : vectors == 2 ? panel_once<2> : panel_once<1>;
      product(A, rows, weights, width, wide, depth, n, start + n, apart, C + n, ldc, m);
    }
  }
}
