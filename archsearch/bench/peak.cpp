// Multiplies and adds in registers alone, in as many chains side by side as the matrix product's tile has: the core's peak.
#include "kernels.h"

#if defined(__AVX512F__)
static const int PAIRS = 10;
#else
static const int PAIRS = 6;
#endif

extern "C" long peak_flops(long count) { return 2 * 2 * PAIRS * W * count; }

extern "C" real peak_run(long count, real factor, real term) {
  V c[PAIRS][2], a = all(factor), b = all(term), sum = V{};  // pairs: compilers unroll no loop of 20 and would use memory
  for (int i = 0; i < PAIRS; i++)
    for (int j = 0; j < 2; j++) c[i][j] = all((real)(2 * i + j));
  for (long k = 0; k < count; k++)
    for (int i = 0; i < PAIRS; i++)
      for (int j = 0; j < 2; j++) c[i][j] = c[i][j] * a + b;
  for (int i = 0; i < PAIRS; i++)
    for (int j = 0; j < 2; j++) sum += c[i][j];
  real total = 0;
  for (long j = 0; j < W; j++) total += sum[j];
  return total;
}
