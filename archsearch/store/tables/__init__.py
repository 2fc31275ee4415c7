"""The tables of a run's database: one file for what is kept in each, read and changed through one shared `Database`.

What is read is believed if its seal holds. A method that changes something is one transaction, or part of a group's; one
that takes the connection is part of the transaction that its caller has opened.
"""

from archsearch.store.tables.cells import CellTable
from archsearch.store.tables.claims import ClaimTable
from archsearch.store.tables.facts import FactTable
from archsearch.store.tables.kept import KeptTable
from archsearch.store.tables.standings import Standings
from archsearch.store.tables.steps import StepTable
from archsearch.store.tables.trials import TrialTable

__all__ = ["CellTable", "ClaimTable", "FactTable", "KeptTable", "Standings", "StepTable", "TrialTable"]
