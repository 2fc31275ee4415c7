"""How long a worker may be silent: by what the same task has taken before, on this machine in this session."""

from __future__ import annotations

from archsearch.workers.messages import Job

SILENCE = 600.0
"""Seconds without a sign of life that a task has as long as nothing of it was trained to an end."""

LEAST = 180.0
"""Seconds that a worker always has: more than a compiler may take."""

FACTOR = 50.0
"""How many times longer than any job before a silence may be: cells differ, and so do loads of a machine."""


class Patience:
    """Learns from the jobs that were done.

    Attributes:
        longest: The longest silence of a job that was done, in seconds, by task.
    """

    def __init__(self) -> None:
        self.longest: dict[str, float] = {}

    def learn(self, job: Job, longest: float) -> None:
        """Take note of the longest silence of a job that was done."""
        task = job.trials[0].task
        self.longest[task] = max(longest, self.longest.get(task, 0.0))

    def limit(self, job: Job) -> float:
        """Return after how many seconds of silence a job has timed out."""
        longest = self.longest.get(job.trials[0].task)
        return SILENCE if longest is None else max(LEAST, FACTOR * longest)
