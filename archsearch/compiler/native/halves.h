// Float32 numbers as bfloat16 ones: rounded, or as a sum of two, the first of them rounded and the second what that left out.
#pragma once
#include "kernels.h"
#include <immintrin.h>
#include <stdlib.h>

// A product of two sums of two leaves the product of the second parts out: three products, nearly as close as float32.
#ifndef PARTS
#define PARTS 1
#endif

typedef uint32_t Pair;  // two numbers that are multiplied with two others and added, the first in the lower half

static inline V some(const real* from, long count) {
  return (V)_mm512_maskz_loadu_ps(count >= W ? 0xffff : count <= 0 ? 0 : (1 << count) - 1, from);
}
static inline void store_some(real* to, V v, long count) {
  _mm512_mask_storeu_ps(to, count >= W ? 0xffff : (1 << count) - 1, (__m512)v);
}
// Rounded to the nearest, NaN stays NaN; numbers below the normal ones become 0.
static inline __m256i halved(V v) { return (__m256i)_mm512_cvtneps_pbh((__m512)v); }
static inline V whole_of(__m256i halves) { return (V)_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16); }
// The next part of numbers as halves; what it leaves out stays.
static inline __m256i next_part(V& left) {
  const __m256i part = halved(left);
  if (PARTS > 1) left -= whole_of(part);
  return part;
}
// The next part of two rows of numbers as pairs.
static inline __m512i next_pairs(V& even, V& odd) {
  const __m512i first = _mm512_cvtepu16_epi32(next_part(even)), second = _mm512_cvtepu16_epi32(next_part(odd));
  return _mm512_or_si512(first, _mm512_slli_epi32(second, 16));
}

template <int USE>  // each use has memory of its own, for one goes on while another is made
static Pair* scratch(long size) {
  static thread_local struct Memory {
    Pair* numbers = 0;
    long size = 0;
    ~Memory() { free(numbers); }
  } memory;
  if (size > memory.size) {
    free(memory.numbers);
    memory.numbers = (Pair*)aligned_alloc(64, (size * sizeof(Pair) + 4095) / 4096 * 4096);
    memory.size = size;
  }
  return memory.numbers;
}
