"""The table of strategies: each turns a view of the search into the next step."""

from __future__ import annotations

from collections.abc import Callable

from archsearch.search import jozefowicz, random_walk
from archsearch.search.view import Asked, View

STRATEGIES: dict[str, Callable[[View], Asked]] = {
    "jozefowicz": jozefowicz.search_pool,
    "random": random_walk.walk_at_random,
}
