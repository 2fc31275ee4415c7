"""The state of a search and the rule by which it goes on, without database, workers or clock.

The contract of a search (docs/architecture.md, "3. Search"): a step is asked from exactly the steps that it sees, and told
when all before it are told. So what is asked, and what the told steps amount to, depends neither on the number of workers,
nor on what ends first, nor on restarts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from archsearch.cell import Cell
from archsearch.protocol.belief import Belief
from archsearch.protocol.evaluation import Ended, evaluate
from archsearch.protocol.history import History
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.racing import Outcomes
from archsearch.protocol.records import Step, Trial, Try
from archsearch.protocol.settings import Setting
from archsearch.protocol.traits import Traits
from archsearch.search.alike import Tried
from archsearch.search.ask import ask, sees
from archsearch.search.outside import NOBODY, Outside
from archsearch.search.view import Asked


class Search:
    """A search between two of its steps.

    Args:
        plan: The run's plan.
        baseline: The GRU's trials.
        gates: For each task the share of the GRU's skill that opens the next stage.
        told: What the steps of earlier sessions say, as far as that was kept; None begins with the first step.
        seen: What those of them say that the next step surely sees; None as well.
        belief: What is known of cells before they are trained; of histories that are not given.
        brought: Ids of the cells that the steps which `seen` was told have brought, where the space tells cells apart by
            outputs.

    Attributes:
        told: What all told steps say: the leaderboard's history.
        seen: What those steps say that the last asked step sees: the strategy's history, never ahead of `told`.
        asked: The asked steps that are not seen yet, by number.
        ended: Those of them that have ended, told or not, by number.
        next: The number of the step that is asked next.
        brought: The cells of open steps that no told step has tried.
        unread: Ids of cells of earlier steps whose outputs are not in `tried` yet.
        tried: What the cells of the earlier steps compute; None where the space does not tell cells apart by that.
        traits: Size and form of the cells of which a strategy has asked for them, by id, so that each is read once.
    """

    def __init__(
        self,
        plan: RunPlan,
        baseline: dict[str, dict[Setting, Try]],
        gates: Mapping[str, float],
        *,
        told: History | None = None,
        seen: History | None = None,
        belief: Belief | None = None,
        brought: Iterable[str] = (),
    ) -> None:
        self.plan, self.baseline, self.gates = plan, baseline, gates
        self.told = told or History(plan, baseline, belief=belief)
        self.seen = seen or History(plan, baseline, belief=belief)
        self.asked: dict[int, Step] = {}
        self.ended: dict[int, Ended] = {}
        self.next = self.seen.told
        self.brought: set[str] = set()
        self.tried = Tried() if plan.space.tells_by_outputs else None
        self.unread = [] if self.tried is None else list(brought)
        self.traits: dict[str, Traits] = {}

    def restore(self, steps: Iterable[Ended | Step]) -> None:
        """Take in the steps of earlier sessions that `seen` was not told, in order: those that ended, then the open ones."""
        for each in steps:
            step = each.step if isinstance(each, Ended) else each
            assert step.number == self.next, "steps are restored in order"
            self._note(step)
            if isinstance(each, Ended):
                self.ended[step.number] = each
                if step.number == self.told.told:
                    self._tell(each)

    def _note(self, step: Step) -> None:
        """Take in the next step as it was asked."""
        self.asked[step.number] = step
        self.next += 1
        self.unread += [step.cell] if self.tried is not None and step.cell else []
        brings = step.cell and step.kind != "placebo"
        if step.number >= self.told.told and brings and self.told.candidate(step.cell) is None:
            self.brought.add(step.cell)

    def _tell(self, ended: Ended) -> None:
        self.told.tell(ended)
        self.brought.discard(ended.step.candidate)

    @property
    def open_steps(self) -> list[Step]:
        """The asked steps that are not told, the lowest first."""
        return [self.asked[number] for number in range(self.told.told, self.next)]

    @property
    def candidates(self) -> int:
        """How many candidates there are, with those that the open steps bring."""
        return self.told.counts.candidates + len(self.brought)

    @property
    def may_ask(self) -> bool:
        """Whether all steps that the next one sees are told."""
        return sees(self.plan, self.next) <= self.told.told

    def ask(self, cell: Callable[[str], Cell], outside: Outside = NOBODY) -> Asked:
        """Return the next step, asked from exactly the steps that it sees.

        Args:
            cell: Returns a cell of the run by its id.
            outside: Who else brings cells.

        Raises:
            Thinking: The program outside that the strategy asks has not answered yet.
        """
        assert self.may_ask, "a step is asked when all steps that it sees are told"
        self._see(sees(self.plan, self.next))
        unseen = [self.asked[number] for number in range(self.seen.told, self.next)]
        tried = self._tried(cell)
        asked = ask(
            self.plan,
            self.next,
            self.seen,
            unseen,
            cell,
            outside=outside,
            tried=tried,
            traits=self.traits,
        )
        self._note(asked.step)
        return asked

    def _tried(self, cell: Callable[[str], Cell]) -> Tried | None:
        """Return what the cells of all earlier steps compute."""
        if self.tried is not None:
            for brought in self.unread:
                self.tried.add(cell(brought))
            self.unread.clear()
        return self.tried

    def _see(self, count: int) -> None:
        """Tell the strategy's history the first steps, and drop what nobody needs any more."""
        while self.seen.told < count:
            del self.asked[self.seen.told]
            self.seen.tell(self.ended.pop(self.seen.told))

    def needs(self, step: Step, outcomes: Outcomes) -> tuple[Trial, ...]:
        """Return the trials that an open step waits for now; none once it has ended.

        Args:
            step: The step.
            outcomes: What is known so far.
        """
        if step.number in self.ended:
            return ()
        result = evaluate(self.plan, step, outcomes, self.baseline, self.gates)
        if isinstance(result, Ended):
            self.ended[step.number] = result
            return ()
        return result.trials

    def tell(self) -> Ended | None:
        """Tell the next step if it has ended, and return it; None while it has not."""
        ended = self.ended.get(self.told.told)
        if ended is not None:
            self._tell(ended)
        return ended
