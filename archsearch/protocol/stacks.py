"""Which trials may train side by side in one stack: those of one cell that differ in what a lane has of its own."""

from __future__ import annotations

from msgspec.structs import replace

from archsearch.protocol.records import Trial


def alike(trial: Trial) -> Trial:
    """Return what a trial has in common with those that it may share a stack with: equal for all of them.

    A lane has its own rate, clip, initial scale, dropout, initial weights and, within bounds that the engine sets, its own
    width; data, training steps, layers and optimiser are shared.
    """
    setting = replace(trial.setting, rate=0.0, clip=0.0, scale=0.0, budget=0, dropout=0.0)
    return replace(trial, setting=setting, init_draw=0)
