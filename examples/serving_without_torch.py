"""Save models, and serve them where torch is not installed.

torch is for training; a fitted model consists of NumPy arrays, an ensemble with its trees too. The
file that joblib writes is small, loads in another process without torch, and predicts the same
there, bit for bit.

    python examples/serving_without_torch.py [FOLDER]     # default: a new temporary folder
"""

# %% Train and save: one network, and the ensemble, whose densities are better and take longer.
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import joblib
import numpy as np

from skmdn import MDNEnsembleRegressor, MDNRegressor

rng = np.random.default_rng(0)
X = rng.uniform(-3.0, 3.0, (1000, 2))
y = rng.choice([-1.0, 1.0], 1000) * X[:, 0] + 0.1 * X[:, 1] * rng.normal(size=1000)
models = {
    "network": MDNRegressor(n_components=3, max_iter=30, random_state=0),
    "ensemble": MDNEnsembleRegressor(random_state=0),
}
folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
for name, model in models.items():
    file = folder / f"{name}.joblib"
    joblib.dump(model.fit(X, y), file)
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
    ("highest mode", density.mode()),
]:
    print(name, np.round(answer, 3).tolist())
start = time.perf_counter()
for _ in range(50):
    model.predict_proba(X[:1])
print(f"one row takes {(time.perf_counter() - start) * 20:.2f} ms")
print("torch was imported:", "torch" in sys.modules)
print(density.mean().tobytes().hex())
"""
# The server finds the packages where this process found them.
environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
for name, model in models.items():
    served = subprocess.run(
        [sys.executable, "-c", SERVER, str(folder / f"{name}.joblib")],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    *answers, mean = served.stdout.splitlines()
    print(f"\n{name}:", *answers, sep="\n")

    # %% The same numbers, bit for bit.
    here = model.predict_proba(np.array([[2.0, 0.5], [-1.0, 0.0]])).mean()
    print("same as here, bit for bit:", mean == here.tobytes().hex())
