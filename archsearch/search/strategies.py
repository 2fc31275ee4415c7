"""The table of strategies: each turns a view of the search into the next step."""

from __future__ import annotations

from collections.abc import Callable

from archsearch.search import jozefowicz, neighbours, proxy, random_walk, regularized, tuning
from archsearch.search.view import Asked, View

STRATEGIES: dict[str, Callable[[View], Asked]] = {
    "jozefowicz": jozefowicz.search_pool,
    "random": random_walk.walk_at_random,
    "neighbours": neighbours.look_around,
    "regularized": regularized.evolve_youngest,
    "tuning": tuning.tune_references,
    "proxy": proxy.walk_by_proxy,
}
