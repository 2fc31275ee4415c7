// The processor's tiles (AMX): eight matrices of up to 16 rows of 64 bytes, and the product of two that adds to a third.
// Written as instructions, for compilers take those of their headers to leave memory alone, and move what tiles read or write.
#pragma once
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

struct alignas(64) TileShapes {
  uint8_t palette = 1, start = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};

// Whether the system lets this process have tiles; it has to be asked once.
static inline bool tiles_permitted() {
  const long request = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, request, tile_data) == 0;
}
static inline void tiles_begin(const TileShapes& shapes) { asm volatile("ldtilecfg %0" ::"m"(shapes) : "memory"); }
static inline void tiles_end() { asm volatile("tilerelease" ::: "memory"); }

template <int T>
static inline void tile_zero() {
  asm volatile("tilezero %%tmm%c0" ::"i"(T));
}
template <int T>
static inline void tile_load(const void* from, long apart) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(apart), "i"(T) : "memory");
}
template <int T>
static inline void tile_store(void* to, long apart) {
  asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(apart), "i"(T) : "memory");
}
// C += A · B of pairs of bfloat16.
template <int C, int A, int B>
static inline void tile_multiply() {
  asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(C), "i"(A), "i"(B));
}
