"""What a program outside is told of a search: the run, and each step that ended, as lines of JSON.

The lines before a question depend on the steps that the question's step sees alone, so a program is told the same story by
the session that began a run and by the one that goes on with it. Test scores are not in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from archsearch.protocol.evaluation import Ended
from archsearch.protocol.history import Candidate, History
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import Step
from archsearch.protocol.references import start_cells
from archsearch.store import RunStore, read_steps
from archsearch.store.history import RecordedOutcomes, untold_history

PROTOCOL = 1
"""Of the lines."""


class Story:
    """Tells the steps of a run, each once.

    Args:
        store: The run's database.

    Attributes:
        store, plan: The same, and its plan.
        outcomes: How the run's trials ended.
        history: What the steps say that were told; None before the first.
    """

    def __init__(self, store: RunStore) -> None:
        self.store, self.plan = store, store.facts.plan
        self.outcomes = RecordedOutcomes(store)
        self.history: History | None = None

    def beginning(self) -> Iterator[dict[str, Any]]:
        """Yield what is said first: the run."""
        plan = self.plan
        yield {
            "event": "run",
            "protocol": PROTOCOL,
            "seed": plan.seed,
            "rule": plan.rule,
            "look_ahead": plan.preset.search.look_ahead,
            "tasks": [_task(plan, name) for name in plan.task],
            "space": plan.space.name,
            "nodes": plan.space.limits.nodes,
            "linears": plan.space.limits.linears,
            "start": [cell.id for cell in start_cells(plan)],
        }

    def until(self, seen: int) -> Iterator[dict[str, Any]]:
        """Yield the steps that were not told yet, as far as somebody sees who sees so many.

        Raises:
            StoreError: The run's records cannot be read.
        """
        if self.history is None:
            self.history = untold_history(self.plan, self.outcomes)
        if self.history.told >= seen:
            return
        for ended in read_steps(self.store, self.plan, self.outcomes, since=self.history.told):
            if not isinstance(ended, Ended) or ended.step.number >= seen:
                return
            self.history.tell(ended)
            yield self._told(ended, self.history.told_by(ended))

    def pending(self, seen: int) -> Iterator[dict[str, Any]]:
        """Yield the answers that a program gave in an earlier session to steps that nobody sees yet who sees so many."""
        for step, _ in self.store.steps.read(seen):
            if step.proposer == "program":
                yield {**answer_line(step.number, "new", step.cell), "cell": self._text(step)}

    def _told(self, ended: Ended, candidate: Candidate | None) -> dict[str, Any]:
        step, verdict = ended.step, ended.verdict
        line: dict[str, Any] = {"event": "told", "step": step.number, "kind": step.kind, "fate": verdict.fate}
        if verdict.reason:
            line["reason"] = verdict.reason
        if step.kind in ("nothing", "placebo"):
            return line
        line |= {"id": step.cell, "cell": self._text(step), "proposer": step.proposer or "search"}
        if step.parent:
            line |= {"parent": step.parent, "mutations": [mutation.operator for mutation in step.applied]}
        if candidate is not None and candidate.judgement is not None:
            line |= {"fitness": candidate.fitness, "estimate": candidate.estimate}
            line["tasks"] = {
                task: {"score": result.score, "ratio": result.ratio}
                for task, result in candidate.judgement.tasks.items()
            }
        return line

    def _text(self, step: Step) -> str:
        return self.store.cells.read(step.cell).text()


def question_line(step: int, draw: int, seed: int) -> dict[str, Any]:
    """Return how a program is asked for a cell.

    Args:
        step: The step's number.
        draw: How many of its answers for the step were no news.
        seed: For its own chance; the same whenever the step is asked.
    """
    return {"event": "ask", "step": step, "draw": draw, "seed": seed}


def answer_line(step: int, answer: str, cell: str, reason: str = "") -> dict[str, Any]:
    """Return what a program is told of its answer.

    Args:
        step: The step's number.
        answer: "new", "known" or "refused".
        cell: The cell's id; empty for what is none.
        reason: Why it is refused.
    """
    line = {"event": "answer", "step": step, "answer": answer, "id": cell, "reason": reason}
    return {key: value for key, value in line.items() if value != ""}


def _task(plan: RunPlan, name: str) -> dict[str, Any]:
    facts = plan.task[name].facts
    return {"name": name, "measure": plan.measure(name), "floor": facts.floor, "ceiling": facts.ceiling}
