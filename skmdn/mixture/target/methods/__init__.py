"""The methods of `TargetMixture`, one class for each theme."""
