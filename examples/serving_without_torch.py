"""Save a model, and serve it where torch is not installed.

torch is for training; a fitted model consists of NumPy arrays. The file that joblib writes is
small, loads in another process without torch, and predicts the same there, bit for bit.

    python examples/serving_without_torch.py [FILE]     # default: in a new temporary folder
"""

# %% Train and save.
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import joblib
import numpy as np

from skmdn import MDNRegressor

rng = np.random.default_rng(0)
X = rng.uniform(-3.0, 3.0, (1000, 2))
y = rng.choice([-1.0, 1.0], 1000) * X[:, 0] + 0.1 * X[:, 1] * rng.normal(size=1000)
model = MDNRegressor(n_components=3, max_iter=30, random_state=0).fit(X, y)
file = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp(), "model.joblib")
joblib.dump(model, file)
print(f"saved {file}: {file.stat().st_size / 1024:.0f} kB")

# %% Load and predict in another process, which never imports torch.
SERVER = """
import sys
import time

import joblib
import numpy as np

model = joblib.load(sys.argv[1], mmap_mode="r")  # processes on one machine share the arrays
X = np.array([[2.0, 0.5], [-1.0, 0.0]])
density = model.predict_proba(X)
for name, answer in [
    ("90 % interval", density.interval(0.9)),
    ("P(y > 0)", density.sf(0.0)),
    ("modes", density.modes()),
]:
    print(name, np.round(answer, 3).tolist())
start = time.perf_counter()
for _ in range(200):
    model.predict_proba(X[:1])
print(f"one row takes {(time.perf_counter() - start) * 5:.2f} ms")
print("torch was imported:", "torch" in sys.modules)
print(density.mean().tobytes().hex())
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
*answers, mean = served.stdout.splitlines()
print(*answers, sep="\n")

# %% The same numbers, bit for bit.
here = model.predict_proba(np.array([[2.0, 0.5], [-1.0, 0.0]])).mean()
print("same as here, bit for bit:", mean == here.tobytes().hex())
