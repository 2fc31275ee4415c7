"""The facts of a run: its plan, and single values that are said anew while it is searched in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, get_args

import msgspec

from archsearch.protocol.checks import LARGEST, plan_faults
from archsearch.protocol.plan import RunPlan
from archsearch.store.database import Database
from archsearch.store.part import Part
from archsearch.store.session import Ending, Session
from archsearch.store.tables.values import ValueTable
from archsearch.tasks import TaskSource


class FactTable(ValueTable):
    """The table `facts`.

    Args:
        database: The run's.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(database, "facts")

    def _set(self, name: str, value: str | None) -> None:
        with self.database.transaction() as connection:
            if value is None:
                self.drop(connection, name)
            else:
                self.put(connection, name, value)

    def _set_json(self, name: str, value: Any) -> None:
        self._set(name, msgspec.json.encode(value).decode())

    def _text(self, name: str) -> str | None:
        """Return a value as it is stored; None if it is not."""
        if (stored := self.stored(name)) is None:
            return None
        value, holds = stored
        if not holds:
            raise self.database.damaged(f"the {name} of the run does not hold")
        return value

    def _json(self, name: str, type_: Any, what: str) -> Any:
        """Return a value that is stored as JSON; None if it is not."""
        text = self._text(name)
        return None if text is None else self.database.decoded(text, type_, what)

    def begin(self, plan: RunPlan) -> None:
        """Store the plan of a new run; it never changes."""
        self._set_json("plan", plan)

    @property
    def plan(self) -> RunPlan:
        """The run's plan, as it was resolved when the run was made."""
        plan: RunPlan | None = self._json("plan", RunPlan, "the plan")
        if plan is None:
            raise self.database.damaged("the plan is missing")
        for fault in plan_faults(plan):
            raise self.database.damaged(f"the plan makes no search ({fault})")
        return plan

    @property
    def data(self) -> str | None:
        """The folder of the tasks' files that was given last; None if none was."""
        return self._text("data")

    @data.setter
    def data(self, folder: str) -> None:
        self._set("data", folder)

    @property
    def sources(self) -> dict[str, TaskSource]:
        """Where the files of the user's own tasks lay last, by the tasks' full names."""
        places: dict[str, TaskSource] | None = self._json(
            "sources", dict[str, TaskSource], "the places of own tasks"
        )
        return places or {}

    @sources.setter
    def sources(self, places: Mapping[str, TaskSource]) -> None:
        self._set_json("sources", places)

    @property
    def scored(self) -> dict[str, int]:
        """How many positions the validation of each task scores, by full name; none in runs that did not note it."""
        counts: dict[str, int] = self._json("scored", dict[str, int], "validation sizes") or {}
        if any(not 0 <= count <= LARGEST for count in counts.values()):
            raise self.database.damaged(f"the sizes of validations are {self._text('scored')!r}")
        return counts

    @scored.setter
    def scored(self, counts: dict[str, int]) -> None:
        self._set_json("scored", counts)

    @property
    def session(self) -> Session | None:
        """What was said of the search last; None in runs that did not note it."""
        session: Session | None = self._json("session", Session, "what was said of the search")
        return session

    @session.setter
    def session(self, session: Session) -> None:
        self._set_json("session", session)

    @property
    def merged(self) -> tuple[Part, ...]:
        """What a merged run was made of, by seed; nothing of a run that was searched in."""
        parts: tuple[Part, ...] | None = self._json(
            "merged", tuple[Part, ...], "what the run was merged from"
        )
        return parts or ()

    @merged.setter
    def merged(self, parts: tuple[Part, ...]) -> None:
        self._set_json("merged", parts)

    @property
    def ended(self) -> Ending | None:
        """How the run ended; None while it may go on."""
        text = self._text("ended")
        if text is not None and text not in get_args(Ending):
            raise self.database.damaged(f"it has ended by {text!r}")
        return text  # type: ignore[return-value]

    @ended.setter
    def ended(self, ending: Ending | None) -> None:
        self._set("ended", ending)

    @property
    def elapsed(self) -> float:
        """Seconds of search so far, over all sessions."""
        text = self._text("elapsed") or "0"
        try:
            seconds = float(text)
        except ValueError:
            seconds = math.nan
        if not 0 <= seconds < math.inf:
            raise self.database.damaged(f"the seconds of search are {text!r}")
        return seconds

    @elapsed.setter
    def elapsed(self, seconds: float) -> None:
        self._set("elapsed", repr(seconds))
