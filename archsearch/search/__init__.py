"""Search: what each step tries, and how steps follow each other. A strategy is one file; STRATEGIES lists them."""

from archsearch.search.ask import ask, sees
from archsearch.search.state import Search
from archsearch.search.strategies import STRATEGIES

__all__ = ["STRATEGIES", "Search", "ask", "sees"]
