"""The functions that exported C calls, with the marks of its frame."""

from archsearch.cell.ops import LEAKY_SLOPE, NORM_EPSILON

FUNCTIONS = {
    "tanh_": ("a", "<UPPER>_MATH(tanh)(a)"),
    "sigmoid": ("a", "1 / (1 + <UPPER>_MATH(exp)(-a))"),
    "exp_": ("a", "<UPPER>_MATH(exp)(a)"),
    "sqrt_": ("a", "<UPPER>_MATH(sqrt)(a)"),
    "sin_": ("a", "<UPPER>_MATH(sin)(a)"),
    "cos_": ("a", "<UPPER>_MATH(cos)(a)"),
    "relu": ("a", "a < 0 ? 0 : a"),
    "leaky_relu": ("a", f"a > 0 ? a : a * (<NAME>_real){LEAKY_SLOPE}"),
    "max_": ("ab", "a > b || a != a ? a : b"),
    "softplus": ("a", "a > 20 ? a : <UPPER>_MATH(log1p)(<UPPER>_MATH(exp)(a))"),
    "silu": ("a", "a / (1 + <UPPER>_MATH(exp)(-a))"),
}
"""The functions that rules call: their parameters and what they return."""

DOT = """/* Sums side by side, which compilers make vectors of; each step of a single one would wait for the step before. */
static <NAME>_real <NAME>_dot(const <NAME>_real *a, const <NAME>_real *b, int columns)
{
    <NAME>_real sums[16] = {0};
    <NAME>_real sum = 0;
    int j, k;
    for (j = 0; j < columns - 15; j += 16) {
        for (k = 0; k < 16; k++) {
            sums[k] += a[j + k] * b[j + k];
        }
    }
    for (; j < columns; j++) {
        sum += a[j] * b[j];
    }
    for (k = 0; k < 16; k++) {
        sum += sums[k];
    }
    return sum;
}
"""

DOWN = """static <NAME>_real <NAME>_down(const <NAME>_real *a, const <NAME>_real *b, int rows)
{
    <NAME>_real sum = 0;
    int j;
    for (j = 0; j < rows; j++) {
        sum += a[j * rows] * b[j];
    }
    return sum;
}
"""
"""A column of a square matrix in place of a row: for the transpose."""

AVERAGE = """static <NAME>_real <NAME>_average(const <NAME>_real *a)
{
    <NAME>_real sum = 0;
    int j;
    for (j = 0; j < <UPPER>_HIDDEN_SIZE; j++) {
        sum += a[j];
    }
    return sum / <UPPER>_HIDDEN_SIZE;
}
"""

ROOT = f"""static <NAME>_real <NAME>_root(const <NAME>_real *a)
{{
    <NAME>_real sum = 0;
    int j;
    for (j = 0; j < <UPPER>_HIDDEN_SIZE; j++) {{
        sum += a[j] * a[j];
    }}
    return 1 / <UPPER>_MATH(sqrt)(sum / <UPPER>_HIDDEN_SIZE + (<NAME>_real){NORM_EPSILON});
}}
"""
