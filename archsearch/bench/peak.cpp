// Multiplies and adds in registers alone, as many chains side by side as the matrix product's tile has: the core's peak.
#include "kernels.h"

#if defined(__AVX512F__)
static const int CHAINS = 20;
#else
static const int CHAINS = 12;
#endif

extern "C" long peak_flops(long count) { return 2 * CHAINS * W * count; }

extern "C" real peak_run(long count, real factor, real term) {
  V c[CHAINS], a = all(factor), b = all(term), sum = V{};
  for (int i = 0; i < CHAINS; i++) c[i] = all((real)i);
  for (long k = 0; k < count; k++)
    for (int i = 0; i < CHAINS; i++) c[i] = c[i] * a + b;
  for (int i = 0; i < CHAINS; i++) sum += c[i];
  real total = 0;
  for (long j = 0; j < W; j++) total += sum[j];
  return total;
}
