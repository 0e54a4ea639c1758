"""Simulate flat_rents.csv: rents of 1,500 flats in a town that does not exist.

No row is real, so the table is free to use. Furniture raises a flat's rent by half, and no column
says whether a flat is furnished: one description has two plausible rents.

    python examples/flat_rents.py [FILE]     # default: flat_rents.csv in a new temporary folder
"""

# %% The flats.
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

N = 1500
PRICE = {"Harbour": 18.0, "Old Town": 17.0, "Riverside": 15.0, "Northside": 12.5, "Suburbs": 10.5}
FURNISHED = {"Harbour": 0.4, "Old Town": 0.4, "Riverside": 0.2, "Northside": 0.2, "Suburbs": 0.1}
HEATING = {"gas": 1.0, "district heating": 1.05, "heat pump": 1.15}  # factors of the rent

rng = np.random.default_rng(0)
table = pd.DataFrame(
    {
        "district": rng.choice(list(PRICE), N),
        "area": np.round(18 + rng.gamma(3.5, 15.0, N)).astype(int),
        "floor": rng.poisson(2.0, N),
        "year": 2024 - rng.gamma(2.0, 25.0, N).astype(int).clip(max=140),
        "heating": rng.choice(list(HEATING), N, p=[0.5, 0.3, 0.2]),
    }
)

# %% Their rents, in euros a month.
price = table["district"].map(PRICE) * table["heating"].map(HEATING)  # per square metre
price *= 1 + 0.01 * table["floor"] + 0.3 * np.exp((table["year"] - 2024) / 15)  # new: dearer
furnished = rng.random(N) < table["district"].map(FURNISHED)
rent = (120 + price * table["area"]) * np.where(furnished, 1.5, 1.0) * rng.lognormal(0, 0.07, N)
table["rent"] = rent.round(-1).astype(int)

# %% Gaps, and the file.
table["year"] = table["year"].where(rng.random(N) > 0.15).astype("Int64")
table["heating"] = table["heating"].where(rng.random(N) > 0.1)
HEAD = """\
# Rents of 1,500 flats, simulated by flat_rents.py: no row is real.
# district, heating: text. area: in square metres. year: of construction. rent: euros a month.
# Some years and some kinds of heating are missing.
"""
file = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp(), "flat_rents.csv")
file.write_bytes((HEAD + table.to_csv(index=False, lineterminator="\n")).encode())
print(table.describe(include="all").T[["count", "unique", "mean", "min", "max"]].to_string())
print(f"table: {file}")
