// What tiles.h says, in plain C++, for processors without tiles: sums in the order in which the processor's manual has them.
#pragma once
#include <stdint.h>
#include <string.h>

struct alignas(64) TileShapes {
  uint8_t palette = 1, start = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};
static TileShapes now;
static uint8_t tile_data[8][16][64];
static bool configured = false;

static inline bool tiles_permitted() { return true; }
static inline void tiles_begin(const TileShapes& shapes) {
  now = shapes;
  configured = true;
  memset(tile_data, 0, sizeof tile_data);
}
static inline void tiles_end() { configured = false; }
static inline int rows_of(int tile) {
  if (!configured || now.palette != 1 || !now.rows[tile] || now.rows[tile] > 16) __builtin_trap();
  return now.rows[tile];
}

template <int T>
static inline void tile_zero() {
  rows_of(T);
  memset(tile_data[T], 0, sizeof tile_data[T]);
}
template <int T>
static inline void tile_load(const void* from, long apart) {
  for (int r = 0; r < rows_of(T); r++) memcpy(tile_data[T][r], (const char*)from + r * apart, now.row_bytes[T]);
}
template <int T>
static inline void tile_store(void* to, long apart) {
  for (int r = 0; r < rows_of(T); r++) memcpy((char*)to + r * apart, tile_data[T][r], now.row_bytes[T]);
}
static inline float number(const uint8_t* half) {
  uint32_t bits = 0;
  memcpy((char*)&bits + 2, half, 2);
  float value;
  memcpy(&value, &bits, 4);
  return value;
}
template <int C, int A, int B>
static inline void tile_multiply() {
  if (rows_of(C) != rows_of(A) || now.row_bytes[A] != 4 * rows_of(B) || now.row_bytes[C] != now.row_bytes[B]) __builtin_trap();
  for (int m = 0; m < rows_of(C); m++)
    for (int n = 0; n < now.row_bytes[C] / 4; n++) {
      float even = 0, odd = 0, sum;
      for (int k = 0; k < rows_of(B); k++) {
        even += number(&tile_data[A][m][4 * k]) * number(&tile_data[B][k][4 * n]);
        odd += number(&tile_data[A][m][4 * k + 2]) * number(&tile_data[B][k][4 * n + 2]);
      }
      memcpy(&sum, &tile_data[C][m][4 * n], 4);
      sum += even + odd;
      memcpy(&tile_data[C][m][4 * n], &sum, 4);
    }
}
