"""The random search of Greff et al. (2017): what settings are drawn from, how a network trains, and trials side by side."""
