"""A program outside proposes: a language model, another optimiser, a person. Filter, gates and re-examination are as ever.

Given the same answers the steps are the same, so a program that answers by what it is told alone makes the same run however
many workers there are, and however often it is stopped.
"""

from __future__ import annotations

from archsearch.errors import InputError
from archsearch.protocol.records import Step
from archsearch.search.outside import receive
from archsearch.search.view import STEP_DRAWS, Asked, View

NAME = "external"
"""Its key in STRATEGIES, which alone takes a program."""


def ask_program(view: View) -> Asked:
    """Return the next step: with even odds a re-examination, else the program's first answer that is new; or nothing new.

    Raises:
        Thinking: The program has not answered yet.
        InputError: There is no program.
    """
    if asked := view.due_reexamination():
        return asked
    if view.program is None:
        raise InputError(f"the strategy {NAME} asks a program: give it with --ask COMMAND")
    known, invalid = 0, 0
    for draw in range(STEP_DRAWS):
        text = view.program.proposal(view.number, view.history.told, draw)
        if text is None:
            break
        reception, asked = receive(view, text, "program", known=known, invalid=invalid)
        view.program.receive(view.number, draw, reception)
        if asked is not None:
            return asked
        known += reception.answer == "known"
        invalid += reception.answer == "refused"
    return Asked(Step(view.number, "nothing", known=known, invalid=invalid))
