"""Table 1 of Jozefowicz et al. (2015): top-1 accuracies of ten cells, by their names here."""

TABLE_1 = {
    "tanh_rnn": (0.29493, 0.32050, 0.08782),
    "lstm": (0.89228, 0.42470, 0.08912),
    "lstm_no_forget": (0.29292, 0.23356, 0.08808),
    "lstm_no_input": (0.75109, 0.41371, 0.08662),
    "lstm_no_output": (0.86747, 0.42117, 0.08933),
    "lstm_b": (0.90163, 0.44434, 0.08952),
    "gru": (0.89565, 0.45963, 0.09069),
    "mut1": (0.92135, 0.47483, 0.08968),
    "mut2": (0.89735, 0.47324, 0.09036),
    "mut3": (0.90728, 0.46478, 0.09161),
}
"""Cell -> accuracy on arithmetic, XML and Penn Treebank."""

COLUMN = {"arithmetic": 0, "xml": 1, "ptb": 2, "english": 2}
"""Task -> the column that it is compared with; english stands in for Penn Treebank."""
