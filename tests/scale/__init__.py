"""How large a run can grow: `python -m tests.scale search` and `python -m tests.scale cells`, or `make scale` for both."""
