"""The experiments of Hochreiter and Schmidhuber (1997): their tasks, networks, teachers and criteria."""
