"""What Karpathy, Johnson and Fei-Fei (2015) looked at in character models: losses, n-grams, gates, errors, units."""
