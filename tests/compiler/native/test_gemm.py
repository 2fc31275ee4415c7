"""The matrix product equals numpy's at every edge, and writes nowhere else, on every instruction set of this machine."""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import pytest
import torch

from archsearch.compiler.native import call
from archsearch.compiler.native.build import library
from archsearch.compiler.native.toolchain import toolchain
from archsearch.errors import BuildError
from tests.compiler.native.processors import OTHERS, emulated_tiles, use

EDGES = (1, 2, 7, 16, 33)
GUARD = 64
"""Numbers behind a result that must stay as they are."""


PARTS = {"bfloat16": 1, "split": 2, "tiles": 1, "split tiles": 2}
"""How many bfloat16 numbers stand for a float32 one, in products that round."""


def product_of(kind: str) -> ctypes.CDLL:
    """Return the library of a product; tiles are those of the processor, or made of plain C++ where it has none.

    Raises:
        BuildError: The processor does not multiply bfloat16.
    """
    parts = PARTS.get(kind, 0)
    if not parts:
        return call.gemm(kind == "float64")[1]
    built = call.gemm(False, parts)[1]
    if call.has_tiles(built) == ("tiles" in kind):
        return built
    text = emulated_tiles() if "tiles" in kind else call._text("gemm_bf16.cpp")
    return library(text, False, call._with_bf16(parts, toolchain()))


@dataclass
class Gemm:
    """The functions of the built library, on numpy arrays."""

    kind: str

    def __post_init__(self) -> None:
        double = self.kind == "float64"
        try:
            self.library = product_of(self.kind)
        except BuildError:
            assert self.kind in PARTS
            pytest.skip("the processor does not multiply bfloat16")
        self.dtype = np.float64 if double else np.float32
        self.tolerance = {"rtol": 1e-12, "atol": 1e-12} if double else {"rtol": 1e-4, "atol": 1e-4}

    def parts(self, matrix: np.ndarray) -> list[np.ndarray]:
        """Return what a product multiplies of a matrix: its numbers, or bfloat16 ones whose sum they nearly are."""
        if self.kind not in PARTS:
            return [matrix]
        parts = []
        for _ in range(PARTS[self.kind]):
            rounded = torch.from_numpy(np.ascontiguousarray(matrix)).bfloat16().float().numpy()
            parts.append(rounded)
            matrix = matrix - rounded
        return parts

    def expected(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Return A · B of the parts, all but the second of both."""
        (first, *second), whole = self.parts(a), sum(self.parts(b))
        return first @ whole + sum(rest @ self.parts(b)[0] for rest in second)

    def array(self, *shape: int) -> np.ndarray:
        return np.random.default_rng(0).standard_normal(shape).astype(self.dtype)

    def panels(self, width: int, depth: int, blocks: int = 1) -> np.ndarray:
        return np.full((width + 64) * -(-depth // 32) * 32 * blocks, np.nan, self.dtype)

    def pack(self, matrix: np.ndarray) -> np.ndarray:
        packed = self.panels(matrix.shape[1], matrix.shape[0])
        rows = matrix.strides[0] // matrix.itemsize
        self.call("pack", matrix, rows, *matrix.shape, packed)
        return packed

    def run(
        self, a: np.ndarray, packed: np.ndarray, c: np.ndarray, add: bool, blocks: int = 1, stride: int = 0
    ) -> None:
        rows, columns = (step // a.itemsize for step in a.strides)
        depth = a.shape[1] // blocks
        apart = c.strides[0] // c.itemsize
        self.call(
            "run", a, rows, columns, blocks, depth, stride, packed, c if add else 0, apart, c, apart, *c.shape
        )

    def call(self, name: str, *arguments: object) -> None:
        getattr(self.library, f"gemm_{name}")(*map(passed, arguments))


def passed(value: object) -> object:
    """Return a value as C takes it."""
    return ctypes.c_void_p(value.ctypes.data) if isinstance(value, np.ndarray) else ctypes.c_long(value)  # type: ignore[arg-type]


kinds = pytest.mark.parametrize("kind", ["float32", "float64", *PARTS])


@pytest.fixture(params=[None, *OTHERS])
def march(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if request.param:
        use(request.param, monkeypatch)
    yield


@pytest.mark.usefixtures("march")
@kinds
@pytest.mark.parametrize("add", [False, True])
def test_a_product_equals_numpys_and_writes_nowhere_else(kind: str, add: bool) -> None:
    multiply = Gemm(kind)
    for m, n, k in product((*EDGES, 20, 29), EDGES, (*EDGES, 600)):
        a, b = multiply.array(m, k), multiply.array(k, n)
        whole = np.full((m + 1) * (n + 5) + GUARD, 7, multiply.dtype)
        c = whole[: m * (n + 5)].reshape(m, n + 5)[:, :n]
        multiply.run(a, multiply.pack(b), c, add)
        np.testing.assert_allclose(c, multiply.expected(a, b) + 7 * add, **multiply.tolerance)
        c[...] = 7
        assert (whole == 7).all()


@pytest.mark.usefixtures("march")
@kinds
def test_one_row_may_begin_all_sums(kind: str) -> None:
    multiply = Gemm(kind)
    for m, n, k in product((*EDGES, 20), EDGES, (1, 600)):
        a, b, start, c = (
            multiply.array(m, k),
            multiply.array(k, n),
            multiply.array(n),
            np.empty((m, n), multiply.dtype),
        )
        multiply.call("run", a, k, 1, 1, k, 0, multiply.pack(b), start, 0, c, n, m, n)
        np.testing.assert_allclose(c, multiply.expected(a, b) + start, **multiply.tolerance)


@pytest.mark.usefixtures("march")
@kinds
def test_a_transposed_left_side_needs_no_copy(kind: str) -> None:
    multiply = Gemm(kind)
    for m, n, k in product(EDGES, EDGES, (1, 35, 600)):
        a, b, c = multiply.array(k, m).T, multiply.array(k, n), np.empty((m, n), multiply.dtype)
        multiply.run(a, multiply.pack(b), c, add=False)
        np.testing.assert_allclose(c, multiply.expected(a, b), **multiply.tolerance)


@pytest.mark.usefixtures("march")
@kinds
@pytest.mark.parametrize("slots", [1, 3])
def test_weights_side_by_side_are_packed_for_both_directions(kind: str, slots: int) -> None:
    multiply = Gemm(kind)
    for width, depth, rows in product(EDGES, EDGES, (1, 20)):
        wide = -(-width // 16) * 16
        weights = [multiply.array(width, depth) + slot for slot in range(slots)]
        addresses = (ctypes.c_void_p * slots)(*(weight.ctypes.data for weight in weights))
        sizes = [ctypes.c_long(of) for of in (slots, width, wide, depth)]
        packed = multiply.panels(slots * wide, depth)
        multiply.library.gemm_pack_forward(addresses, *sizes, ctypes.c_void_p(packed.ctypes.data))
        a, c = multiply.array(rows, depth), np.empty((rows, slots * wide), multiply.dtype)
        multiply.run(a, packed, c, add=False)
        sums = c.reshape(rows, slots, wide)
        for slot, weight in enumerate(weights):
            np.testing.assert_allclose(
                sums[:, slot, :width], multiply.expected(a, weight.T), **multiply.tolerance
            )
        assert not sums[:, :, width:].any()
        packed = multiply.panels(depth, width, slots)
        multiply.library.gemm_pack_backward(
            addresses, sizes[0], sizes[1], sizes[3], ctypes.c_void_p(packed.ctypes.data)
        )
        deltas, back = multiply.array(rows, slots, wide), np.empty((rows, depth), multiply.dtype)
        arguments = [slots * wide, 1, slots, width, wide]
        multiply.call("run", deltas, *arguments, packed, 0, 0, back, depth, rows, depth)
        expected = sum(
            multiply.expected(deltas[:, slot, :width], weight) for slot, weight in enumerate(weights)
        )
        np.testing.assert_allclose(back, expected, **multiply.tolerance)


@pytest.mark.usefixtures("march")
@kinds
@pytest.mark.parametrize("slots", [1, 2, 3])
def test_weights_that_are_used_once_give_the_bits_of_packed_ones(kind: str, slots: int) -> None:
    multiply = Gemm(kind)
    for width, depth, rows in product((*EDGES, 48), (*EDGES, 150, 900), (1, 2, 20)):
        wide = -(-width // 16) * 16
        weights = [multiply.array(width, depth) + slot for slot in range(slots)]
        addresses = (ctypes.c_void_p * slots)(*(weight.ctypes.data for weight in weights))
        sizes = [ctypes.c_long(of) for of in (slots, width, wide, depth)]
        packed = multiply.panels(slots * wide, depth)
        multiply.library.gemm_pack_forward(addresses, *sizes, ctypes.c_void_p(packed.ctypes.data))
        a, start = multiply.array(rows, depth), multiply.array(slots * wide)
        expected, found = (np.full((rows + 1, slots * wide), 7, multiply.dtype) for _ in range(2))
        ends = slots * wide, rows, slots * wide
        multiply.call("run", a, depth, 1, 1, depth, 0, packed, start, 0, expected, *ends)
        given = [passed(value) for value in (a, depth)], [passed(v) for v in (start, 0, found, *ends[:2])]
        multiply.library.gemm_run_once(*given[0], addresses, *sizes, *given[1])
        assert (found == expected).all()
