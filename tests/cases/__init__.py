"""Data, models and oracles that several files of tests share."""
