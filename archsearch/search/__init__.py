"""Search: what each step tries. A strategy is one file that turns a `View` into a step; STRATEGIES lists them."""

from archsearch.search.ask import ask, sees
from archsearch.search.strategies import STRATEGIES

__all__ = ["STRATEGIES", "ask", "sees"]
