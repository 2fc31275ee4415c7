/*
 * Runs a cell in C on a desktop or a microcontroller: no heap, one step at a time.
 *
 *     archsearch export gru --weights model.safetensors -o gru.c
 *     cc -std=c99 -O2 examples/cell_in_c.c -I. -lm -o cell
 *     ./cell < inputs.f32 > outputs.f32
 *
 * The input is GRU_INPUT_SIZE floats for every step, the output GRU_HIDDEN_SIZE. model.safetensors holds the state dict of
 * archsearch.Recurrent("gru", ...).
 */

#include <stdio.h>

#include "gru.c"

int main(void)
{
    static gru_state state;
    float x[GRU_INPUT_SIZE];

    gru_reset(&state);
    while (fread(x, sizeof x, 1, stdin) == 1) {
        gru_step(x, &state);
        fwrite(state.h[GRU_LAYERS - 1], sizeof(float), GRU_HIDDEN_SIZE, stdout);
    }
    return 0;
}
