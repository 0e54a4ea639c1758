"""`TargetMixture`: a `Mixture` behind monotone maps, with atoms."""
