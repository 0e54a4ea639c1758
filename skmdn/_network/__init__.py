"""The network in NumPy: preparation of its inputs, forward pass, layout of its head."""
