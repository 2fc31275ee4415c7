// The matrix product with inputs in bfloat16 and sums in float32, on the processor's tiles (AMX). The same interface as gemm.cpp.
// B is packed as tiles of 32 rows, two beside each other as pairs, by 16 columns; a row of A as halves, blocks filled up to 32.
#include "transpose.h"

#include "halves.h"
#include "tiles.h"

static const long DEEP = 32;           // rows of B in a tile
static const long TILE = 16 * 16;      // pairs in a tile
static inline long tiles_of(long depth) { return (depth + DEEP - 1) / DEEP; }

// Says whether tiles may be used here.
extern "C" long gemm_permitted() { return tiles_permitted(); }

// The pairs of two rows, k and k + 1, of 16 columns, where they belong in the tiles of these columns.
static inline void put_pairs(V even, V odd, long k, Pair* column) {
  for (int part = 0; part < PARTS; part++)
    _mm512_storeu_si512(column + (k / DEEP * PARTS + part) * TILE + k % DEEP / 2 * W, next_pairs(even, odd));
}

// B(k, n) = source[k * rows + n]; k < depth, n < width; columns of tiles lie `apart` from each other.
static void pack_rows(const real* source, long rows, long depth, long width, Pair* P, long apart) {
  for (long n = 0; n < width; n += W, P += apart)
    for (long k = 0; k < tiles_of(depth) * DEEP; k += 2) {
      const real* from = source + k * rows + n;
      put_pairs(k < depth ? some(from, width - n) : all(0), k + 1 < depth ? some(from + rows, width - n) : all(0), k, P);
    }
}

extern "C" void gemm_pack(const real* source, long rows, long depth, long width, real* P) {
  pack_rows(source, rows, depth, width, (Pair*)P, tiles_of(depth) * PARTS * TILE);
}

extern "C" void gemm_pack_forward(const real* const* weights, long slots, long width, long wide, long depth, real* P) {
  V square[VECTOR_BYTES / sizeof(real)];
  Pair* to = (Pair*)P;
  for (long n = 0; n < slots * wide; n += W, to += tiles_of(depth) * PARTS * TILE) {
    const long column = n % wide, count = column < width ? width - column : 0;
    const real* from = weights[n / wide] + column * depth;
    for (long k = 0; k < tiles_of(depth) * DEEP; k += W) {
      for (long j = 0; j < W; j++) square[j] = j < count && k < depth ? some(from + j * depth + k, depth - k) : all(0);
      transpose(square);
      for (long i = 0; i < W; i += 2) put_pairs(square[i], square[i + 1], k + i, to);
    }
  }
}

extern "C" void gemm_pack_backward(const real* const* weights, long slots, long width, long depth, real* P) {
  const long one = tiles_of(width) * PARTS * TILE;
  for (long s = 0; s < slots; s++) pack_rows(weights[s], depth, width, depth, (Pair*)P + s * one, slots * one);
}

// Rows of A as halves.
struct Left {
  uint16_t* row;
  long apart, part;  // from one row to the next, and from one part of all rows to the next, in halves
};

static inline void put_halves(V v, uint16_t* to, long part) {
  for (int p = 0; p < PARTS; p++, to += part) _mm256_storeu_si256((__m256i*)to, next_part(v));
}

static Left halves_of(const real* A, long rows, long columns, long blocks, long depth, long stride, long m) {
  const long deep = tiles_of(depth) * DEEP, needed = blocks * deep;
  const long apart = needed * 2 % 4096 ? needed : needed + DEEP;  // a page apart, rows would share a line of the cache
  const long lines = (m + W - 1) / W * W, part = lines * apart;
  uint16_t* made = (uint16_t*)scratch<0>(PARTS * part / 2);
  for (long b = 0; b < blocks; b++) {
    const real* from = A + b * stride * columns;
    uint16_t* to = made + b * deep;
    if (columns == 1) {
      for (long i = 0; i < m; i++)
        for (long k = 0; k < deep; k += W)
          put_halves(k < depth ? some(from + i * rows + k, depth - k) : all(0), to + i * apart + k, part);
      continue;
    }
    for (long i = 0; i < m; i += W)
      for (long k = 0; k < deep; k += W) {
        V square[VECTOR_BYTES / sizeof(real)];
        for (long j = 0; j < W; j++) {
          const real* column = from + i * rows + (k + j) * columns;
          square[j] = all(0);
          if (k + j >= depth) continue;
          if (rows == 1) square[j] = some(column, m - i);
          else
            for (long l = 0; l < W && i + l < m; l++) square[j][l] = column[l * rows];
        }
        transpose(square);
        for (long j = 0; j < W; j++) put_halves(square[j], to + (i + j) * apart + k, part);
      }
  }
  return {made, apart, part};
}

// Sums of one or two tiles of rows, 0 and 2, and two of columns: += their rows' halves times tiles of B, of one part of each.
template <bool TWO>
static inline void add_products(const uint16_t* first, const uint16_t* second, long apart, const Pair* left, const Pair* right,
                                long tiles) {
  for (long k = 0; k < tiles; k++, left += PARTS * TILE, right += PARTS * TILE) {
    tile_load<4>(first + k * DEEP, apart * 2);
    tile_load<6>(left, 64);
    tile_load<7>(right, 64);
    tile_multiply<0, 4, 6>();
    tile_multiply<1, 4, 7>();
    if (TWO) {
      tile_load<5>(second + k * DEEP, apart * 2);
      tile_multiply<2, 5, 6>();
      tile_multiply<3, 5, 7>();
    }
  }
}

// A block of up to 32 rows and 32 columns; `high` rows are in the first tile, and the others in the second.
template <bool TWO>
static inline void block(const Left& A, long row, long high, const Pair* left, const Pair* right, long tiles, const real* start,
                         long apart, real* C, long ldc) {
  if (start) {
    tile_load<0>(start, apart * 4);
    tile_load<1>(start + W, apart * 4);
    if (TWO) tile_load<2>(start + high * apart, apart * 4);
    if (TWO) tile_load<3>(start + high * apart + W, apart * 4);
  } else {
    tile_zero<0>();
    tile_zero<1>();
    if (TWO) tile_zero<2>();
    if (TWO) tile_zero<3>();
  }
  const uint16_t *first = A.row + row * A.apart, *second = first + high * A.apart;
  add_products<TWO>(first, second, A.apart, left, right, tiles);
  if (PARTS > 1) {
    add_products<TWO>(first, second, A.apart, left + TILE, right + TILE, tiles);
    add_products<TWO>(first + A.part, second + A.part, A.apart, left, right, tiles);
  }
  tile_store<0>(C, ldc * 4);
  tile_store<1>(C + W, ldc * 4);
  if (TWO) tile_store<2>(C + high * ldc, ldc * 4);
  if (TWO) tile_store<3>(C + high * ldc + W, ldc * 4);
}

// The same where fewer columns are wanted: through memory of its own.
template <bool TWO>
static void edged_block(const Left& A, long row, long high, long count, const Pair* left, const Pair* right, long tiles,
                        const real* start, long apart, real* C, long ldc, long n) {
  if (n >= 2 * W) return block<TWO>(A, row, high, left, right, tiles, start, apart, C, ldc);
  alignas(64) real edge[32][32];
  for (long i = 0; start && i < count; i++)
    for (long j = 0; j < 2 * W; j += W) st(edge[i] + j, some(start + i * apart + j, n - j));
  block<TWO>(A, row, high, left, right, tiles, start ? edge[0] : 0, 32, edge[0], 32);
  for (long i = 0; i < count; i++)
    for (long j = 0; j < n; j += W) store_some(C + i * ldc + j, ld(edge[i] + j), n - j);
}

static void shape(long high, long low) {
  TileShapes shapes;
  for (int t = 0; t < 8; t++) {
    shapes.row_bytes[t] = 64;
    shapes.rows[t] = t >= 6 ? 16 : t < 2 || t == 4 ? high : low ? low : high;
  }
  tiles_begin(shapes);
}

extern "C" void gemm_run(const real* A, long rows, long columns, long blocks, long depth, long stride, const real* P,
                         const real* start, long apart, real* C, long ldc, long m, long n) {
  const Left left = halves_of(A, rows, columns, blocks, depth, stride, m);
  const long tiles = blocks * tiles_of(depth), column = tiles * PARTS * TILE;
  for (long i = 0, count, before = 0; i < m; i += count) {
    count = m - i < 32 ? m - i : 32;
    const long high = count <= 16 ? count : (count + 1) / 2, low = count - high;
    if (count != before) shape(high, low);
    before = count;
    for (long j = 0; j < n; j += 2 * W) {
      const Pair *first = (const Pair*)P + j / W * column, *second = j + W < n ? first + column : first;
      (low ? edged_block<true> : edged_block<false>)(left, i, high, count, first, second, tiles,
                                                     start ? start + i * apart + j : 0, apart, C + i * ldc + j, ldc, n - j);
    }
  }
  tiles_end();
}

// See gemm.cpp; here they are packed like all others.
extern "C" void gemm_run_once(const real* A, long rows, const real* const* weights, long slots, long width, long wide, long depth,
                              const real* start, long apart, real* C, long ldc, long m) {
  real* P = (real*)scratch<1>(slots * wide / W * tiles_of(depth) * PARTS * TILE);
  gemm_pack_forward(weights, slots, width, wide, depth, P);
  gemm_run(A, rows, 1, 1, depth, 0, P, start, apart, C, ldc, m, slots * wide);
}
