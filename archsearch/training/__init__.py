"""Training: one trial from its record to its outcome."""

from archsearch.training.trial import run_trial
from archsearch.training.windows import Streams

__all__ = ["Streams", "run_trial"]
