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
  real *weights, *gradient, *first, *second;  // everything, `count` numbers each
  long count;
  real *carried, *after;  // states (layers, states, B, n)
  real *tape, *work;      // tape_size per layer, work_size
  long tape_size;
  real* arrays;           // model_size
  long step;              // updates so far
};

enum Trouble { NONE, LOSS, NORM };
struct Report {
  long trouble;
  double value;
};

extern "C" long model_size(long symbols, long width, long layers, long B, long T) {
  const long rows = rounded(T * B, 16);
  return (layers + 4) * rows * width + rows * (width + 1) + head_size(symbols, width, rows);
}

struct Arrays {
  real *x, *d, *dx, *dxr, *h, *dh, *head;  // x: input of each layer, then the last output, (T·B, n) each
  long rows;
  Arrays(const Model& m) {
    rows = rounded(m.T * m.B, 16);
    const long one = rows * m.width;
    x = m.arrays, d = x + (m.layers + 1) * one, dx = d + one, dh = dx + one, h = dh + one, head = h + rows * (m.width + 1);
    dxr = dh;  // the head is done when layers go back
  }
  real* input(const Model& m, long layer) const { return x + layer * rows * m.width; }
};

// Runs the layers over a window, from the states `from` to the states `to`.
static void layers_forward(const Model& m, const Arrays& a, const Window& window, const real* from, real* to) {
  const long rows = window.T * m.B, n = m.width, size = m.B * n;
  for (long r = 0; r < rows; r++) memcpy(a.x + r * n, m.embedding + window.inputs[r] * n, n * sizeof(real));
  std::vector<const real*> before(m.states + 1);
  std::vector<real*> last(m.states + 1);
  for (long l = 0; l < m.layers; l++) {
    for (long s = 0; s < m.states; s++) {
      before[s] = from + (l * m.states + s) * size;
      last[s] = to + (l * m.states + s) * size;
    }
    Layer layer = {};
    layer.T = window.T, layer.B = m.B, layer.H = layer.I = n;
    layer.x = layer.xr = a.input(m, l), layer.out = a.input(m, l + 1);
    layer.w = m.w + l * m.learned, layer.s0 = before.data(), layer.sT = last.data(), layer.reset = window.reset;
    layer.tape = m.tape + l * m.tape_size, layer.work = m.work, layer.gemm = m.gemm;
    m.forward(&layer);
  }
}

// Takes the gradient of the last output, in a.d, back through the layers to the embedding.
static void layers_backward(const Model& m, const Arrays& a, const Window& window) {
  const long rows = window.T * m.B, n = m.width;
  const std::vector<const real*> none(m.states + 1);
  const std::vector<real*> unwanted(m.states + 1);
  real *d = a.d, *dx = a.dx;
  for (long l = m.layers - 1; l >= 0; l--) {
    Layer layer = {};
    layer.T = window.T, layer.B = m.B, layer.H = layer.I = n;
    layer.x = layer.xr = a.input(m, l), layer.out = a.input(m, l + 1);
    layer.w = m.w + l * m.learned, layer.dw = m.dw + l * m.learned, layer.reset = window.reset;
    layer.s0 = none.data(), layer.dsT = none.data(), layer.ds0 = unwanted.data();
    layer.tape = m.tape + l * m.tape_size, layer.work = m.work, layer.gemm = m.gemm;
    layer.dout = d, layer.dx = m.linear ? dx : nullptr, layer.dxr = !m.raw ? nullptr : m.linear ? a.dxr : dx;
    m.backward(&layer);
    if (m.linear && m.raw)
      for (long i = 0; i < rows * n; i++) dx[i] += a.dxr[i];
    if (!m.linear && !m.raw) zero(dx, rows * n);
    std::swap(d, dx);
  }
  zero(m.dembedding, m.symbols * n);
  for (long r = 0; r < rows; r++) {
    real* to = m.dembedding + window.inputs[r] * n;
    for (long j = 0; j < n; j++) to[j] += d[r * n + j];
  }
}

// Loss at the scored positions of a window; with `scale`, gradients of scale * loss in a.d and in the output layer.
static Answers window_answers(const Model& m, const Arrays& a, const Window& window, real scale) {
  const long n = m.width, rows = window.T * m.B, *position = window.scored;
  const real* out = a.input(m, m.layers);
  for (long i = 0; i < window.count; i++) {
    memcpy(a.h + i * (n + 1), out + (position ? position[i] : i) * n, n * sizeof(real));
    a.h[i * (n + 1) + n] = 1;
  }
  if (window.count == 0 && scale != 0) zero(m.doutput, m.symbols * (n + 1));
  const Head head = {m.symbols, n, a.rows, m.output, m.doutput, m.gemm, a.head};
  real* dh = scale == 0 ? nullptr : position ? a.dh : a.d;
  const Answers answers = head_run(head, a.h, window.targets, window.count, dh, scale);
  if (dh && position) {
    zero(a.d, rows * n);
    for (long i = 0; i < window.count; i++) memcpy(a.d + position[i] * n, dh + i * n, n * sizeof(real));
  }
  return answers;
}

// Trains on windows in order and writes their losses; returns how many steps were completed. A loss or norm that is not finite
// ends it before the update, and the report says which.
extern "C" long train(Model* m, const Window* windows, long count, const Optimiser* optimiser, double* losses, Report* report) {
  const Arrays a(*m);
  *report = {NONE, 0};
  for (long k = 0; k < count; k++) {
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

// Sums the loss and counts right answers over windows in order, from zero states; those of training stay.
extern "C" void evaluate(Model* m, const Window* windows, long count, double* nll, long* right) {
  const Arrays a(*m);
  std::vector<real> states(2 * m->layers * m->states * m->B * m->width);
  real *from = states.data(), *to = from + states.size() / 2;
  *nll = 0, *right = 0;
  for (long k = 0; k < count; k++) {
    layers_forward(*m, a, windows[k], from, to);
    const Answers answers = window_answers(*m, a, windows[k], 0);
    *nll += answers.nll, *right += answers.right;
    std::swap(from, to);
  }
}
