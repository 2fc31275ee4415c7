"""A stack of trials of one cell, side by side on one device: model, windows, and the training step as a CUDA graph."""
