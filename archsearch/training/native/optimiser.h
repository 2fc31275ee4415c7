// Clipping by the global norm, AdamW and SGD over one flat buffer; as torch has them.

struct Optimiser {
  long adaptive;  // AdamW, else SGD
  double rate, clip, beta1, beta2, epsilon, decay, clip_epsilon;
};

// Global norm of a gradient: sums of squares per stretch, so that rounding does not grow with the number of parameters.
static real global_norm(const real* gradient, long count) {
  static const long STRETCH = 4096;
  double total = 0;
  for (long from = 0; from < count; from += STRETCH) {
    const long to = least(count, from + STRETCH);
    total += dot(gradient + from, gradient + from, to - from);
  }
  return std::sqrt((real)total);
}

static inline V root(V v) {
  for (long i = 0; i < W; i++) v[i] = std::sqrt(v[i]);
  return v;
}

// One update of all parameters with the clipped gradient; `count` is a multiple of W, `step` counts from 1.
static void update(const Optimiser& of, long step, real norm, const real* gradient, real* weights, real* first, real* second,
                   long count) {
  const real clip = of.clip / ((double)norm + of.clip_epsilon), coefficient = clip < 1 ? clip : 1;
  if (!of.adaptive) {
    const real rate = of.rate;
    for (long i = 0; i < count; i += W) st(weights + i, ld(weights + i) - ld(gradient + i) * coefficient * rate);
    return;
  }
  const double correction = 1 - std::pow(of.beta1, step);
  const real size = of.rate / correction, spread = std::sqrt(1 - std::pow(of.beta2, step)), epsilon = of.epsilon;
  const real kept = 1 - of.rate * of.decay, beta1 = 1 - of.beta1, beta2 = of.beta2, rest = 1 - of.beta2;
  for (long i = 0; i < count; i += W) {
    const V g = ld(gradient + i) * coefficient;
    const V m = ld(first + i) + (g - ld(first + i)) * beta1;
    const V v = ld(second + i) * beta2 + g * g * rest;
    st(first + i, m);
    st(second + i, v);
    st(weights + i, ld(weights + i) * kept - m * size / (root(v) / spread + epsilon));
  }
}
