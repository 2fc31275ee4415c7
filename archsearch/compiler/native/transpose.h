// Turns a square of vectors: lane j of row i becomes lane i of row j.
#pragma once
#include <utility>

#include "kernels.h"

#if defined(__clang__) || __GNUC__ >= 12
// Steps of the kinds that processors have an instruction for: those within 16 bytes, then those that move 16 bytes as they are.
static const int GROUP = 16 / sizeof(real);

// Rows S apart: S lanes of one and S of the other in turn, of the first halves of the groups, and of the second halves.
template <int S, int... LANE>
static inline void interleave(V* rows, std::integer_sequence<int, LANE...>) {
  for (int i = 0; i < W; i++) {
    if (i & S) continue;
    const V a = rows[i], b = rows[i + S];
    rows[i] = __builtin_shufflevector(a, b, (LANE / S % 2 * W + LANE / GROUP * GROUP + LANE % GROUP / S / 2 * S + LANE % S)...);
    rows[i + S] = __builtin_shufflevector(
        a, b, (LANE / S % 2 * W + LANE / GROUP * GROUP + GROUP / 2 + LANE % GROUP / S / 2 * S + LANE % S)...);
  }
}
// Rows S apart: the even groups of both, and the odd ones.
template <int S, int... LANE>
static inline void separate(V* rows, std::integer_sequence<int, LANE...>) {
  for (int i = 0; i < W; i++) {
    if (i & S) continue;
    const V a = rows[i], b = rows[i + S];
    rows[i] = __builtin_shufflevector(a, b, (LANE / GROUP * 2 * GROUP + LANE % GROUP)...);
    rows[i + S] = __builtin_shufflevector(a, b, (LANE / GROUP * 2 * GROUP + GROUP + LANE % GROUP)...);
  }
}
template <int S>
static inline void separate_from(V* rows) {
  if constexpr (S < W) {
    separate<S>(rows, std::make_integer_sequence<int, W>());
    separate_from<2 * S>(rows);
  }
}
static inline void transpose(V* rows) {
  interleave<1>(rows, std::make_integer_sequence<int, W>());
  if constexpr (GROUP == 4) {
    interleave<2>(rows, std::make_integer_sequence<int, W>());
    for (int i = 0; i < W; i += 4) std::swap(rows[i + 1], rows[i + 2]);
  }
  separate_from<GROUP>(rows);
}
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
