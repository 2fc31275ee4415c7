"""Training: trials from their records to their outcomes, one by one or in a stack."""

from archsearch.training.trial import run_trial
from archsearch.training.trials import run_trials
from archsearch.training.windows import Streams

__all__ = ["Streams", "run_trial", "run_trials"]
