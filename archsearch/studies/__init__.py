"""Studies of the instrument and of searches: how cells are measured, what strategies find. STUDIES is the table of them."""

STUDIES = {
    "racing": "What a rung at each epoch would have stopped, from trials that were recorded in full.",
    "instrument": "What a preset says of cells, as a rule the published ones: skills, ratios, noise, resolution, and cost.",
    "referee": "How often the referee is fooled and how soon it sees, beside other rules.",
    "twins": "How much of a cell's ratio is x: beside its twin that reads x the other way, itself or by a matrix.",
    "strategies": "Strategies side by side: as many trials each, several seeds, final cells before the referee.",
    "operators": "What became of the children that each mutation made, in recorded runs.",
    "bias": "How much searches overrate what they chose: their scores beside test data and the referee's pairs.",
    "long-lag": "The experiments of the LSTM paper of 1997 run again: sequences to success beside the paper's.",
    "odyssey": "LSTM variants under random search, after Greff et al. (2017): which part matters, and which setting.",
    "panel": "Ten cells of 2015 (Jozefowicz and others) beside that paper's tables: accuracies, music, perplexities.",
    "inside": "Character models looked into: losses beside n-grams and the paper's, gates, errors, units.",
    "gradient": "How much of a gradient is left after a lag, for any cell, and whether the cell bridges that lag.",
    "generalize": "How a trained cell does on longer sequences, with noise, and on shifted data, beside the GRU.",
    "transfer": "Whether the settings that are best on one task are good on another: shares of skill, rank correlations.",
    "parallel": "How well a cell can be computed in parallel over time: Newton steps, Lyapunov exponent, Jacobian.",
}
"""Name -> what it answers; each is a file of that name here, `long_lag.py` for long-lag, and a command of `study`."""
