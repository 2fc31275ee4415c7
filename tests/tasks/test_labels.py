"""Sequences with a label each: three kinds of file, one task."""

from pathlib import Path

import numpy as np
import pytest

from archsearch import tasks
from archsearch.errors import TaskError
from archsearch.tasks import labelled
from archsearch.tasks.first_windows import check_first_windows
from archsearch.tasks.task import Window
from tests.tasks.samples import take

RNG = np.random.default_rng(5)
LENGTHS = RNG.integers(4, 9, size=60)
SEQUENCES = [RNG.standard_normal((length, 2)) * 3 + 1 for length in LENGTHS]
LABELS = ["up" if number % 3 else "down" for number in range(60)]


def as_ts(sequences: list[np.ndarray] = SEQUENCES, labels: list[str] = LABELS) -> str:
    rows = [
        ":".join(",".join(map(repr, channel.tolist())) for channel in sequence.T) + f":{label}"
        for sequence, label in zip(sequences, labels, strict=True)
    ]
    return "\n".join(("# made here", "@problemName some", "@classLabel true down up", "@data", *rows)) + "\n"


def as_steps() -> str:
    """Return a table of steps, those of all sequences in turn, as a logger writes them."""
    rows = [
        f"{step},{number},{SEQUENCES[number][step, 0]!r},{LABELS[number]},{SEQUENCES[number][step, 1]!r}"
        for step in range(max(LENGTHS))
        for number in range(60)
        if step < LENGTHS[number]
    ]
    return "\n".join(("when,id,a,label,b", *rows)).replace("np.float64(", "").replace(")", "") + "\n"


def loaded(tmp_path: Path, name: str, content: str, options: str = "") -> tasks.Task:
    path = tmp_path / name
    path.write_text(content)
    return tasks.load(f"labels:{path}{options}")


def archived(tmp_path: Path, **arrays: np.ndarray) -> tasks.Task:
    np.savez(tmp_path / "some.npz", **arrays)
    return tasks.load(f"labels:{tmp_path}/some.npz")


def padded() -> np.ndarray:
    wide = np.zeros((60, max(LENGTHS), 2))
    for number, sequence in enumerate(SEQUENCES):
        wide[number, : len(sequence)] = sequence
    return wide


def answers(windows: list[Window]) -> list[tuple[tuple[float, ...], int]]:
    """Return each scored sequence, its first channel rounded, with its class."""
    found = []
    for window in windows:
        for stream in np.flatnonzero(window.scored.any(axis=0)):
            (end,) = np.flatnonzero(window.scored[:, stream])
            found.append(
                (tuple(window.inputs[: end + 1, stream, 0].round(6)), int(window.targets[end, stream]))
            )
    return sorted(found)


def test_a_ts_file_an_archive_and_a_table_of_steps_hold_the_same_sequences(tmp_path: Path) -> None:
    read = [
        loaded(tmp_path, "some.ts", as_ts()),
        archived(tmp_path, X=padded(), y=np.array(LABELS), lengths=LENGTHS),
        loaded(tmp_path, "steps.csv", as_steps(), "?key=id&time=when"),
    ]
    for task in read:
        check_first_windows(task)
        assert (task.symbols, task.measure, task.is_real, task.ceiling) == (2, "accuracy", True, 1)
        everything = [
            tuple(sequence[:, 0])
            for sequence in task.sequences  # type: ignore[attr-defined]
        ]
        steps = np.concatenate(everything)
        assert abs(steps.mean()) < 0.2 and 0.8 < steps.std() < 1.2
        order = [np.argsort(sequence).tolist() for sequence in everything]
        assert order == [np.argsort(sequence[:, 0]).tolist() for sequence in SEQUENCES]
    assert len({task.checksum for task in read}) == 3


def test_a_row_of_a_table_is_a_sequence_where_there_are_no_keys(tmp_path: Path) -> None:
    rows = "".join(f"{label},1.5,{number},{number % 7}\n" for number, label in enumerate(LABELS))
    task = loaded(tmp_path, "rows.csv", rows, "?target=1")
    window = take(task, 1, batch=3)[0]
    assert window.inputs.shape == (3, 3, 1) and window.scored[2].all() and not window.scored[:2].any()


def test_each_class_is_split_alike_and_no_sequence_is_in_two_parts(tmp_path: Path) -> None:
    task = loaded(tmp_path, "some.ts", as_ts())
    valid, test = (answers(take(task, 100, batch=5, split=split)) for split in ("valid", "test"))
    trained = answers(take(task, 12, batch=3))
    assert [len(part) for part in (trained, valid, test)] == [36, 12, 12]
    assert [sum(label for _, label in part) for part in (trained, valid, test)] == [24, 8, 8]
    assert len({inputs for part in (trained, valid, test) for inputs, _ in part}) == 60
    assert task.floor == pytest.approx(2 / 3) and task.spread == pytest.approx((5 / 36) ** 0.5)


def test_training_goes_on_in_another_order_and_a_pass_ends_with_streams_that_count_nowhere(
    tmp_path: Path,
) -> None:
    task = loaded(tmp_path, "some.ts", as_ts())
    first, second = take(task, 24, batch=3)[:12], take(task, 24, batch=3)[12:]
    assert answers(first) == answers(second)
    assert [answers([window]) for window in first] != [answers([window]) for window in second]
    windows = take(task, 100, batch=5, split="valid")
    assert [int(window.scored.sum()) for window in windows] == [5, 5, 2]
    assert all(window.scored.shape[1] == 5 for window in windows)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.ts", "@data\n1,2,?:up\n", r"a.ts:2: step 3 of channel 1 is '\?'; a sequence has no gaps"),
        ("a.ts", "@data\n1,nan:up\n", "a.ts:2: step 2 of channel 1 is 'nan'"),
        ("a.ts", "@data\n1,2:1,2:up\n1,2:up\n", "a.ts:3: 1 channels before the label, and the first has 2"),
        ("a.ts", "@data\n1,2:1:up\n", "a.ts:2: channels of 1 to 2 steps"),
        ("a.ts", "1,2:up\n", "has no line @data"),
        ("a.ts", "@timeStamps true\n@data\n", "a.ts:1: '@timeStamps true': sequences without times"),
        (
            "a.ts",
            "@data\n" + "1,2:up\n3,1:down\n" * 4,
            "has 4 sequences of label 'down'; each needs at least 5",
        ),
        ("a.ts", "@data\n" + "1,2:up\n" * 9, "has 1 different labels; 2 to 1,000 are needed"),
        ("a.ts", "@data\n" + "1,1:up\n1,1:down\n" * 9, "channel 1 is the same number throughout"),
        ("a.ts", "@data\n" + f"{'1,' * 5_000}2:up\n1,2:down\n" * 9, "has a sequence of 5,001 numbers"),
        ("a.csv", "a,b\n1,2\n", "has no column 'label'; there are a, b"),
        (
            "a.csv?key=id",
            "id,a,label\n1,2,x\n1,3,y\n",
            "a.csv:3: label is 'y', and 'x' on line 2 of the same sequence, id '1'",
        ),
        ("a.csv?key=id&time=t", "id,t,a,label\n1,2,2,x\n1,1,3,x\n", "a.csv:3: t is 1 after 2 on line 2"),
        ("a.csv?time=t", "t,a,label\n1,2,x\n", "time= is for tables whose rows are steps"),
        ("a.ts?target=a", "@data\n1:up\n", "target= is for tables"),
        ("a.csv?horizon=2", "a,label\n1,x\n", "a labels task has no option 'horizon'"),
        ("a.npz", "PK", "is no archive of plain arrays, or was cut"),
    ],
)
def test_files_that_hold_no_labelled_sequences_are_refused(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    file, mark, options = name.partition("?")
    with pytest.raises(TaskError, match=message):
        loaded(tmp_path, file, content, mark + options)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": None}, "needs arrays X, shape"),
        ({"y": np.array(LABELS, dtype=object)}, "is no archive of plain arrays, or was cut"),
        ({"y": np.zeros(59, int)}, r"X has shape \(60, 8, 2\) of float64, y \(59,\)"),
        ({"y": np.zeros(60)}, "y .* of float64"),
        ({"X": np.array(["a"] * 60)}, "X has shape"),
        (
            {"X": np.where(np.arange(960).reshape(60, 8, 2) == 19, np.nan, 1.0)},
            r"X\[1, 1, 1\] is nan; fill gaps",
        ),
        ({"lengths": LENGTHS * 2}, "lengths go from 8 to 16; X has 8 steps"),
    ],
)
def test_arrays_that_are_no_labelled_sequences_are_refused_and_nothing_is_unpickled(
    tmp_path: Path, change: dict[str, np.ndarray | None], message: str
) -> None:
    arrays = {"X": padded(), "y": np.array(LABELS), "lengths": LENGTHS * 0 + 8} | change
    with pytest.raises(TaskError, match=message):
        archived(tmp_path, **{name: array for name, array in arrays.items() if array is not None})


def test_an_archive_that_says_it_is_huge_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labelled, "LARGEST_ARCHIVE", 100_000)
    np.savez_compressed(tmp_path / "some.npz", X=np.zeros((20_000, 1)), y=np.zeros(1))
    assert (tmp_path / "some.npz").stat().st_size < 10_000
    with pytest.raises(
        TaskError, match="its arrays say that they have 160,[0-9]+ bytes, at most 100,000 are read"
    ):
        tasks.load(f"labels:{tmp_path}/some.npz")
