"""The network of 1997 grows block by block, and its states drift: what is measured and what stays as it was."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from archsearch.errors import InputError
from archsearch.studies.lags.construction import FALLING, SPAN, Construction, grown, with_blocks
from archsearch.studies.lags.drift import mean_states
from archsearch.studies.lags.experiments import EXPERIMENTS
from archsearch.studies.lags.memory_blocks import Wiring
from archsearch.studies.lags.pupils import MemoryPupil
from archsearch.studies.lags.training import LagRun, Variant
from archsearch.tasks.task import Window

WIRINGS = {name: EXPERIMENTS[name].wiring for name in ("reber", "reber-6x1", "2c", "6b", "4")}


@pytest.mark.parametrize("name", WIRINGS)
@pytest.mark.parametrize("blocks", [1, 2])
def test_a_network_that_grew_computes_what_it_did_where_the_new_block_says_nothing(
    name: str, blocks: int
) -> None:
    final, rng = WIRINGS[name], np.random.default_rng(0)
    before, after = (with_blocks(EXPERIMENTS[name], count).wiring for count in (blocks, blocks + 1))
    weights = before.draw(rng, 1.0)
    silent = {key: np.zeros_like(weight) for key, weight in after.draw(rng, 1.0).items()}
    inputs = rng.standard_normal((12, 5, final.inputs))
    larger = grown(before, weights, after, silent)
    old, new = (
        wiring.outputs_of(own, wiring.run(own, inputs))
        for wiring, own in ((before, weights), (after, larger))
    )
    assert np.allclose(old, new, atol=1e-12) and not np.allclose(old, old[0])
    assert {key: weight.shape for key, weight in larger.items()} == {
        key: weight.shape for key, weight in silent.items()
    }


def test_the_rest_of_a_network_that_grew_is_drawn_anew() -> None:
    before, after = (with_blocks(EXPERIMENTS["6b"], count).wiring for count in (1, 2))
    rng = np.random.default_rng(1)
    weights, fresh = before.draw(rng, 1.0), after.draw(rng, 1.0)
    larger = grown(before, weights, after, fresh)
    assert sum(weight.size for weight in larger.values()) > sum(weight.size for weight in weights.values())
    new = np.ones(after.hidden, np.bool_)
    new[[0, 2, 4, 5]] = False  # input gate, output gate and cells of the first block
    assert np.array_equal(larger["x"][:, new], fresh["x"][:, new])
    assert np.array_equal(larger["x"][:, ~new], weights["x"])


def test_a_block_is_added_when_the_error_has_stopped_falling_and_none_beyond_the_paper_s() -> None:
    experiment, rng = EXPERIMENTS["6a"], np.random.default_rng(0)
    pupil = MemoryPupil(with_blocks(experiment, 1), rng)
    construction = Construction(experiment, rng)
    blocks = []
    for error in (0.5, 0.4, 0.4 * FALLING - 0.001, 0.4, 0.6, 0.6, 0.6):
        for _ in range(2):
            construction.heard(pupil, np.full(SPAN // 2, error))
        blocks.append(pupil.experiment.wiring.blocks)
    assert blocks == [1, 1, 1, 2, 2, 2, 2]
    assert pupil.experiment == experiment and pupil.weights["bias"][1] == experiment.input_bias[1]


def test_a_run_that_grows_starts_with_one_block_and_says_how_many_it_has_in_the_end() -> None:
    variant = Variant(is_sequential=True)
    run = LagRun("6a", 0, variant=variant)
    assert isinstance(run.pupil, MemoryPupil) and run.pupil.experiment.wiring.blocks == 1
    ended = run.train(6 * SPAN)
    assert (ended.variant, ended.blocks, len(ended.drift_before), len(ended.starts)) == (variant, 2, 1, 1)
    assert len(ended.drift_after) == 2
    again = LagRun("6a", 0, variant=variant).train(6 * SPAN)
    assert replace(again, seconds=0.0) == replace(ended, seconds=0.0)


def test_states_are_averaged_over_the_steps_of_each_sequence() -> None:
    wiring = Wiring(1, 1, blocks=2, is_recurrent=False, gate_bias=True)
    weights = wiring.draw(np.random.default_rng(0), 0.0)
    weights["bias"][:2] = 50.0, -50.0  # the first input gate is open, the other closed
    weights["x"][0, wiring.gates :] = 100.0  # g = 2 where the input is 1
    inputs = np.ones((4, 2, 1))
    scored = np.zeros((4, 2), np.bool_)
    scored[3, 0] = scored[1, 1] = True  # four steps, and two
    window = Window(inputs, np.zeros((4, 2, 1)), scored)
    drift = mean_states(wiring, weights, window)
    assert drift == pytest.approx(((2 + 4 + 6 + 8 + 2 + 4) / 6, 0.0))


def test_input_gates_that_start_nearly_closed_drift_less() -> None:
    runs = [LagRun("6a", 0, variant=Variant(input_bias=(bias,))).train(100) for bias in (0.0, -2.0, -6.0)]
    first = [sum(run.drift_before) for run in runs]
    assert [run.starts for run in runs] == [(0.0, 0.0), (-2.0, -2.0), (-6.0, -6.0)]
    assert first[0] > first[1] > first[2] > 0


@pytest.mark.parametrize(
    ("name", "biases", "message"),
    [
        ("6a", (1.0, 2.0, 3.0), "3 biases of input gates for 2 blocks; give one, or 2"),
        ("2c", (1.0,), "gates have no bias"),
    ],
)
def test_biases_that_do_not_fit_the_network_are_refused(
    name: str, biases: tuple[float, ...], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        LagRun(name, 0, variant=Variant(input_bias=biases))
