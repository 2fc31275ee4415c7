"""The phones of TIMIT: 61 labels, and how 39 are made of them (Lee and Hon 1989)."""

LABELS = """
aa ae ah ao aw ax ax-h axr ay b bcl ch d dcl dh dx eh el em en eng epi er ey f g gcl h# hh hv ih ix iy jh k kcl l m n ng nx
ow oy p pau pcl q r s sh t tcl th uh uw ux v w y z zh
"""
PHONES = tuple(LABELS.split())
"""All 61, in the order of the alphabet."""

FOLDED = {
    **dict.fromkeys(("bcl", "dcl", "gcl", "pcl", "tcl", "kcl", "epi", "h#", "pau"), "sil"),
    **{"ao": "aa", "ax": "ah", "ax-h": "ah", "axr": "er", "hv": "hh", "ix": "ih", "el": "l", "em": "m"},
    **{"en": "n", "nx": "n", "eng": "ng", "zh": "sh", "ux": "uw"},
}
"""Phone -> that of the 39 which it counts as; q counts as none, all others as themselves."""


def folded(phone: str) -> str | None:
    """Return which of the 39 a phone counts as; None for q, which counts as none."""
    return None if phone == "q" else FOLDED.get(phone, phone)
