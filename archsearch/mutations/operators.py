"""The table of operators; to add one, write one file and one line here."""

from archsearch.mutations.combine import combine
from archsearch.mutations.driver import Operator
from archsearch.mutations.insert_activation import insert_activation
from archsearch.mutations.remove import remove
from archsearch.mutations.replace_by_ancestor import replace_by_ancestor
from archsearch.mutations.swap_activation import swap_activation
from archsearch.mutations.swap_elementwise import swap_elementwise

MUTATIONS: dict[str, Operator] = {
    "swap_activation": swap_activation,
    "swap_elementwise": swap_elementwise,
    "insert_activation": insert_activation,
    "remove": remove,
    "replace_by_ancestor": replace_by_ancestor,
    "combine": combine,
}
