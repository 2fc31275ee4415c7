"""A program behind a pipe: lines to it, lines from it, and one sentence for whatever goes wrong with it."""

from __future__ import annotations

import contextlib
import os
import queue
import shlex
import shutil
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable
from typing import IO

from archsearch.errors import ArchsearchError, InputError
from archsearch.words import plain

MOST_BYTES = 2**20
"""Of a line from the program: more than the largest cell takes as JSON."""

AHEAD = 16
"""Lines that are read before anybody asks for them."""

SHOWN = 80
"""Characters of what the program has said that people are shown."""

GRACE = 2.0
"""Seconds that the program has to end by itself once its input is closed."""

TOO_LONG = b"\n\n"
"""Stands for a line that was too long; no line is that."""


class ProgramError(ArchsearchError):
    """The program outside that a search asks does not do its part; all that ended is stored."""


def command_words(command: str) -> list[str]:
    """Return the words of a command, the first a program that is there.

    Raises:
        InputError: It is none.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise InputError(f"--ask {command!r}: {error}") from None
    if not words:
        raise InputError("--ask: no command; give one such as --ask 'python mine.py'")
    if shutil.which(words[0]) is None:
        raise InputError(f"--ask {command!r}: {words[0]}: No such file, or it may not be run")
    return words


class ProgramPipe:
    """A program that was started, with threads that read and write, so that nobody waits for it who does not want to.

    It runs with the rights of whoever started it, in a process group of its own, and has nothing of the driver's open. Lines
    to it wait without bound: they are what it is told of the run.

    Args:
        command: The command, in the words of a shell; no shell is started.

    Attributes:
        command: The same.
        process: The process.
        lines: What it said that nobody has read; None is its end.
        to_say: What it was not told yet; None is the end.
        complaints: The last lines of its standard error.
        listener: The thread that reads these.
    """

    def __init__(self, command: str) -> None:
        self.command = command
        self.process = self._started(command)
        self.lines: queue.Queue[bytes | None] = queue.Queue(AHEAD)
        self.to_say: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.complaints: deque[str] = deque(maxlen=3)
        assert self.process.stdin and self.process.stdout and self.process.stderr
        self._follow(self._read, self.process.stdout)
        self._follow(self._write, self.process.stdin)
        self.listener = self._follow(self._listen, self.process.stderr)

    def _started(self, command: str) -> subprocess.Popen[bytes]:
        words = command_words(command)
        try:
            return subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"--ask {command!r}: {words[0]}: {reason}") from None

    @staticmethod
    def _follow(act: Callable[[IO[bytes]], None], stream: IO[bytes]) -> threading.Thread:
        thread = threading.Thread(target=act, args=(stream,), daemon=True)
        thread.start()
        return thread

    def _read(self, stream: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError):
            while line := stream.readline(MOST_BYTES + 1):
                self.lines.put(line if len(line) <= MOST_BYTES else TOO_LONG)
                if len(line) > MOST_BYTES:
                    break
        self.lines.put(None)

    def _write(self, stream: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError):
            while (line := self.to_say.get()) is not None:
                stream.write(line)
                stream.flush()
        with contextlib.suppress(OSError, ValueError):
            stream.close()

    def _listen(self, stream: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError):
            while line := stream.readline(MOST_BYTES):
                if words := line.decode("utf-8", "replace").strip():
                    self.complaints.append(words)

    def say(self, line: bytes) -> None:
        """Tell it a line; it is written when it reads."""
        self.to_say.put(line + b"\n")

    def hear(self, seconds: float) -> bytes | None:
        """Return the next line that it has said; None if it says nothing for so many seconds.

        Raises:
            ProgramError: It has ended, or says what is no line.
        """
        try:
            line = self.lines.get(timeout=seconds) if seconds > 0 else self.lines.get_nowait()
        except queue.Empty:
            return None
        if line is None:
            raise self.error(self._ending())
        if line == TOO_LONG:
            raise self.error(f"it said a line of more than {MOST_BYTES:,} bytes")
        return line

    def _ending(self) -> str:
        try:
            code = self.process.wait(timeout=GRACE)
        except subprocess.TimeoutExpired:
            return "it has closed its output"
        self.listener.join(GRACE)  # what it said last may still be on its way
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        last = self.complaints[-1][:SHOWN] if self.complaints else ""
        return f"it has ended ({how})" + (f", and said last: {last}" if last else "")

    def error(self, problem: str) -> ProgramError:
        """Return what to say of something that it has done."""
        return ProgramError(
            plain(
                f"the program {self.command!r}: {problem}; all that ended is stored, and the same command goes on"
            )
        )

    def close(self) -> None:
        """Close its input, and end it and what it has started if it does not end by itself."""
        self.to_say.put(None)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=GRACE)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError, ValueError):
                    stream.close()
