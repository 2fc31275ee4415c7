"""The table of operators; to add one, write one file and one line here."""

from archsearch.mutations.add_state import add_state
from archsearch.mutations.combine import combine
from archsearch.mutations.crossover import crossover
from archsearch.mutations.delay import delay
from archsearch.mutations.driver import Operator
from archsearch.mutations.drop_state import drop_state
from archsearch.mutations.insert_activation import insert_activation
from archsearch.mutations.insert_constant import insert_constant
from archsearch.mutations.insert_norm import insert_norm
from archsearch.mutations.insert_scale import insert_scale
from archsearch.mutations.perturb_constant import perturb_constant
from archsearch.mutations.remove import remove
from archsearch.mutations.replace_by_ancestor import replace_by_ancestor
from archsearch.mutations.swap_activation import swap_activation
from archsearch.mutations.swap_elementwise import swap_elementwise
from archsearch.mutations.swap_shape import swap_shape

MUTATIONS: dict[str, Operator] = {
    "swap_activation": swap_activation,
    "swap_elementwise": swap_elementwise,
    "insert_activation": insert_activation,
    "remove": remove,
    "replace_by_ancestor": replace_by_ancestor,
    "combine": combine,
    "add_state": add_state,
    "drop_state": drop_state,
    "delay": delay,
    "insert_scale": insert_scale,
    "insert_norm": insert_norm,
    "insert_constant": insert_constant,
    "perturb_constant": perturb_constant,
    "swap_shape": swap_shape,
    "crossover": crossover,
}
