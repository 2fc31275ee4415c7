"""A measurement says what it was made on, so that two of one name are told apart."""

from pathlib import Path

import pytest

from archsearch.bench import machine


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("model name\t: AMD EPYC\ncpu family\t: 25\nmodel\t\t: 17\n", "AMD EPYC (family 25, model 17)"),
        (
            "cpu family\t: 6\nmodel name\t: Intel(R) Xeon(R) Platinum 8481C\n",
            "Intel(R) Xeon(R) Platinum 8481C",
        ),
    ],
)
def test_a_processor_whose_name_has_no_number_is_named_with_its_family(
    lines: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text(lines, encoding="utf-8")
    monkeypatch.setattr(machine, "CPUINFO", file)
    assert machine.machine()["processor"] == said
