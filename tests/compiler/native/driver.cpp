// Runs generated cells forward and backward under sanitizers. Every array given to them has memory of its own and of just its
// size; results must not depend on what tape and work hold before.
#include <stdio.h>
#include <stdlib.h>
#include <vector>

struct Learned { long rows, columns; };  // columns: 0 a vector, 1 as wide as the layer, 2 as wide as x

struct Cell {
  const char* name;
  long (*tape_size)(long, long, long, long);
  long (*work_size)(long, long, long, long);
  void (*forward)(const Layer*);
  void (*backward)(const Layer*);
  long states;
  std::vector<int> learned;
};

static unsigned long long seed;
static real drawn() {
  seed = seed * 6364136223846793005ull + 1442695040888963407ull;
  return (real)((double)(seed >> 33) / (1ull << 31) * 2 - 1);
}
static real* some(long n) {
  real* p = (real*)malloc(n * sizeof(real));
  for (long i = 0; i < n; i++) p[i] = drawn();
  return p;
}
static real* filled(long n, int byte) {
  real* p = (real*)malloc(n * sizeof(real));
  memset(p, byte, n * sizeof(real));
  return p;
}

struct Results {
  std::vector<real> numbers;
  void add(const real* p, long n) { if (p) numbers.insert(numbers.end(), p, p + n); }
};

struct Run { long T, B, H, I; bool resets, wanted, repeats, infinite; };

static Results results(const Cell& cell, const Run& run, int byte) {
  seed = 1;
  const long T = run.T, B = run.B, H = run.H, I = run.I, rows = T * B, different = run.repeats ? 2 : rows;
  std::vector<real*> mine;
  auto keep = [&](real* p) { mine.push_back(p); return p; };
  std::vector<const real*> w, s0, dsT;
  std::vector<real*> dw, sT, ds0;
  std::vector<long> sizes;
  for (int columns : cell.learned) {
    sizes.push_back(columns == 0 ? H : columns == 1 ? H * H : H * I);
    w.push_back(keep(some(sizes.back())));
    dw.push_back(run.wanted ? keep(filled(sizes.back(), byte)) : 0);
  }
  for (long s = 0; s < cell.states; s++) {
    s0.push_back(keep(some(B * H)));
    sT.push_back(keep(filled(B * H, byte)));
    dsT.push_back(run.wanted ? keep(some(B * H)) : 0);
    ds0.push_back(run.wanted ? keep(filled(B * H, byte)) : 0);
  }
  std::vector<uint8_t> reset(rows);
  std::vector<int32_t> index(rows);
  for (long r = 0; r < rows; r++) reset[r] = r % 3 == 0, index[r] = r % 2;
  Layer layer = {};
  layer.T = T, layer.B = B, layer.H = H, layer.I = I;
  real* x = keep(some(different * I));
  if (run.infinite) x[0] = 1 / (real)0, x[different * I - 1] = -x[0];
  layer.x = x, layer.xr = keep(some(rows * H));
  layer.w = w.data(), layer.s0 = s0.data(), layer.sT = sT.data(), layer.dw = dw.data(), layer.dsT = dsT.data(), layer.ds0 = ds0.data();
  layer.reset = run.resets ? reset.data() : 0;
  layer.index = run.repeats ? index.data() : 0, layer.different = different;
  layer.out = keep(filled(rows * H, byte));
  layer.dout = run.wanted ? keep(some(rows * H)) : 0;
  layer.dx = run.wanted ? keep(filled(different * I, byte)) : 0;
  layer.dxr = run.wanted ? keep(filled(rows * H, byte)) : 0;
  static const Gemm gemm = {gemm_pack, gemm_pack_forward, gemm_pack_backward, gemm_run, gemm_run_once};
  layer.gemm = &gemm;
  real* tape = filled(cell.tape_size(T, B, H, I), byte);
  layer.tape = tape;
  for (auto function : {cell.forward, cell.backward}) {
    layer.work = filled(cell.work_size(T, B, H, I), byte);
    function(&layer);
    free(layer.work);
  }
  free(tape);
  Results found;
  found.add(layer.out, rows * H);
  for (long s = 0; s < cell.states; s++) found.add(sT[s], B * H), found.add(ds0[s], B * H);
  for (size_t i = 0; i < dw.size(); i++) found.add(dw[i], sizes[i]);
  found.add(layer.dx, different * I);
  for (real* p : mine) free(p);
  return found;
}

static const Run RUNS[] = {
  {3, 2, 1, 1, false, true, false, false}, {4, 1, 7, 3, true, true, false, false}, {3, 5, 33, 33, true, true, false, false},
  {2, 20, 16, 8, false, true, true, false}, {2, 3, 40, 5, true, false, true, false}, {1, 1, 9, 600, false, true, false, false},
  {3, 2, 5, 4, false, true, false, true}, {1, 1, 40, 37, true, true, false, false}, {1, 3, 40, 8, false, false, false, true},
};

static int check(const Cell& cell) {
  for (const Run& run : RUNS) {
    const Results a = results(cell, run, 0x00), b = results(cell, run, 0xFF);
    for (size_t i = 0; i < a.numbers.size(); i++) {
      const real p = a.numbers[i], q = b.numbers[i];
      if (!(p == q || (p != p && q != q))) {
        printf("%s T=%ld B=%ld H=%ld I=%ld: result %zu depends on memory that nobody wrote: %g, %g\n", cell.name, run.T, run.B, run.H,
               run.I, i, (double)p, (double)q);
        return 1;
      }
    }
  }
  return 0;
}
