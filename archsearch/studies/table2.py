"""Table 2 of Jozefowicz et al. (2015): test NLL per step on polyphonic music, by the names of the cells here."""

TABLE_2 = {
    "tanh_rnn": (3.612, 3.267, 6.809),
    "lstm": (3.492, 3.403, 6.866),
    "lstm_no_forget": (3.732, 3.420, 6.813),
    "lstm_no_input": (3.426, 3.252, 6.856),
    "lstm_no_output": (3.406, 3.253, 6.870),
    "lstm_b": (3.419, 3.345, 6.820),
    "gru": (3.410, 3.427, 6.876),
    "mut1": (3.254, 3.376, 6.792),
    "mut2": (3.372, 3.429, 6.852),
    "mut3": (3.337, 3.505, 6.840),
}
"""Cell -> NLL in nats for each of COLUMNS_2."""

COLUMNS_2 = {
    "nottingham": ("nottingham", False),
    "nottingham-dropout": ("nottingham", True),
    "piano_midi": ("piano_midi", False),
}
"""Column of the table -> the music, and whether trials have dropout, in its order."""
