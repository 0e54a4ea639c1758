"""The methods of `Mixture`, by theme; each class adds its part to the value."""
