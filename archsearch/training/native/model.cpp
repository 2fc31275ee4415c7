// Trains a model, window after window: embedding, layers of one cell, output layer, loss, adjoint, clip and update.
// One call runs many steps; the bits do not depend on how many.

struct Window {
  const int64_t *inputs, *targets;  // symbols (T, B), and the next ones where they are scored
  const int64_t* scored;            // positions in T·B, or none if all are
  const uint8_t* reset;             // (T, B) or none
  long T, count;                    // steps, and scored positions
};

struct Model {
  long symbols, width, layers, states, learned, B, T;  // T: of the longest window
  const Gemm* gemm;
  void (*forward)(const Layer*);
  void (*backward)(const Layer*);
  long linear, raw;         // whether the cell has products on x, and whether it reads x itself
  real *embedding, *dembedding;  // (V, n)
  real *output, *doutput;        // (V, n + 1), the bias last
  const real* const* w;          // parameters, layer after layer
  real* const* dw;
  real *weights, *gradient, *first, *second;  // everything; gradients reach the first `count` numbers
  long count;
  real *carried, *after;  // states (layers, states, B, n)
  real *tape, *work;      // tape_size per layer, work_size
  long tape_size;
  real* arrays;           // model_size
  long step;              // updates so far
};

enum Trouble { NONE, LOSS, NORM, STRANGE };  // strange: a symbol or position that there is not
struct Report {
  long trouble;
  double value;
};

// Says whether all symbols and positions of a window are in range: they come from outside and become addresses.
static bool plausible(const Model& m, const Window& window, Report* report) {
  const long rows = window.T * m.B;
  int64_t strange = 0;
  bool right = true;
  auto check = [&](const int64_t* values, long count, long limit) {
    for (long i = 0; values && i < count; i++)
      if (values[i] < 0 || values[i] >= limit) right = false, strange = values[i];
  };
  check(window.inputs, rows, m.symbols);
  check(window.targets, window.count, m.symbols);
  check(window.scored, window.count, rows);
  if (!right) *report = {STRANGE, (double)strange};
  return right;
}

// A short row: a call of memcpy takes longer.
static inline void copy(const real* from, real* to, long n) {
  long j = 0;
  for (; j + W <= n; j += W) st(to + j, ld(from + j));
  for (; j < n; j++) to[j] = from[j];
}

extern "C" long model_size(long symbols, long width, long layers, long B, long T) {
  const long rows = rounded(T * B, 16);
  return (layers + 5) * rows * width + rows * (width + 1) + head_size(symbols, width, rows);
}

// What one call works with.
struct Arrays {
  long rows;
  real *x, *rare, *d, *dx, *dxr, *h, *dh, *head;  // x: the input of each layer, then the last output, (T·B, n) each
  std::vector<int32_t> symbols, index, place;     // the window's different symbols, which of them each row is, and where each is
  Arrays(const Model& m) : rows(rounded(m.T * m.B, 16)), index(rows), place(m.symbols, -1) {
    const long one = rows * m.width;
    x = m.arrays, rare = x + (m.layers + 1) * one, d = rare + one, dx = d + one, dh = dx + one, h = dh + one;
    head = h + rows * (m.width + 1);
    dxr = dh;  // the head is done when layers go back
  }
  real* input(const Model& m, long layer) const { return x + layer * rows * m.width; }
};

// Looks up the embedding of a window's symbols, each of them once: products on x have no more rows than there are symbols.
static void look_up(const Model& m, Arrays& a, const Window& window) {
  const long rows = window.T * m.B, n = m.width;
  a.symbols.clear();
  for (long r = 0; r < rows; r++) {
    int32_t& place = a.place[window.inputs[r]];
    if (place < 0) {
      place = a.symbols.size();
      a.symbols.push_back(window.inputs[r]);
      copy(m.embedding + window.inputs[r] * n, a.rare + place * n, n);
    }
    a.index[r] = place;
  }
  for (int32_t symbol : a.symbols) a.place[symbol] = -1;
  for (long r = 0; m.raw && r < rows; r++) copy(a.rare + a.index[r] * n, a.x + r * n, n);
}

static Layer layer_of(const Model& m, const Arrays& a, const Window& window, long l) {
  Layer layer = {};
  layer.T = window.T, layer.B = m.B, layer.H = layer.I = m.width;
  layer.x = layer.xr = a.input(m, l), layer.out = a.input(m, l + 1);
  layer.w = m.w + l * m.learned, layer.dw = m.dw + l * m.learned, layer.reset = window.reset;
  layer.tape = m.tape + l * m.tape_size, layer.work = m.work, layer.gemm = m.gemm;
  if (l == 0) layer.x = a.rare, layer.index = a.index.data(), layer.different = a.symbols.size();
  return layer;
}

// Runs the layers over a window, from the states `from` to the states `to`.
static void layers_forward(const Model& m, Arrays& a, const Window& window, const real* from, real* to) {
  const long size = m.B * m.width;
  std::vector<const real*> before(m.states + 1);
  std::vector<real*> last(m.states + 1);
  look_up(m, a, window);
  for (long l = 0; l < m.layers; l++) {
    for (long s = 0; s < m.states; s++) {
      before[s] = from + (l * m.states + s) * size;
      last[s] = to + (l * m.states + s) * size;
    }
    Layer layer = layer_of(m, a, window, l);
    layer.s0 = before.data(), layer.sT = last.data();
    m.forward(&layer);
  }
}

// Takes the gradient of the last output, in a.d, back through the layers to the embedding.
static void layers_backward(const Model& m, Arrays& a, const Window& window) {
  const long rows = window.T * m.B, n = m.width;
  const std::vector<const real*> none(m.states + 1);
  const std::vector<real*> unwanted(m.states + 1);
  for (long l = m.layers - 1; l >= 0; l--) {
    Layer layer = layer_of(m, a, window, l);
    layer.s0 = none.data(), layer.dsT = none.data(), layer.ds0 = unwanted.data();
    layer.dout = a.d, layer.dx = m.linear ? a.dx : nullptr, layer.dxr = m.raw ? a.dxr : nullptr;
    m.backward(&layer);
    if (l == 0) break;
    if (!m.linear) zero(a.dx, rows * n);
    for (long i = 0; m.raw && i < rows * n; i++) a.dx[i] += a.dxr[i];
    std::swap(a.d, a.dx);
  }
  zero(m.dembedding, m.symbols * n);
  const long different = m.linear ? a.symbols.size() : 0;
  for (long i = 0; i < different; i++) memcpy(m.dembedding + a.symbols[i] * n, a.dx + i * n, n * sizeof(real));
  for (long r = 0; m.raw && r < rows; r++)
    for (long j = 0; j < n; j++) m.dembedding[window.inputs[r] * n + j] += a.dxr[r * n + j];
}

// Loss at the scored positions of a window; with `scale`, gradients of scale * loss in a.d and in the output layer.
static Answers window_answers(const Model& m, Arrays& a, const Window& window, real scale) {
  const long n = m.width, rows = window.T * m.B, *position = window.scored;
  const real* out = a.input(m, m.layers);
  for (long i = 0; i < window.count; i++) {
    copy(out + (position ? position[i] : i) * n, a.h + i * (n + 1), n);
    a.h[i * (n + 1) + n] = 1;
  }
  if (scale != 0 && window.count == 0) zero(m.doutput, m.symbols * (n + 1));
  const Head head = {m.symbols, n, a.rows, m.output, m.doutput, m.gemm, a.head};
  real* dh = scale == 0 ? nullptr : position ? a.dh : a.d;
  const Answers answers = head_run(head, a.h, window.targets, window.count, dh, scale);
  if (dh && window.count < rows) {
    zero(a.d, rows * n);
    for (long i = 0; i < window.count; i++) copy(dh + i * n, a.d + position[i] * n, n);
  }
  return answers;
}

// Trains on windows in order and writes their losses; returns how many steps were completed. A loss or norm that is not finite
// ends it before the update, and the report says which.
extern "C" long train(Model* m, const Window* windows, long count, const Optimiser* optimiser, double* losses, Report* report) {
  Arrays a(*m);
  *report = {NONE, 0};
  for (long k = 0; k < count; k++) {
    if (!plausible(*m, windows[k], report)) return k;
    layers_forward(*m, a, windows[k], m->carried, m->after);
    const real loss = (real)window_answers(*m, a, windows[k], 1 / (real)m->B).nll / m->B;
    losses[k] = loss;
    if (!std::isfinite(loss)) {
      *report = {LOSS, loss};
      return k;
    }
    layers_backward(*m, a, windows[k]);
    const real norm = global_norm(m->gradient, m->count);
    if (!std::isfinite(norm)) {
      *report = {NORM, norm};
      return k;
    }
    update(*optimiser, ++m->step, norm, m->gradient, m->weights, m->first, m->second, m->count);
    std::swap(m->carried, m->after);
  }
  return count;
}

// Sums the loss, into the report, and counts right answers over windows in order, from zero states; those of training stay.
extern "C" void evaluate(Model* m, const Window* windows, long count, long* right, Report* report) {
  Arrays a(*m);
  std::vector<real> states(2 * m->layers * m->states * m->B * m->width);
  real *from = states.data(), *to = from + states.size() / 2;
  *report = {NONE, 0};
  *right = 0;
  for (long k = 0; k < count && plausible(*m, windows[k], report); k++) {
    layers_forward(*m, a, windows[k], from, to);
    const Answers answers = window_answers(*m, a, windows[k], 0);
    report->value += answers.nll, *right += answers.right;
    std::swap(from, to);
  }
}
