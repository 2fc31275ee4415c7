"""The workers: processes that train, the pool that keeps them, and the dispatcher that hands them trials.

The driver never imports torch; workers do.
"""
