"""The engine: worker processes, the evolve loop, replay. The driver never imports torch; workers do."""
