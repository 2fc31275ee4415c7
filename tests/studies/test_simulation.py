"""A run as a file of candidates, and searches that the file answers instead of training."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import msgspec
import pytest

from archsearch.cell import Cell, library
from archsearch.cell.likeness import distance, labels_of
from archsearch.cli.main import run_command
from archsearch.errors import InputError
from archsearch.mutations import mutate
from archsearch.protocol import candidates
from archsearch.protocol.candidates import CandidatesFile, read_candidates
from archsearch.protocol.evaluation import count_trials
from archsearch.protocol.recorded import RecordedTrials
from archsearch.store import RunStore, make_run, read_leaderboard
from archsearch.studies.simulation import likeness_agreement, search_simulated, simulated_plan
from archsearch.studies.strategies import StudyOptions, run_all
from tests.helpers.in_process import search_on
from tests.helpers.plans import preset, run_plan, task_plan
from tests.helpers.searches import board


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in the simulated world of the tests, as if it had been trained."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    make_run(folder, run_plan(preset({"xml": task_plan(k=2, G=6)}, look_ahead=3, noise_draws=1)))
    search_on(folder, 12)
    return folder


@pytest.fixture(scope="module")
def exported(run: Path) -> Path:
    path = run.parent / "candidates.jsonl"
    assert run_command(["runs", "export", str(run), "-o", str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def file(exported: Path) -> CandidatesFile:
    return read_candidates(exported)


def test_every_cell_is_there_with_its_trials_and_without_test_scores(run: Path, exported: Path) -> None:
    header, *lines = [json.loads(line) for line in exported.read_text().splitlines()]
    assert (header["format"], header["run"], header["plan"]["seed"]) == ("archsearch candidates", "run", 0)
    assert "test" not in "".join(key for line in lines for trial in line["trials"] for key in trial)
    with RunStore.open(run) as store:
        rows = read_leaderboard(store, "run").rows
        assert sum(len(line["trials"]) for line in lines) == store.trials.count()
    by_id = {line["id"]: line for line in lines}
    assert all(by_id[row.id]["fitness"] == row.fitness for row in rows if row.rank)
    assert all(Cell.parse(line["text"]).id == line["id"] for line in lines)
    trial = max(by_id[library.load("gru").id]["trials"], key=lambda trial: trial["asked"])
    assert set(trial["setting"]) == {"optimiser", "rate", "clip", "scale", "layers", "budget", "dropout"}
    assert len(trial["curve"]) == 2 and trial["asked"] == 20


def test_the_file_answers_every_trial_that_it_has_as_it_was(run: Path, file: CandidatesFile) -> None:
    answer = RecordedTrials(file)
    with RunStore.open(run) as store:
        for trial, outcome in store.trials.ended():
            told = answer(trial, store.cells.read(trial.cell))
            assert (told.status, told.score) == (outcome.status, outcome.score)


def test_the_same_search_on_the_file_finds_the_same_cells(
    run: Path, file: CandidatesFile, tmp_path: Path
) -> None:
    with RunStore.open(run) as store:
        told = [(step, verdict) for step, verdict in store.steps.read() if verdict]
    steps = [(step.cell, verdict.fate) for step, verdict in told]
    trials = sum(count_trials(step, verdict.reached) for step, verdict in told)
    plan = simulated_plan(file, "jozefowicz", 0)
    search_simulated(tmp_path / "again", plan, RecordedTrials(file), trials)
    with RunStore.open(tmp_path / "again") as store:
        again = [(step.cell, verdict.fate) for step, verdict in store.steps.read() if verdict]
        assert store.facts.plan.engine == "simulated 1"
    assert len(again) >= len(steps) and again[: len(steps)] == steps


def test_strategies_are_compared_on_a_file_without_workers(
    file: CandidatesFile, exported: Path, tmp_path: Path
) -> None:
    options = StudyOptions(
        tmp_path / "study", ("random", "regularized"), 1, 14, "quick", None, None, (), RecordedTrials(file)
    )
    runs = run_all(options, lambda words: None)
    assert [run.folder.name for run in runs] == ["random-0", "regularized-0"]
    assert all(5 < run.course.trials[-1] <= 14 and run.course.final for run in runs)
    before = board(runs[0].folder)
    assert run_all(options, lambda words: None) == runs and board(runs[0].folder) == before
    with pytest.raises(InputError, match="is another run, of engine simulated 1"):
        other = exported.with_name("other.jsonl")
        other.write_bytes(exported.read_bytes() + b"\n")
        run_all(replace(options, simulated=RecordedTrials(read_candidates(other))), lambda words: None)


def test_a_cell_that_the_file_does_not_have_gets_what_the_one_most_like_it_has(file: CandidatesFile) -> None:
    answer, plan = RecordedTrials(file), file.header.plan
    mgu = library.load("mgu")
    task, setting = plan.tasks[0], plan.settings["xml"][0]
    near = answer.nearest(mgu, task.full_name)
    told = answer(plan.trial(mgu.id, "xml", setting), mgu)
    assert told.score == answer(plan.trial(near, "xml", setting), file.cells[near]).score
    assert near in file.cells and near != mgu.id


def test_under_a_setting_that_it_was_not_tried_on_a_cell_keeps_its_ratio_to_the_gru(
    file: CandidatesFile,
) -> None:
    answer, plan = RecordedTrials(file), file.header.plan
    cell = next(line for line in file.lines if line.ratios and not line.reference and len(line.trials) < 6)
    setting = next(s for s in plan.settings["xml"] if s not in {t.read_setting() for t in cell.trials})
    told = plan.skill("xml", answer(plan.trial(cell.id, "xml", setting), file.cells[cell.id]).score)
    gru = plan.skill("xml", answer(plan.trial(answer.gru, "xml", setting), library.load("gru")).score)
    assert told is not None and gru is not None and 0.5 < told / gru / cell.ratios["xml"] < 2


PAIRS = (("lstm", "vanilla"), ("mut2", "mut3"), ("enas", "darts_v2"))
"""Published cells of which each is most like the other of its pair."""


def paired(file: CandidatesFile, *fitnesses: tuple[float, float]) -> RecordedTrials:
    """Return a file whose found cells are the first of these pairs, with these fitnesses."""
    gru = next(line for line in file.lines if line.reference == "gru")
    found = {
        library.load(name): fitness
        for pair, two in zip(PAIRS, fitnesses, strict=False)
        for name, fitness in zip(pair, two, strict=True)
    }
    lines = [
        msgspec.structs.replace(gru, id=cell.id, text=cell.text(), reference="", fitness=fitness)
        for cell, fitness in found.items()
    ]
    return RecordedTrials(
        replace(file, lines=(gru, *lines), cells={gru.id: file.cells[gru.id], **{c.id: c for c in found}})
    )


def test_how_well_likeness_tells_fitness_is_the_rank_correlation_of_cells_and_the_ones_most_like_them(
    file: CandidatesFile,
) -> None:
    alike = paired(file, (0.5, 0.6), (0.7, 0.8), (0.9, 1.0))
    assert likeness_agreement(alike) == (6, pytest.approx(1 - 6 * 6 / (6 * 35)))
    unlike = paired(file, (0.5, 1.0), (0.6, 0.9), (0.7, 0.8))
    assert likeness_agreement(unlike) == (6, pytest.approx(-1))
    assert likeness_agreement(paired(file, (0.5, 0.6))) == (2, None), "too few"
    assert likeness_agreement(paired(file, (0.5, 0.5), (0.5, 0.5))) == (4, None), "all equal"


def test_the_command_reads_the_file_once_and_says_how_far_likeness_goes(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Path] = []
    monkeypatch.setattr(
        candidates, "read_candidates", lambda path: reads.append(path) or read_candidates(path)
    )
    words = ["--strategies", "random", "--seeds", "1", "--trials", "14", "--folder", str(tmp_path / "study")]
    command = ["study", "strategies", "--simulated", str(exported), *words]
    assert run_command([*command, "--json"]) == 0
    cells, spearman = likeness_agreement(RecordedTrials(read_candidates(exported)))
    assert json.loads(capsys.readouterr().out)["likeness"] == {"cells": cells, "spearman": spearman}
    assert reads == [exported]
    assert run_command(command) == 0
    assert f"for the {cells} found cells of the file" in " ".join(capsys.readouterr().err.split())


def test_a_cell_is_nearer_to_its_children_than_to_others() -> None:
    gru = library.load("gru")
    labels = {
        name: labels_of(library.load(name))
        for name in ("gru", "lstm", "nas_zoph", "vanilla")
        if name in library.names()
    }
    for seed in range(5):
        child = labels_of(mutate(gru, seed=seed)[0])
        distances = {name: distance(child, other) for name, other in labels.items()}
        assert min(distances, key=distances.__getitem__) == "gru" and 0 < distances["gru"] < 1
    assert distance(labels["gru"], labels["gru"]) == 0


def test_cells_that_differ_in_who_shares_a_matrix_are_near_and_apart() -> None:
    text = "cell k(x, h):\n    a = linear(h)\n    h' = tanh(a + linear(x) + linear(x * h{}))\n"
    labels = [labels_of(Cell.parse(text.format(like))) for like in ("", ", like=a", ", like=a'")]
    assert all(0 < distance(one, other) < 1 for one, other in combinations(labels, 2))


# -- what is refused ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: "nonsense\n" + text, ":1: "),
        (lambda text: text.replace('"version":1', '"version":99', 1), "of version 99; this reads"),
        (lambda text: text + '{"id": "c1"}\n', "required field"),
        (lambda text: text.replace("sigmoid", "sigmood"), "unknown op"),
        (lambda text: text.replace("sigmoid(", "tanh("), "is another cell than"),
        (lambda text: text.replace('"adamw"', '"adam"'), "[Ii]nvalid"),
        (lambda text: "[" * 100_000, ":1: "),
    ],
)
def test_another_file_is_refused_with_the_line(change, words: str, exported: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text(change(exported.read_text()))
    with pytest.raises(InputError, match=words):
        read_candidates(tmp_path / "bad.jsonl")


def test_the_command_refuses_what_it_cannot_write(
    run: Path, exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(path: Path) -> str:
        assert run_command(["runs", "export", str(run), "-o", str(path)]) == 2
        return capsys.readouterr().err

    assert "--force replaces it" in said(exported)
    assert "ends in .jsonl" in said(run / "candidates.csv")
    assert "make it first" in said(run / "none" / "candidates.jsonl")
    if importlib.util.find_spec("pyarrow") is None:
        assert "pip install archsearch[data], or give candidates.jsonl" in said(run / "candidates.parquet")


def test_parquet_has_a_row_for_each_trial(run: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    assert run_command(["runs", "export", str(run), "-o", str(tmp_path / "c.parquet")]) == 0
    table = parquet.read_table(tmp_path / "c.parquet")
    with RunStore.open(run) as store:
        assert table.num_rows == store.trials.count()
    assert {"id", "text", "score", "setting.rate", "curve"} <= set(table.column_names)


def test_a_run_that_has_trained_nothing_yet_is_exported_and_answers_nothing(tmp_path: Path) -> None:
    make_run(tmp_path / "run", run_plan(preset({"xml": task_plan(k=2, G=6)})))
    path = tmp_path / "candidates.jsonl"
    assert run_command(["runs", "export", str(tmp_path / "run"), "-o", str(path)]) == 0
    file = read_candidates(path)
    assert {line.reference for line in file.lines} >= {"gru", "lstm"}
    with pytest.raises(InputError, match="no trial of the GRU on xml: export the run once its references"):
        RecordedTrials(file)


def test_of_a_large_file_some_cells_tell_how_far_likeness_goes(
    file: CandidatesFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    every, _ = likeness_agreement(RecordedTrials(file))
    monkeypatch.setattr("archsearch.studies.simulation.MOST", every // 2)
    some, _ = likeness_agreement(RecordedTrials(file))
    assert 0 < some <= every // 2 + 1 < every
