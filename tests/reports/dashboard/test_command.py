"""The command: what it refuses, and the server that it starts, spoken to byte by byte."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.cli.conftest import call  # noqa: F401
from tests.helpers.commands import Call, Finished
from tests.helpers.sources import ROOT


def test_a_run_that_is_not_there_and_one_that_is_damaged_are_refused_at_once(
    copied: Finished,
    call: Call,  # noqa: F811
) -> None:
    missing = call("dashboard", "nothing")
    assert missing.code == 2 and "no run 'nothing'" in missing.err
    (copied.folder / "run.db").write_bytes(b"no database" * 100)
    damaged = call("dashboard", copied.folder, "--port", 0)
    assert damaged.code == 4 and "run.db" in damaged.err and len(damaged.err.splitlines()) == 1


def test_a_missing_library_is_named_with_what_installs_the_dashboard(
    finished: Finished,
    call: Call,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("archsearch.cli.dashboard.find_spec", lambda name: None if name == "uvicorn" else 1)
    done = call("dashboard", finished.folder)
    assert done.code == 2
    assert "dashboard needs uvicorn, which is not installed: pip install archsearch[dashboard]" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--host", "0.0.0.0", "--token"), "name one address of this machine, not all of them"),
        (("--host", "192.0.2.1"), "others may reach that address; give --token too"),
        (("--host", "192.0.2.1", "--token"), "--host 192.0.2.1 --port 8778: "),
        (("--host", "no such name", "--token"), "--host no such name --port 8778: "),
    ],
)
def test_an_address_that_cannot_be_listened_at_is_refused(
    arguments: tuple[str, ...],
    message: str,
    finished: Finished,
    call: Call,  # noqa: F811
) -> None:
    done = call("dashboard", finished.folder, *arguments)
    assert done.code == 2 and message in done.err and len(done.err.splitlines()) == 1


@pytest.fixture(scope="module")
def server(finished: Finished) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The command in a process of its own, and its port."""
    command = [sys.executable, "-m", "archsearch", "dashboard", str(finished.folder), "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=environment) as process:
        assert process.stderr is not None
        found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/  \(Ctrl-C ends it\)\n", process.stderr.readline())
        assert found is not None
        yield process, int(found[1])
        process.kill()


def answered(port: int, request: bytes) -> bytes:
    """Return the first line of the answer to what is sent as it is."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(request)
        return connection.makefile("rb").readline()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", 200),
        (b"GET / HTTP/1.1\r\nHost: [::1]:%d\r\n\r\n", 200),
        (b"GET / HTTP/1.1\r\nHost: evil.example:%d\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1:80@evil.com\r\nX-Forwarded-Host: 127.0.0.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n", 400),
        (b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n", 400),
        (b"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        (b"GET /static/../app.py HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        (b"DELETE / HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
    ],
)
def test_the_server_answers_this_machine_and_nobody_else(
    server: tuple[subprocess.Popen[str], int], request_: bytes, code: int
) -> None:
    _, port = server
    sent = request_.replace(b"%d", str(port).encode())
    assert answered(port, sent).startswith(f"HTTP/1.1 {code} ".encode())


@pytest.mark.slow
def test_ctrl_c_ends_the_server_in_good_order(server: tuple[subprocess.Popen[str], int]) -> None:
    process, port = server
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 0
    assert process.stderr is not None and "Traceback" not in process.stderr.read()
    with pytest.raises(ConnectionRefusedError):
        answered(port, b"GET / HTTP/1.1\r\n\r\n")
