"""The table of strategies: each turns a view of the search into the next step."""

from __future__ import annotations

from collections.abc import Callable

from archsearch.search import (
    external,
    islands,
    jozefowicz,
    map_elites,
    neighbours,
    nsga2,
    proxy,
    random_walk,
    regularized,
    tuning,
)
from archsearch.search.view import Asked, View

STRATEGIES: dict[str, Callable[[View], Asked]] = {
    "jozefowicz": jozefowicz.search_pool,
    "random": random_walk.walk_at_random,
    "neighbours": neighbours.look_around,
    "regularized": regularized.evolve_youngest,
    "tuning": tuning.tune_references,
    "proxy": proxy.walk_by_proxy,
    external.NAME: external.ask_program,
    "map_elites": map_elites.illuminate,
    "nsga2": nsga2.evolve_fronts,
    "islands": islands.evolve_islands,
}
