"""What becomes of a trial whose worker died: it is trained once more, and after a second death never again.

Neither is any other trial of the same cell on the same task with the same setting. That is said of no more than these, and
holds until the search is taken up again, unless a told step has used it: it may have been the host.
"""

from __future__ import annotations

from archsearch.protocol.records import Outcome, Subject, Trial
from archsearch.workers.queue import RunningTrial
from archsearch.workers.trial_log import TrialLog

DEATHS = 2
"""Workers that a trial may kill before its like is not dispatched again."""

REFUSED = Outcome("crashed", reason="its cell killed two workers with this setting and is not trained again")
"""How the like of such a trial ends."""


class RetryRule:
    """Counts the deaths of workers against the trials that they were given.

    Args:
        log: Where deaths are counted, also those of earlier sessions.

    Attributes:
        log: The same.
        poisoned: What killed two workers.
    """

    def __init__(self, log: TrialLog) -> None:
        self.log = log
        self.poisoned: set[Subject] = log.poisoned()

    def refuses(self, trial: Trial) -> bool:
        """Whether a trial is the like of one that killed two workers."""
        return trial.subject in self.poisoned

    def ends(self, running: RunningTrial, outcome: Outcome, begun: bool) -> bool:
        """Note that a trial's worker is gone; return whether the trial has ended with it, or else waits again.

        Args:
            running: The trial and its attempt.
            outcome: What it ends with if it ends.
            begun: Whether the worker had begun the job; what it died of before that is not the job's doing.
        """
        if not begun:
            self.log.release(running.trial, running.attempt)
            return False
        if not self.log.bury(running.trial, running.attempt, outcome, DEATHS):
            return False
        self.poisoned.add(running.trial.subject)
        return True
