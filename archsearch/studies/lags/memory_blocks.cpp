// Online training of a network of memory blocks, many sequences a call: the forward-mode rule of Hochreiter and Schmidhuber
// (1997), which takes derivatives of the cells' states by the weights along in time. See memory_blocks.py for what is computed.
#include "kernels.h"
#include <vector>

static inline double logistic(double a) { return 1 / (1 + __builtin_exp(-a)); }

struct Wiring {
  long inputs, outputs, blocks, size, recurrent, output_gates, direct, squashed, gate_bias, cell_bias, output_bias, reads_gates;
};

// Weights, or the slope of the error; rows are sources, columns what they lead to; null where there are none.
struct Weights {
  double *x, *y, *bias, *out, *direct, *out_bias;
};

struct Sequences {
  long count, steps;      // sequences, and the steps that each has room for
  const int64_t* lengths;  // steps that each has
  const int64_t* symbols;  // [count][steps], or null
  const double* numbers;   // [count][steps][inputs], or null
  const double* targets;   // [count][steps][outputs]
  const uint8_t* scored;   // [count][steps]
};

// Weights change at the end of each sequence. Its largest and its mean absolute error are those before that.
extern "C" void memory_blocks_train(const Wiring* wiring, Weights* w, Weights* slope, const Sequences* given, double rate,
                                    double* largest, double* mean) {
  const Wiring n = *wiring;
  const long B = n.blocks, S = n.size, I = n.inputs, K = n.outputs, C = B * S, G = n.output_gates ? 2 * B : B, H = G + C;
  const long F = n.reads_gates ? 0 : G, Y = n.recurrent ? H - F : 0;  // hidden units read those from F on, Y of them
  const long sources = I + Y + 1;                                     // x, then y(t-1), then 1 for the bias
  std::vector<double> net(H), act(H), y(H), s(C), h(C), g(C), delta(K), into_y(C), by_cell(C * sources), by_gate(C * sources);
  const long sizes[] = {I * H, Y * H, H, C * K, n.direct ? I * K : 0, n.output_bias ? K : 0};
  double* const from[] = {slope->x, slope->y, slope->bias, slope->out, slope->direct, slope->out_bias};
  double* const onto[] = {w->x, w->y, w->bias, w->out, w->direct, w->out_bias};

  for (long q = 0; q < given->count; q++) {
    const long T = given->lengths[q];
    std::fill(y.begin(), y.end(), 0), std::fill(s.begin(), s.end(), 0);
    std::fill(by_cell.begin(), by_cell.end(), 0), std::fill(by_gate.begin(), by_gate.end(), 0);
    for (long k = 0; k < 6; k++)
      for (long i = 0; i < sizes[k]; i++) from[k][i] = 0;
    double worst = 0, total = 0;
    long asked = 0;

    for (long t = 0; t < T; t++) {
      const long place = q * given->steps + t, symbol = given->symbols ? given->symbols[place] : -1;
      const double* const x = given->numbers ? given->numbers + place * I : nullptr;
      // What follows is done for each source of the hidden units: what it is worth, and its row of a matrix.
      const long first = x ? 0 : symbol, last = x ? I : symbol + 1;
      for (long j = 0; j < H; j++) net[j] = w->bias[j];
      for (long i = first; i < last; i++) {
        const double value = x ? x[i] : 1;
        for (long j = 0; j < H; j++) net[j] += value * w->x[i * H + j];
      }
      for (long i = 0; i < Y; i++)
        for (long j = 0; j < H; j++) net[j] += y[F + i] * w->y[i * H + j];
      for (long j = 0; j < H; j++) act[j] = logistic(net[j]);
      for (long c = 0; c < C; c++) {
        const double in = act[c / S], f = act[G + c];
        g[c] = 4 * f - 2;
        const double of_cell = in * 4 * f * (1 - f), of_gate = in * (1 - in) * g[c];
        double *const pc = &by_cell[c * sources], *const pg = &by_gate[c * sources];
        for (long i = first; i < last; i++) {
          const double value = x ? x[i] : 1;
          pc[i] += of_cell * value, pg[i] += of_gate * value;
        }
        for (long i = 0; i < Y; i++) pc[I + i] += of_cell * y[F + i], pg[I + i] += of_gate * y[F + i];
        pc[sources - 1] += of_cell, pg[sources - 1] += of_gate;
        s[c] += in * g[c];
        h[c] = n.squashed ? 2 * logistic(s[c]) - 1 : s[c];
      }

      if (given->scored[place]) {
        const double* const wanted = given->targets + place * K;
        std::fill(into_y.begin(), into_y.end(), 0);
        for (long k = 0; k < K; k++) delta[k] = n.output_bias ? w->out_bias[k] : 0;
        for (long c = 0; c < C; c++) {
          const double out = (n.output_gates ? act[B + c / S] : 1) * h[c];
          for (long k = 0; k < K; k++) delta[k] += out * w->out[c * K + k];
        }
        for (long i = first; n.direct && i < last; i++)
          for (long k = 0; k < K; k++) delta[k] += (x ? x[i] : 1) * w->direct[i * K + k];
        for (long k = 0; k < K; k++) {
          const double o = logistic(delta[k]), error = o - wanted[k], size = __builtin_fabs(error);
          delta[k] = error * o * (1 - o);
          worst = size > worst || size != size ? size : worst, total += size;
        }
        asked++;
        for (long c = 0; c < C; c++)
          for (long k = 0; k < K; k++) into_y[c] += w->out[c * K + k] * delta[k];

        for (long c = 0; c < C; c++) {
          const double out = (n.output_gates ? act[B + c / S] : 1) * h[c];
          for (long k = 0; k < K; k++) slope->out[c * K + k] += out * delta[k];
        }
        for (long i = first; n.direct && i < last; i++)
          for (long k = 0; k < K; k++) slope->direct[i * K + k] += (x ? x[i] : 1) * delta[k];
        for (long k = 0; n.output_bias && k < K; k++) slope->out_bias[k] += delta[k];
        for (long c = 0; c < C; c++) {
          const double of_h = n.squashed ? 0.5 * (1 - h[c] * h[c]) : 1;
          const double at_state = into_y[c] * of_h * (n.output_gates ? act[B + c / S] : 1);
          const double *const pc = &by_cell[c * sources], *const pg = &by_gate[c * sources];
          const long cell = G + c, gate = c / S;
          for (long i = 0; i < I; i++) slope->x[i * H + cell] += at_state * pc[i], slope->x[i * H + gate] += at_state * pg[i];
          for (long i = 0; i < Y; i++)
            slope->y[i * H + cell] += at_state * pc[I + i], slope->y[i * H + gate] += at_state * pg[I + i];
          if (n.cell_bias) slope->bias[cell] += at_state * pc[sources - 1];
          if (n.gate_bias) slope->bias[gate] += at_state * pg[sources - 1];
          if (!n.output_gates) continue;
          const double o = act[B + gate], at_gate = o * (1 - o) * h[c] * into_y[c];
          const long out = B + gate;
          for (long i = first; i < last; i++) slope->x[i * H + out] += at_gate * (x ? x[i] : 1);
          for (long i = 0; i < Y; i++) slope->y[i * H + out] += at_gate * y[F + i];
          if (n.gate_bias) slope->bias[out] += at_gate;
        }
      }
      for (long j = 0; j < G; j++) y[j] = act[j];
      for (long c = 0; c < C; c++) y[G + c] = (n.output_gates ? act[B + c / S] : 1) * h[c];
    }
    for (long k = 0; k < 6; k++)
      for (long i = 0; i < sizes[k]; i++) onto[k][i] -= rate * from[k][i];
    largest[q] = worst;
    mean[q] = asked ? total / (asked * K) : 0;
  }
}
