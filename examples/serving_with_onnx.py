"""Export a model to ONNX, and serve it with onnxruntime and NumPy alone.

The file holds everything that `predict_proba` does: gaps, categories, encoding, network,
calibration and the map of y. onnxruntime reads it in many languages, and needs no package of ours.

    pip install 'skmdn[onnx]' onnxruntime
    python examples/serving_with_onnx.py [FILE]     # default: in a new temporary folder
"""

# %% Train on a table with gaps and text, of a positive y.
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import pandas as pd

from skmdn import MDNRegressor
from skmdn.export import to_onnx

rng = np.random.default_rng(0)
n = 1000
area = rng.uniform(20.0, 150.0, n)
district = rng.choice(["north", "south", "centre"], n)
noise = np.where(district == "centre", 0.35, 0.15) * rng.normal(size=n)
rent = 12.0 * area**0.9 * np.where(district == "centre", 1.4, 1.0) * np.exp(noise)
flats = pd.DataFrame({"area": np.where(rng.random(n) < 0.1, np.nan, area), "district": district})
model = MDNRegressor(
    n_components=3, max_iter=30, alpha=0.04, target_transform="log", random_state=0
).fit(flats, rent)

# %% Export.
file = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp(), "rents.onnx")
onnx.save(to_onnx(model), file)
print(f"saved {file}: {file.stat().st_size / 1024:.0f} kB")

# %% Serve in another process, which has onnxruntime and NumPy.
SERVER = """
import json
import math
import sys

import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
about = session.get_modelmeta().custom_metadata_map
names, categories = json.loads(about["feature_names"]), json.loads(about["categories"])
print("features:", names, "target_transform:", about["target_transform"])


def matrix(rows):
    # Numbers as they are, a gap as NaN, a category as its place, and an unknown one as -1.
    X = np.full((len(rows), len(names)), np.nan)
    for i, row in enumerate(rows):
        for j, (name, known) in enumerate(zip(names, categories)):
            value = row.get(name)
            if value is not None:
                in_list = known is not None and value in known
                X[i, j] = value if known is None else known.index(value) if in_list else -1.0
    return X


rows = [
    {"area": 60.0, "district": "centre"},
    {"area": 60.0, "district": "north"},
    {"district": "island"},
]
wanted = ["weights", "means", "scales", "mean", "std"]
weights, means, scales, mean, std = session.run(wanted, {"X": matrix(rows)})

# The components are those of log y, so that P(y > 1000) is P(log y > log 1000).
z = (math.log(1000.0) - means[:, :, 0]) / scales[:, :, 0]
above = np.sum(weights * 0.5 * np.vectorize(math.erfc)(z / math.sqrt(2.0)), axis=1)
for row, m, s, p in zip(rows, mean, std, above):
    print(f"{row}: rent {m:.0f} ± {s:.0f}, P(rent > 1000) = {p:.3f}")
print("skmdn, scikit-learn or torch loaded:", bool({"skmdn", "sklearn", "torch"} & {*sys.modules}))
print(json.dumps([mean.tolist(), std.tolist(), above.tolist()]))
"""
# The server finds the packages where this process found them.
environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
served = subprocess.run(
    [sys.executable, "-c", SERVER, str(file)],
    env=environment,
    capture_output=True,
    text=True,
    check=True,
)
*lines, answers = served.stdout.splitlines()
print(*lines, sep="\n")

# %% The same numbers as here.
density = model.predict_proba(
    pd.DataFrame({"area": [60.0, 60.0, None], "district": ["centre", "north", "island"]})
)
here = [density.mean(), density.std(), density.sf(1000.0)]
difference = np.max(np.abs(np.array(json.loads(answers)) / here - 1.0))
print(f"largest relative difference from predict_proba: {difference:.0e}")
