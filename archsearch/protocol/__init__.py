"""How a cell is measured: presets, settings, seeds, trials, stages, fitness and noise. Pure functions and records.

A `Preset` with the facts of its tasks is a `RunPlan`; a `Step` says what is tried; `evaluate` says which trials a step needs
next or how it ended; a `History` folds the told steps into candidates with a fitness.
"""
