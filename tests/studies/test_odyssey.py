"""The study of LSTM variants: trials are kept, the best are compared, and the edges of ranges are noticed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from archsearch.cell import library
from archsearch.errors import InputError
from archsearch.studies import odyssey
from archsearch.studies.odyssey import (
    PUBLISHED,
    best_trials,
    edges_of,
    search_trials,
    variant_rows,
    welch,
)
from archsearch.studies.odyssey_figure import variants_picture
from archsearch.studies.random_search.material import Material
from archsearch.studies.random_search.ranges import RandomSetting, drawn_setting
from archsearch.studies.random_search.training import Effort, SearchTrial, TrialJob

SETTING = RandomSetting(60, rate=1e-4, momentum=0.9, noise=0.5)
CELLS = {name: library.load(name) for name in ("vanilla", "np", "fgr")}
SILENCE = Material("jsb_chorales", "notes", inputs=88, outputs=88, parts={}, checksum="checksum")
EFFORT = Effort(3, 1)


def ended(
    number: int, test: float | None = 9.0, cell: str = "vanilla", setting: RandomSetting = SETTING
) -> SearchTrial:
    return SearchTrial(
        cell=library.load(cell).id,
        seed=0,
        number=number,
        setting=setting,
        parameters=100,
        epochs=3,
        best=3,
        valid=test,
        test=test,
        diverged=test is None,
        seconds=1.0,
        data="checksum",
    )


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Which trials were trained, by cell and number; each ends at once."""
    done: list[tuple[str, int]] = []

    def train(jobs: Sequence[TrialJob], material: Material, workers: int) -> Iterator[SearchTrial]:
        for job in jobs:
            cell = odyssey.Cell.parse(job.cell)
            done.append((cell.name, job.number))
            if len(done) == 5:
                raise KeyboardInterrupt
            yield replace(ended(job.number, setting=drawn_setting(0, job.number)), cell=cell.id)

    monkeypatch.setattr(odyssey, "trained", train)
    return done


def search(folder: Path, numbers: range, effort: Effort = EFFORT) -> dict[str, list[SearchTrial]]:
    return search_trials(CELLS, numbers, folder, material=SILENCE, effort=effort)


def test_every_cell_has_the_same_settings_in_the_same_order(
    trained: list[tuple[str, int]], tmp_path: Path
) -> None:
    found = search(tmp_path, range(1))
    assert found["vanilla"][0].setting == found["np"][0].setting == found["fgr"][0].setting
    assert trained == [("vanilla", 0), ("np", 0), ("fgr", 0)]


def test_the_papers_outcome_is_that_on_the_set_that_was_learned() -> None:
    trials = {name: [ended(0), ended(1)] for name in CELLS}
    assert [row.paper for row in variant_rows(CELLS, trials, "iam_ondb")] == [
        "",
        "slightly better",
        "no change",
    ]
    assert [row.paper for row in variant_rows(CELLS, trials, "nottingham")] == ["", "", ""]


def test_an_interrupted_study_goes_on_where_it_was(trained: list[tuple[str, int]], tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path, range(3))
    found = search(tmp_path, range(3))
    assert trained[4] == trained[5] == ("np", 1) and len(trained) == 10
    assert [trial.number for trial in found["fgr"]] == [0, 1, 2]


def test_trials_of_other_data_or_another_effort_do_not_count(
    trained: list[tuple[str, int]], tmp_path: Path
) -> None:
    search(tmp_path, range(1))
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path, range(1), Effort(3, 1, "sum"))
    search_trials(
        CELLS, range(1), tmp_path, material=dataclasses.replace(SILENCE, checksum="another"), effort=EFFORT
    )
    assert len(trained) == 8


def test_a_file_that_is_no_study_s_is_named(tmp_path: Path) -> None:
    (tmp_path / f"jsb_chorales-{CELLS['np'].id}-3-1-mean.jsonl").write_text("notes\n")
    with pytest.raises(InputError, match="no run of this study"):
        search(tmp_path, range(1))


def test_the_best_tenth_is_chosen_by_validation_and_has_at_least_two() -> None:
    trials = [replace(ended(number, 10.0 - number), valid=5.0 + number) for number in range(40)]
    assert [trial.number for trial in best_trials(trials)] == [0, 1, 2, 3]
    assert len(best_trials(trials[:5])) == 2 and len(best_trials(trials * 5)) == 20
    assert best_trials([ended(0, None), ended(1)]) == [ended(1)]


def test_welchs_test_is_corrected_for_the_number_of_comparisons() -> None:
    a, b = [1.0, 2.0, 3.0, 4.0, 5.0], [2.0, 4.0, 6.0, 8.0, 10.0]
    variance = 2.5 / 5 + 10 / 5
    assert (3 - 6) / variance**0.5 == pytest.approx(-1.8974, abs=1e-4)  # with 5.882 degrees of freedom
    assert welch(a, b, 1) == pytest.approx(0.10753, abs=1e-4)
    assert welch(a, b, 8) == pytest.approx(8 * 0.10753, abs=1e-3) and welch(a, b, 80) == 1
    assert welch(a, [1.0], 1) is None and welch([1.0, 1.0], [1.0, 1.0], 1) is None


def test_a_row_says_what_changed_beside_the_paper_s() -> None:
    trials = {
        name: [ended(i, at + 0.01 * i, name) for i in range(30)]
        for name, at in (("vanilla", 9.0), ("np", 9.0), ("fgr", 12.0))
    }
    trials["np"][0] = ended(0, None, "np")
    vanilla, no_peepholes, recurrent = variant_rows(CELLS, trials, "jsb_chorales")
    assert (vanilla.p, vanilla.change, vanilla.paper) == (None, "", "")
    assert (no_peepholes.change, no_peepholes.paper, no_peepholes.diverged) == ("no change", "no change", 1)
    assert (recurrent.change, recurrent.paper) == ("worse", "no change") and recurrent.p is not None
    assert recurrent.p < 0.05 and recurrent.top == 3 and recurrent.tested == 30
    trials["np"][1] = replace(trials["np"][1], epochs=9)
    assert [row.unfinished for row in variant_rows(CELLS, trials, "jsb_chorales")] == [3, 2, 3]


def test_the_paper_made_5400_trials_which_took_15_years() -> None:
    runs = len(PUBLISHED) * 3 * 200
    assert runs == 5_400 and runs * 24.3 / 24 / 365 == pytest.approx(15.0, abs=0.05)


def test_best_settings_at_an_end_of_their_range_are_noticed_but_not_at_a_natural_end() -> None:
    edge = RandomSetting(60, rate=9.9e-3, momentum=0.0, noise=0.0)
    assert edges_of([ended(0, setting=edge), ended(1, setting=edge)]) == {"rate": "high"}
    assert edges_of([ended(0)]) == {} == edges_of([])


def test_the_picture_has_a_box_for_each_cell_of_all_trials_and_of_the_best() -> None:
    trials = {"vanilla": [ended(i, 9.0 + i) for i in range(20)], "np": [ended(0, None)]}
    left, right, behind = variants_picture(trials, "NLL").axes
    assert [label.get_text() for label in left.get_xticklabels()] == ["vanilla", "np"]
    assert [bar.get_height() for bar in behind.patches] == [100.0, 0.0]
    assert right.get_title().startswith("best")
