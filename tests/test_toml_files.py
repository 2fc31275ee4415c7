"""Files of TOML: what no reader can take, and what is wrong with the rest, in sentences."""

from pathlib import Path

import msgspec
import pytest

from archsearch import toml_files


class Numbers(msgspec.Struct):
    """A file of numbers."""

    whole: list[int] = []
    real: list[float] = []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"whole = [{'9' * 5_000}]", "a number has thousands of digits"),
        (f"real = [{'9' * 5_000}]", "a number has thousands of digits"),
        (f"whole = {'[' * 100_000}", "brackets nested too deeply"),
        (f"whole = {'{a = ' * 100_000}", "brackets nested too deeply"),
        (f"real = [{'9' * 400}]", "Number out of range"),
        ("whole = [", r"."),
        (f"whole = [{'1, ' * 400_000}]", "larger than 1,048,576 bytes"),
        ("whole = ['a']", r"whole\[0\] is a text; it must be a whole number"),
        ("\udcff", "utf-8"),
    ],
)
def test_what_no_reader_of_toml_can_take_is_a_sentence(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "numbers.toml"
    path.write_bytes(content.encode(errors="surrogateescape"))

    with pytest.raises(ValueError, match=message):
        toml_files.read_toml(path, Numbers)
