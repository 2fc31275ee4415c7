// Turns a square of vectors: lane j of row i becomes lane i of row j.
#pragma once
#include <utility>

#include "kernels.h"

#if defined(__clang__) || __GNUC__ >= 12
// One step of log2(W): exchanges the squares of S by S beside the diagonal in every square of 2S by 2S.
template <int S, int... LANE>
static inline void exchange_squares(V* rows, std::integer_sequence<int, LANE...>) {
  for (int i = 0; i < W; i++) {
    if (i & S) continue;
    const V a = rows[i], b = rows[i + S];
    rows[i] = __builtin_shufflevector(a, b, (LANE & S ? W + LANE - S : LANE)...);
    rows[i + S] = __builtin_shufflevector(a, b, (LANE & S ? W + LANE : LANE + S)...);
  }
}
template <int S>
static inline void transpose_from(V* rows) {
  if constexpr (S < W) {
    exchange_squares<S>(rows, std::make_integer_sequence<int, W>());
    transpose_from<2 * S>(rows);
  }
}
static inline void transpose(V* rows) { transpose_from<1>(rows); }
#else
static inline void transpose(V* rows) {
  for (int i = 0; i < W; i++)
    for (int j = 0; j < i; j++) {
      const real a = rows[i][j];
      rows[i][j] = rows[j][i];
      rows[j][i] = a;
    }
}
#endif
