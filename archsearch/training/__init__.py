"""Training: trials from their records to their outcomes, one by one or in a stack."""

from archsearch.training.loop import run_trial, run_trials
from archsearch.training.windows import Streams

__all__ = ["Streams", "run_trial", "run_trials"]
