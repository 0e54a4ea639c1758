"""The methods of `Mixture`, one class for each theme."""
