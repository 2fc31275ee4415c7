"""What the noise of a leaderboard means, as a sentence."""

from archsearch.store import Noise


def noise_words(noise: Noise) -> str:
    """Return what a clone of the GRU, and the best of as many clones as there were candidates, would reach."""
    words = f"Noise: a clone of the GRU has a fitness of {noise.low:.2f} to {noise.high:.2f} (5 to 95 %)"
    if not noise.clones:
        return words + "."
    many = "one clone" if noise.clones == 1 else f"the best of {noise.clones} clones"
    return (
        f"{words}; {many} would reach {noise.luck:.2f} by luck, and {noise.line:.2f} once in twenty searches."
    )
