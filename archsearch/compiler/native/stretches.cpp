// A layer over a long sequence, stretch after stretch of time, with the bits of one run over all of it.
//
// Backward takes two sweeps. From the last stretch to the first it finds the gradients of the states between stretches, and of
// learned vectors in the loop over time; from the first to the last all others, whose sums run over rows in that order.
#include "layer.h"
#include <vector>

struct Stretches {
  long steps;             // of a stretch; the last may have fewer
  long keeps;             // whether every stretch keeps its tape, else it is made again for each sweep
  long tape, work;        // numbers that one stretch needs
  long states, weights;   // how many
  const uint8_t* looped;  // which of them are learned vectors in the loop over time
  void (*forward)(const Layer*);
  void (*backward)(const Layer*);
};

static long parts_of(const Stretches& s, long T) { return (T + s.steps - 1) / s.steps; }

// States between stretches, their gradients, and the output that is made again have room of their own.
extern "C" long stretches_tape(const Stretches* s, long T, long B, long H) {
  const long count = parts_of(*s, T);
  return count * s->states * whole(B * H) + (s->keeps ? count * s->tape : 0);
}
extern "C" long stretches_work(const Stretches* s, long T, long B, long H) {
  const long again = s->keeps ? 0 : s->tape + whole(s->steps * B * H);
  return parts_of(*s, T) * s->states * whole(B * H) + again + s->work;
}

struct Sweeps {
  const Layer& L;
  const Stretches& s;
  const long count, size;
  real *states, *gradients, *tape, *work, *again;
  std::vector<const real*> before, behind;
  std::vector<real*> after, ahead, wanted;

  Sweeps(const Layer& L, const Stretches& s)
      : L(L), s(s), count(parts_of(s, L.T)), size(whole(L.B * L.H)), before(s.states), behind(s.states), after(s.states),
        ahead(s.states), wanted(s.weights) {
    const long between = count * s.states * size;
    states = L.tape, gradients = L.work, work = gradients + between;
    tape = s.keeps ? states + between : work + s.work;
    again = tape + s.tape;
  }

  // Part k, without what it is wanted for. Its states before are those after the one before it; the last one's go where those
  // before the first would lie.
  Layer part(long k) {
    const long begin = k * s.steps, rows = begin * L.B;
    Layer part = L;
    part.T = L.T - begin < s.steps ? L.T - begin : s.steps;
    part.x += rows * L.I;
    if (L.xr) part.xr += rows * L.H;
    if (L.reset) part.reset += rows;
    part.tape = s.keeps ? tape + k * s.tape : tape, part.work = work;
    for (long i = 0; i < s.states; i++) {
      before[i] = k ? states + (k * s.states + i) * size : L.s0[i];
      after[i] = states + ((k + 1) % count * s.states + i) * size;
    }
    part.s0 = before.data(), part.sT = after.data();
    return part;
  }

  void forward() {
    for (long k = 0; k < count; k++) {
      Layer run = part(k);
      run.out += k * s.steps * L.B * L.H;
      if (k == count - 1) run.sT = L.sT;
      s.forward(&run);
    }
  }

  // Part k on the way back: its tape is there.
  Layer back(long k) {
    Layer run = part(k);
    const long rows = k * s.steps * L.B;
    if (!s.keeps) {
      run.out = again;
      s.forward(&run);
    }
    if (L.dout) run.dout += rows * L.H;
    if (L.dx) run.dx += rows * L.I;
    if (L.dxr) run.dxr += rows * L.H;
    for (long i = 0; i < s.states; i++) behind[i] = k < count - 1 ? between(k + 1, i) : L.dsT[i];
    run.dsT = behind.data(), run.ds0 = ahead.data(), run.dw = wanted.data();
    return run;
  }

  // The gradient of state i before part k.
  real* between(long k, long i) { return gradients + (k * s.states + i) * size; }

  // Says which weights' gradients are wanted of a sweep, and whether there are any.
  bool want(bool looped) {
    bool any = false;
    for (long i = 0; i < s.weights; i++) {
      wanted[i] = s.looped[i] == looped ? L.dw[i] : nullptr;
      any |= wanted[i] != nullptr;
    }
    return any;
  }

  void backward() {
    want(true);
    for (long k = count - 1; k >= 0; k--) {
      Layer run = back(k);
      for (long i = 0; i < s.states; i++) ahead[i] = k ? between(k, i) : L.ds0[i];
      run.dx = run.dxr = nullptr, run.adding = k < count - 1, run.brief = 1;
      s.backward(&run);
    }
    if (!want(false) && !L.dx && !L.dxr) return;
    ahead.assign(s.states, nullptr);
    for (long k = 0; k < count; k++) {
      Layer run = back(k);
      run.adding = k > 0;
      s.backward(&run);
    }
  }
};

extern "C" void forward_in_stretches(const Stretches* s, const Layer* L) { Sweeps(*L, *s).forward(); }
extern "C" void backward_in_stretches(const Stretches* s, const Layer* L) { Sweeps(*L, *s).backward(); }
