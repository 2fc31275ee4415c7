"""Table 3 of Jozefowicz et al. (2015): NLL a word on Penn Treebank, nats, by the names of the cells here."""

TABLE_3 = {
    "tanh_rnn": (4.811, 4.729, 4.635, 4.582),
    "lstm": (4.699, 4.511, 4.437, 4.399),
    "lstm_no_forget": (4.785, 4.752, 4.658, 4.606),
    "lstm_no_input": (4.755, 4.558, 4.480, 4.444),
    "lstm_no_output": (4.708, 4.496, 4.447, 4.411),
    "lstm_b": (4.698, 4.437, 4.423, 4.380),
    "gru": (4.684, 4.554, 4.559, 4.519),
    "mut1": (4.699, 4.605, 4.594, 4.550),
    "mut2": (4.707, 4.539, 4.538, 4.503),
    "mut3": (4.692, 4.523, 4.530, 4.494),
}
"""Cell -> NLL for each of COLUMNS_3."""

COLUMNS_3 = {
    "5M": (5_000_000, False, "test"),
    "10M-dropout-valid": (10_000_000, True, "valid"),
    "20M-dropout-valid": (20_000_000, True, "valid"),
    "20M-dropout": (20_000_000, True, "test"),
}
"""Column of the table -> parameters, whether settings have dropout, and which part it is of, in its order."""
