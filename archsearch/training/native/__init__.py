"""A whole trial in compiled code: embedding, layers, output layer, loss and optimiser, many steps a call."""
