"""Who is whose child in a run, how each candidate ended, and where it stands: looked up by id."""

from __future__ import annotations

from dataclasses import dataclass, field

from archsearch.protocol.history import Place
from archsearch.protocol.records import Step
from archsearch.reports.material import RunMaterial


@dataclass(frozen=True)
class Kin:
    """The candidates of a run.

    Attributes:
        births: The step that brought each, by id, in their order.
        fates: How the last proposal of each ended.
        children: The children of each that has some, the oldest first.
        ranks: The rank of each that has a fitness.
        places: Where it stands.
    """

    births: dict[str, Step] = field(default_factory=dict)
    fates: dict[str, str] = field(default_factory=dict)
    children: dict[str, list[str]] = field(default_factory=dict)
    ranks: dict[str, int] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)


def kin_of(material: RunMaterial) -> Kin:
    """Return the candidates of a run."""
    kin = Kin()
    for step, verdict in material.steps:
        if step.kind in ("nothing", "placebo"):
            continue
        if step.cell not in kin.births:
            kin.births[step.cell] = step
            if step.parent:
                kin.children.setdefault(step.parent, []).append(step.cell)
        if step.kind != "reexamine":
            kin.fates[step.cell] = verdict.fate
    for rank, place in enumerate(material.history.places, 1):
        kin.ranks[place.id], kin.places[place.id] = rank, place
    return kin
