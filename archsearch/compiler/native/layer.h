// What a generated cell is called with, and how rows of the true width become rows of whole vectors.
#pragma once
#include "kernels.h"

// One layer over a sequence. T steps, B sequences, H the layer's width, I that of x; arrays without padding, row by row.
struct Layer {
  long T, B, H, I;
  const real *x, *xr;               // x as it came, (T, B, I), and as wide as the layer, (T, B, H), where the cell reads it so
  const real* const* w;             // parameters, in canonical order
  const real* const* s0;            // states before the first step, (B, H) each
  const uint8_t* reset;             // where states are zeroed before a step, (T, B), or none
  real* out;                        // the first state after every step, (T, B, H)
  real* const* sT;                  // states after the last step
  real *tape, *work;                // memory: from forward to backward, and for one call
  const Gemm* gemm;
  const real* dout;                 // gradient of out, or none
  const real* const* dsT;           // gradients of the last states, each may be none
  real *dx, *dxr;                   // gradients wanted; none is not computed
  real* const* dw;
  real* const* ds0;
  const int32_t* index;             // where x has few different rows: x and dx have those, `different` of them, and this says
  long different;                   // which of them each of the T·B rows is; or none
  long adding;                      // whether gradients of weights are added to what is there
  long brief;                       // whether to end after the loop over time: its vectors and the states have their gradients
};

// Memory is handed out in multiples of 16 numbers, rows are padded to them: whole vectors at every width.
static inline long whole(long n) { return (n + 15) / 16 * 16; }
// How far apart rows lie that are also read column by column: a page apart, their columns would share one line of the cache.
static inline long apart(long n) { return n * sizeof(real) % 4096 ? n : n + 16; }
static inline long panels(long n) { return (n + W - 1) / W * W; }
// How deep panels of `n` rows lie: products that round pack whole tiles.
static inline long deepened(long n) { return (n + 31) / 32 * 32; }
static inline long longer(long a, long b) { return a > b ? a : b; }
#ifdef GUARDED  // what lies behind an array may not be touched: the address sanitizer watches
#include <sanitizer/asan_interface.h>
static inline long room(long size) { return whole(size) + 16; }
static inline void guard(real* behind, long size) { __asan_poison_memory_region(behind, size * sizeof(real)); }
#else
static inline long room(long size) { return whole(size); }
static inline void guard(real*, long) {}
#endif
static inline real* take(real*& memory, long size) {
  real* taken = memory;
  guard(taken + size, room(size) - size);
  memory += room(size);
  return taken;
}
#define ALONE __attribute__((noinline, unused))  // of what is called rarely and in many places: it is compiled once
static inline void zero(real* p, long n) { memset(p, 0, n * sizeof(real)); }
static inline void fill(real* p, real value, long n) {
  for (long i = 0; i < n; i++) p[i] = value;
}
// The blocks of a matrix (H, H) with nothing beside its diagonal, one above the other, (H, H / heads), as a whole, and back.
ALONE static void whole_matrix(const real* blocks, long H, long heads, real* whole) {
  const long n = H / heads;
  zero(whole, H * H);
  for (long r = 0; r < H; r++) memcpy(whole + r * H + r / n * n, blocks + r * n, n * sizeof(real));
}
ALONE static void blocks_of(const real* whole, long H, long heads, real* blocks) {
  const long n = H / heads;
  for (long r = 0; r < H; r++) memcpy(blocks + r * n, whole + r * H + r / n * n, n * sizeof(real));
}
ALONE static void transposed(const real* from, long H, real* to) {
  for (long r = 0; r < H; r++)
    for (long c = 0; c < H; c++) to[c * H + r] = from[r * H + c];
}
ALONE static void add_transposed(const real* from, long H, real* to) {
  for (long r = 0; r < H; r++)
    for (long c = 0; c < H; c++) to[c * H + r] += from[r * H + c];
}
static inline void exchange(real*& a, real*& b) {
  real* first = a;
  a = b;
  b = first;
}
// Rows of H into rows of Hs with zeros behind; all zeros from none.
ALONE static void spread(const real* from, long H, real* to, long Hs, long rows) {
  for (long r = 0; r < rows; r++) {
    if (from) memcpy(to + r * Hs, from + r * H, H * sizeof(real));
    zero(to + r * Hs + (from ? H : 0), from ? Hs - H : Hs);
  }
}
ALONE static void gather(const real* from, long stride, real* to, long H, long rows) {
  for (long r = 0; r < rows; r++) memcpy(to + r * H, from + r * stride, H * sizeof(real));
}
// Each row of `to` is one of the rows of `from`, and back: rows that were the same are added up.
ALONE static void repeat(const real* from, const int32_t* index, real* to, long width, long rows) {
  for (long r = 0; r < rows; r++)
    for (long j = 0; j < width; j += W) st(to + r * width + j, ld(from + index[r] * width + j));
}
ALONE static void add_up(const real* from, const int32_t* index, real* to, long width, long rows, long different) {
  zero(to, different * width);
  for (long r = 0; r < rows; r++) {
    real* sum = to + index[r] * width;
    for (long j = 0; j < width; j += W) st(sum + j, ld(sum + j) + ld(from + r * width + j));
  }
}
// Asks for memory so many rows before it is read: on the way back through time the processor does not guess what comes next.
static const long BEFORE = 96;
static inline void fetch(const real* p) { __builtin_prefetch(p, 0, 2); }
// to += from over rows of H; nothing from none.
ALONE static void add_rows(const real* from, long H, real* to, long Hs, long rows) {
  if (!from) return;
  for (long r = 0; r < rows; r++, from += H, to += Hs) {
    long j = 0;
    for (; j + W <= H; j += W) {
      fetch(from - BEFORE * H + j);
      st(to + j, ld(to + j) + ld(from + j));
    }
    for (; j < H; j++) to[j] += from[j];
  }
}
// Adds rows up, to what is there; `to` has whole vectors.
ALONE static void sum_rows(const real* from, long stride, long rows, real* to, long Hs) {
  for (long r = 0; r < rows; r++)
    for (long j = 0; j < Hs; j += W) st(to + j, ld(to + j) + ld(from + r * stride + j));
}
