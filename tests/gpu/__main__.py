"""`python -m tests.gpu`: runs what only a GPU shows, and writes one JSON file."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.gpu.check import check, missing_packages, parts


def main() -> int:
    """Run all parts; the exit code is 1 where one failed or was too slow, and 2 where none can run."""
    parser = argparse.ArgumentParser(prog="python -m tests.gpu", description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("build/gpu.json"), help="(build/gpu.json)")
    parser.add_argument("--device", default="cuda:0", help="cuda:0, or another one")
    parser.add_argument(
        "--data", type=Path, help="folder of the Penn Treebank's files; without it, no trial of it"
    )
    given = parser.parse_args()
    if missing := missing_packages():
        print(
            f"Error: missing packages: {', '.join(missing)}; `make gpu-wheels` fetches them", file=sys.stderr
        )
        return 2
    given.output.parent.mkdir(parents=True, exist_ok=True)
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for ended in check(given.output, given.device, parts(given.device, Path(folder), given.data)):
            print(f"{ended.name:8} {ended.ended:9} {ended.seconds:6.1f} s  {ended.words[-300:]}", flush=True)
            failed |= ended.ended in ("failed", "too slow")
    print(given.output)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
