// How matrix products are cut: into tiles of rows, and panels of two or three vectors.
#pragma once
#include "kernels.h"

// Rows of a tile, by the vectors of its panel: as many sums as there are registers, in tiles that 20 rows fill.
#if defined(__AVX512F__)
static constexpr int tile_rows(int vectors) { return vectors == 3 ? 7 : 10; }
#elif defined(__AVX2__)
static constexpr int tile_rows(int vectors) { return vectors == 3 ? 4 : 6; }
#else
static constexpr int tile_rows(int) { return 4; }
#endif
// Vectors of the panel that begins where `left` columns are left: two, and at an odd end three, since one alone is slow.
static inline int vectors_of(long left) { return left <= W ? 1 : left <= 2 * W || left > 3 * W ? 2 : 3; }
#define UNROLL _Pragma("GCC unroll 16")

static const real ZEROS[3 * (VECTOR_BYTES / sizeof(real))] = {};
