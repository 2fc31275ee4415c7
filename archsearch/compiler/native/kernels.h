// Vectors, element-wise functions and the matrix product: what every generated cell is built on.
// No fast-math anywhere: a non-finite value must come out as one.
#pragma once
#include <stdint.h>
#include <string.h>

#ifdef DOUBLE
typedef double real;
typedef int64_t mask_element;
#define MATH(name) __builtin_##name  // <cmath> alone takes 0.08 s to compile
#else
typedef float real;
typedef int32_t mask_element;
#define MATH(name) __builtin_##name##f
#endif
#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX2__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif
typedef real V __attribute__((vector_size(VECTOR_BYTES)));
typedef real U __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(real)), may_alias));
typedef mask_element M __attribute__((vector_size(VECTOR_BYTES)));
static const long W = VECTOR_BYTES / sizeof(real);

static inline V ld(const real* p) { return *(const U*)p; }
static inline void st(real* p, V v) { *(U*)p = v; }
static inline V all(real a) { return a - V{}; }

// The matrix product of the host's library; see gemm.cpp. How wide panels are follows from the width of the whole: `run` takes
// what was packed for as many vectors.
struct Gemm {
  void (*pack)(const real* source, long rows, long depth, long width, real* P);
  void (*pack_forward)(const real* const* weights, long slots, long width, long wide, long depth, real* P);
  void (*pack_backward)(const real* const* weights, long slots, long width, long depth, real* P);
  void (*run)(const real* A, long rows, long columns, long blocks, long depth, long stride, const real* P, const real* start,
              long apart, real* C, long ldc, long m, long n);
  void (*run_once)(const real* A, long rows, const real* const* weights, long slots, long width, long wide, long depth,
                   const real* start, long apart, real* C, long ldc, long m);
};

#define LANES(name, expression) \
  static inline V name(V v) { for (long i = 0; i < W; i++) { real a = v[i]; v[i] = expression; } return v; }
#ifdef DOUBLE
LANES(sigmoid, 1 / (1 + MATH(exp)(-a)))
LANES(tanh_, MATH(tanh)(a))
LANES(exp_, MATH(exp)(a))
#else
static inline M bits(V v) { return (M)v; }
// 2^n times a polynomial, for x between -87 and 88; NaN passes through (Cephes' coefficients).
static inline V exp_within(V x) {
  V t = x * 1.44269504f + 12582912.f, n = t - 12582912.f;  // so large that t has no fraction: n is in its last bits
  V r = x - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  V p = all(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.f;
  return p * (V)((bits(t) << 23) + bits(all(1.f)));
}
// Clamped so that 1 + e stays finite.
static inline V exp_clamped(V x) {
  x = x < all(-87.f) ? all(-87.f) : x;
  x = x > all(88.f) ? all(88.f) : x;
  return exp_within(x);
}
// The whole range, infinity and the numbers below the normal ones too: exp(x/2)².
static inline V exp_(V x) {
  V e = exp_clamped(x * 0.5f), square = e * e;
  square = x > all(88.7228394f) ? all(__builtin_inff()) : square;
  return x < all(-104.f) ? all(0.f) : square;
}
// Zero where exp(-x) overflows, as it comes out without a clamp.
static inline V sigmoid(V x) {
  V y = 1.f / (1.f + exp_clamped(-x));
  return x < all(-88.7228394f) ? all(0.f) : y;
}
static inline V tanh_(V x) {  // an odd polynomial near 0, where (1-e)/(1+e) would lose relative accuracy
  const M sign = bits(x) & bits(all(-0.f));
  V a = (V)(bits(x) ^ sign), y = -2.f * a;
  y = y < all(-87.f) ? all(-87.f) : y;
  V e = exp_within(y), big = (1.f - e) / (1.f + e), q = x * x;
  V p = all(-5.70498872745e-3f);
  p = p * q + 2.06390887954e-2f;
  p = p * q - 5.37397155531e-2f;
  p = p * q + 1.33314422036e-1f;
  p = p * q - 3.33332819422e-1f;
  V small = x + x * q * p, signed_big = (V)(bits(big) | sign);
  return a < 0.625f ? small : signed_big;
}
#endif
LANES(sqrt_, MATH(sqrt)(a))
LANES(sin_, MATH(sin)(a))
LANES(cos_, MATH(cos)(a))
static inline V softplus(V v) { for (long i = 0; i < W; i++) v[i] = v[i] > 20 ? v[i] : MATH(log1p)(MATH(exp)(v[i])); return v; }
static inline V relu(V a) { return a < 0 ? all(0) : a; }
static inline V leaky_relu(V a) { return a > 0 ? a : a * (real)LEAKY_SLOPE; }
static inline V max_(V a, V b) { return (a > b) | (a != a) ? a : b; }
static inline V silu(V a) { return a * sigmoid(a); }
// Gradients, as torch has them on ties and at zero.
static inline V relu_back(V y, V g) { return y <= 0 ? all(0) : g; }
static inline V leaky_back(V y, V g) { return y > 0 ? g : g * (real)LEAKY_SLOPE; }
static inline V max_back(V a, V b, V g) { V half = a == b ? g * (real)0.5 : g; return a < b ? all(0) : half; }
static inline V softplus_back(V a, V g) { V e = exp_(a); return a > 20 ? g : g * e / (e + 1); }
static inline V silu_back(V a, V g) { V s = sigmoid(a); return g * s * (1 + a * (1 - s)); }

// Sum of a[j] * b[j] over the true width, in a fixed order.
static inline real dot(const real* a, const real* b, long width) {
  V sum = all(0);
  long j = 0;
  for (; j + W <= width; j += W) sum += ld(a + j) * ld(b + j);
  real total = 0;
  for (long i = 0; i < W; i++) total += sum[i];
  for (; j < width; j++) total += a[j] * b[j];
  return total;
}
// Sum of a[j] over the true width, in a fixed order.
static inline real total(const real* a, long width) {
  V sum = all(0);
  long j = 0;
  for (; j + W <= width; j += W) sum += ld(a + j);
  real total = 0;
  for (long i = 0; i < W; i++) total += sum[i];
  for (; j < width; j++) total += a[j];
  return total;
}
static inline real inverse_root(const real* a, long width) { return 1 / MATH(sqrt)(dot(a, a, width) / width + (real)NORM_EPSILON); }
