"""Asks a program outside for cells, a line of JSON each way, and never holds up a search that waits for it."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

import msgspec

from archsearch.actions.program_pipe import SHOWN, ProgramPipe, command_words
from archsearch.actions.story import Story, answer_line, question_line
from archsearch.errors import InputError
from archsearch.protocol.seeds import seed_of
from archsearch.search.external import NAME
from archsearch.search.program import Reception, Thinking
from archsearch.store import RunStore

PATIENCE = 600.0
"""Seconds that the program has for an answer, where nothing else is said."""

LOOK = 0.05
"""Seconds that one look for an answer waits: most programs need no longer."""


class _Reply(msgspec.Struct):
    cell: str | None
    step: int | None = None


class AskedProgram:
    """A program that is asked; it is started with the first question, and ends with the session.

    Args:
        command: The command that starts it.
        store: The run's database.
        patience: Seconds that it has for an answer.

    Attributes:
        command, patience: The same.
        story: What it is told.
        pipe: To the program, once it is started.
        step: The step that is asked for.
        asked: The step that the program was told when it was asked last.
        answers: What it has answered for that.
        received: How many of these it knows what became of.
        deadline: When the open question has waited too long, on the monotonic clock; None if none is open.
    """

    def __init__(self, command: str, store: RunStore, patience: float = PATIENCE) -> None:
        self.command, self.patience = command, patience
        self.story = Story(store)
        self.pipe: ProgramPipe | None = None
        self.step, self.asked, self.received = -1, -1, 0
        self.answers: list[str | None] = []
        self.deadline: float | None = None

    def __enter__(self) -> AskedProgram:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.pipe is not None:
            self.pipe.close()

    def proposal(self, step: int, seen: int, draw: int) -> str | None:
        """Return what the program has answered; see `search.program.OutsideProgram`.

        Args:
            step: The step's number.
            seen: How many steps it sees.
            draw: How many answers for it came before.

        Raises:
            Thinking: It has not answered yet.
            ProgramError: It has ended, takes too long, or says what is no answer.
        """
        if (
            step != self.step
        ):  # a question that is open still, because the inbox had a cell for its step, is for this one
            self.step, self.answers, self.received = step, [], 0
        if draw < len(self.answers):
            return self.answers[draw]
        pipe = self.pipe or self._started(seen)
        if self.deadline is None:
            self._ask(pipe, seen, draw)
        line = pipe.hear(LOOK)
        if line is None:
            self._check_patience(pipe)
            raise Thinking
        self.deadline = None
        self.answers.append(self._read(pipe, line))
        return self.answers[-1]

    def receive(self, step: int, draw: int, reception: Reception) -> None:
        """Tell it what became of an answer.

        Args:
            step: The step's number.
            draw: Which of the answers for it.
            reception: What became of it.
        """
        if self.pipe is not None and draw == self.received:
            self.received += 1
            _say(self.pipe, answer_line(step, *reception))

    def _started(self, seen: int) -> ProgramPipe:
        self.pipe = ProgramPipe(self.command)
        for line in (*self.story.beginning(), *self.story.until(seen), *self.story.pending(seen)):
            _say(self.pipe, line)
        return self.pipe

    def _ask(self, pipe: ProgramPipe, seen: int, draw: int) -> None:
        if (line := pipe.hear(0)) is not None:
            raise pipe.error(f"it said something that it was not asked: {_shown(line)}")
        for told in self.story.until(seen):
            _say(pipe, told)
        self.asked = self.step
        _say(pipe, question_line(self.step, draw, seed_of(self.story.plan.seed, "program", self.step, draw)))
        self.deadline = time.monotonic() + self.patience

    def _check_patience(self, pipe: ProgramPipe) -> None:
        if self.deadline is not None and time.monotonic() >= self.deadline:
            raise pipe.error(f"no answer for step {self.asked} within {self.patience:g} s")

    def _read(self, pipe: ProgramPipe, line: bytes) -> str | None:
        """Return the cell of an answer."""
        try:
            reply = msgspec.json.decode(line, type=_Reply)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            wanted = 'an answer is a line such as {"cell": "cell mine(x, h): ..."}'
            raise pipe.error(f"{_shown(line)} is no answer ({error}); {wanted}") from None
        if reply.step not in (None, self.asked):
            raise pipe.error(f"it answered for step {reply.step}, and was asked for step {self.asked}")
        return reply.cell


def check_program(command: str | None, strategy: str) -> None:
    """Refuse a search that has no program to ask, or one that nobody asks.

    Raises:
        InputError: Says which of the two; or the command is none.
    """
    if strategy == NAME and command is None:
        raise InputError(
            f"the strategy {NAME} asks a program, which a run does not keep: give it with --ask 'python mine.py'"
        )
    if command is not None and strategy != NAME:
        raise InputError(
            f"--ask is for the strategy {NAME}, and this one is {strategy}: add --strategy {NAME}"
        )
    if command is not None:
        command_words(command)


def _say(pipe: ProgramPipe, line: dict[str, Any]) -> None:
    pipe.say(msgspec.json.encode(line))


def _shown(line: bytes) -> str:
    text = line.decode("utf-8", "replace").strip()
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")
