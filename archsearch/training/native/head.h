// The output layer with softmax and cross-entropy, forward and backward over rows of h.
//
// Logits are kept transposed, (symbol, row): each lane of a vector is a row, so maximum and sum run along the lanes and need no
// reduction across them, and the weights, (V, n + 1) with the bias as their last column, are read as they lie. A block of rows
// has all its logits in memory; within it symbols are worked through in slabs that stay in the cache.

static const long SLAB = 240;       // symbols; a multiple of the product's tiles
static const long ROWS = 160;       // a block has a multiple of this many rows, and so of tiles and panels
static const long BLOCK = 1 << 17;  // logits that a block may have however narrow the layer is

struct Head {
  long V, n, rows;     // symbols, width, most rows at once
  const real* weight;  // (V, n + 1)
  real* gradient;      // alike
  const Gemm* gemm;
  real* work;          // head_size
};

struct Answers {
  double nll;
  long right;
};

static inline long rounded(long n, long to) { return (n + to - 1) / to * to; }
static inline long least(long a, long b) { return a < b ? a : b; }
// How far packed slabs of weights lie apart, in rows.
static const long DEEP = rounded(SLAB, 32);
static inline long slabs(long V) { return (V + SLAB - 1) / SLAB; }

// As many rows as the layer is wide, so that a block's logits are no larger than the weights, or more where they are few.
static inline long block_rows(long V, long n, long rows) {
  const long wanted = n > BLOCK / V ? n : BLOCK / V;
  return least(rounded(wanted, ROWS), rounded(rows, ROWS));
}

static long head_size(long V, long n, long rows) {
  const long block = block_rows(V, n, rows), wide = rounded(n + 1, 32);
  return block * (V + slabs(V) + 5 + 2 * wide) + slabs(V) * DEEP * wide;
}

// One slab of logits (count, stride): the running maximum of each row; then, for the softmax, exp(logit - maximum) in their
// place and their running sum. `hit` takes the target's logit, `choice` the first symbol with the largest.
template <bool GUESS>
static void soften(real* logits, long first, long count, long stride, const mask_element* target, real* top, real* peak, real* sum,
                   real* hit, mask_element* choice) {
  for (long j = 0; j < stride; j += W) {
    M wanted, chosen;
    memcpy(&wanted, target + j, sizeof wanted);
    if (GUESS) memcpy(&chosen, choice + j, sizeof chosen);
    V before = ld(top + j), most = before, found = ld(hit + j), total = all(0);
    for (long v = 0; v < count; v++) {
      const V x = ld(logits + v * stride + j);
      const M symbol = (M{}) + (mask_element)(first + v);
      if (GUESS) chosen = x > most ? symbol : chosen;
      most = x > most ? x : most;
      found = wanted == symbol ? x : found;
    }
    for (long v = 0; v < count; v++) {
      const V e = exp_(ld(logits + v * stride + j) - most);
      if (!GUESS) st(logits + v * stride + j, e);
      total += e;
    }
    st(sum + j, ld(sum + j) * exp_(before - most) + total);
    st(top + j, most);
    st(peak + j, most);
    st(hit + j, found);
    if (GUESS) memcpy(choice + j, &chosen, sizeof chosen);
  }
}

// The gradient of a slab's logits: scale * (softmax - one at the target); `factor` is scale * exp(peak - top) / sum.
static void harden(real* logits, long first, long count, long stride, const mask_element* target, const real* factor, real scale) {
  for (long j = 0; j < stride; j += W) {
    M wanted;
    memcpy(&wanted, target + j, sizeof wanted);
    const V f = ld(factor + j);
    for (long v = 0; v < count; v++) {
      const V p = ld(logits + v * stride + j) * f;
      st(logits + v * stride + j, wanted == (M{}) + (mask_element)(first + v) ? p - scale : p);
    }
  }
}

// Loss over rows of h, (rows, n + 1) with ones at the end. With dh, (rows, n): gradients of scale * loss; else right answers.
static Answers head_run(const Head& head, const real* h, const int64_t* targets, long rows, real* dh, real scale) {
  const long deep = head.n + 1, wide = rounded(deep, 32), block = block_rows(head.V, head.n, head.rows);
  const Gemm& gemm = *head.gemm;
  real *logits = head.work, *peak = logits + block * head.V, *top = peak + block * slabs(head.V), *sum = top + block;
  real *hit = sum + block, *columns = hit + 3 * block, *lines = columns + block * wide, *weights = lines + block * wide;
  mask_element *target = (mask_element*)(hit + block), *choice = (mask_element*)(hit + 2 * block);
  Answers answers = {0, 0};
  for (long v = 0; dh && v < head.V; v += SLAB)
    gemm.pack(head.weight + v * deep, deep, least(SLAB, head.V - v), head.n, weights + v / SLAB * DEEP * wide);
  for (long from = 0; from < rows; from += block, h += block * deep, targets += block) {
    const long count = least(block, rows - from), stride = rounded(count, 2 * W);
    gemm.pack_forward(&h, 1, count, stride, deep, columns);
    for (long r = 0; r < stride; r++) {
      top[r] = -std::numeric_limits<real>::max();
      sum[r] = hit[r] = 0;
      target[r] = r < count ? (mask_element)targets[r] : -1;
      choice[r] = 0;
    }
    for (long v = 0; v < head.V; v += SLAB) {
      real *slab = logits + v * stride, *here = peak + v / SLAB * stride;
      const long symbols = least(SLAB, head.V - v);
      gemm.run(head.weight + v * deep, deep, 1, 1, deep, 0, columns, 0, 0, slab, stride, symbols, stride);
      (dh ? soften<false> : soften<true>)(slab, v, symbols, stride, target, top, here, sum, hit, choice);
    }
    for (long r = 0; r < count; r++) {
      answers.nll += top[r] + std::log(sum[r]) - hit[r];
      answers.right += choice[r] == target[r];
    }
    if (!dh) continue;
    gemm.pack(h, deep, count, deep, lines);
    for (long v = 0; v < head.V; v += SLAB) {
      real *slab = logits + v * stride, *factor = peak + v / SLAB * stride;
      const long symbols = least(SLAB, head.V - v);
      for (long j = 0; j < stride; j += W) st(factor + j, exp_(ld(factor + j) - ld(top + j)) * scale / ld(sum + j));
      for (long r = count; r < stride; r++) factor[r] = 0;
      harden(slab, v, symbols, stride, target, factor, scale);
      real *dw = head.gradient + v * deep, *into = dh + from * head.n;
      gemm.run(slab, stride, 1, 1, count, 0, lines, from > 0 ? dw : 0, deep, dw, deep, symbols, deep);
      gemm.run(slab, 1, stride, 1, symbols, 0, weights + v / SLAB * DEEP * wide, v > 0 ? into : 0, head.n, into, head.n, count, head.n);
    }
  }
  return answers;
}
