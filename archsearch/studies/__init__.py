"""Studies of the instrument: what recorded runs say about how cells are measured. STUDIES is the table of them."""

STUDIES = {
    "racing": "What a rung at each epoch would have stopped, from trials that were recorded in full.",
    "instrument": "What a preset says of the published cells: skills, ratios, noise, resolution, and cost.",
    "referee": "How often the referee is fooled and how soon it sees, beside other rules.",
    "twins": "How much of a published cell's ratio is x: beside its twin that reads x the other way, itself or by a matrix.",
}
"""Name -> what it answers; each is a file of that name here, and a command of `archsearch study`."""
