// Reads an array again and again, a whole vector at a time in as many sums as hide how long one takes: how fast a core is fed.
#include "kernels.h"

static const int SUMS = 8;

extern "C" long bandwidth_unit() { return SUMS * W; }

// `count` is a multiple of the unit.
extern "C" real bandwidth_read(const real* from, long count, long times) {
  V sum[SUMS] = {}, all_of_them = V{};
  for (long pass = 0; pass < times; pass++)
    for (long i = 0; i < count; i += SUMS * W)
      for (int j = 0; j < SUMS; j++) sum[j] += ld(from + i + j * W);
  for (int j = 0; j < SUMS; j++) all_of_them += sum[j];
  real total = 0;
  for (long j = 0; j < W; j++) total += all_of_them[j];
  return total;
}
