"""How long will the next eruption of Old Faithful last, given the wait before it?

After a long wait the answer is not one number: the eruption may be short or long. A mixture
density network predicts both possibilities, how probable each is, and how much it varies.

    python examples/quickstart.py [PICTURE]     # default: in a new temporary folder

Data: Azzalini and Bowman (1990), 299 eruptions; see the head of old_faithful.csv. The 78 durations
of exactly 2, 3 or 4 minutes are codes of the night observers ("short", "medium", "long"), not
measurements. They are left out.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from sklearn.model_selection import train_test_split

from skmdn import MDNRegressor, Mixture
from skmdn.metrics import coverage_score, crps_loss, log_likelihood_score

DATA = Path(__file__).with_name("old_faithful.csv")
WAITS = np.array([50.0, 65.0, 80.0])  # minutes


def load_eruptions() -> tuple[np.ndarray, np.ndarray]:
    """Waiting times (n, 1) and measured durations (n,) in minutes, codes left out."""
    waiting, duration = np.loadtxt(DATA, delimiter=",", skiprows=7, unpack=True)
    measured = ~np.isin(duration, [2, 3, 4])
    return waiting[measured, None], duration[measured]


def print_components(density: Mixture) -> None:
    """The Gaussians of the densities at WAITS, the shortest eruption first."""
    for wait, weights, means, scales in zip(
        WAITS, density.weights, density.means[..., 0], density.scales[..., 0], strict=True
    ):
        parts = [
            f"{weights[k]:4.0%} {means[k]:.2f} ± {scales[k]:.2f} min" for k in np.argsort(means)
        ]
        print(f"  after {wait:.0f} min:   " + "   ".join(parts))


def draw(model: MDNRegressor, X: np.ndarray, y: np.ndarray, picture: str) -> None:
    """The density with the data, and the densities at WAITS."""
    waits, minutes = np.linspace(40, 110, 281), np.linspace(0.5, 5.75, 421)
    density = model.predict_proba(waits[:, None])
    figure = Figure(figsize=(10.5, 4.2), layout="constrained")  # needs no screen
    left, right = figure.subplots(1, 2, width_ratios=[1.7, 1])
    # Shades follow the square root of the density: weak peaks stay visible beside strong ones.
    image = left.pcolormesh(
        waits, minutes, density.pdf(minutes[None, :]).T, cmap="Blues", norm=PowerNorm(0.5)
    )
    figure.colorbar(image, ax=left, ticks=[0.01, 0.1, 0.5, 1, 1.5])
    left.plot(X, y, "o", ms=3.5, mfc="white", mec="black", mew=0.6, label="eruptions")
    left.plot(waits, density.mean(), "--", color="black", lw=1.5, label="mean of the density")
    left.set(xlabel="waiting time before the eruption (min)", ylabel="duration (min)")
    left.set_title("p(duration | waiting time), per minute")
    left.legend(loc="lower left")
    profiles = model.predict_proba(WAITS[:, None]).pdf(minutes[None, :])
    for wait, profile, color in zip(WAITS, profiles, ["C1", "C2", "C3"], strict=True):
        left.axvline(wait, color=color, lw=1, alpha=0.7)
        right.plot(minutes, profile, color=color, label=f"{wait:.0f} min")
    right.set(xlabel="duration (min)", ylabel="density (per minute)", ylim=(0, None))
    right.set_title("the same, after a wait of ...")
    right.legend()
    figure.savefig(picture, dpi=100)


def main(picture: str) -> None:
    """Fit to 70 % of the eruptions, score the other 30 %, and draw."""
    X, y = load_eruptions()
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)
    # Three Gaussians are easy to read, and one smooth input needs no encoding. Other settings are
    # compared over many splits in benchmarks/old_faithful.py.
    model = MDNRegressor(n_components=3, encoding=None, random_state=0).fit(X_train, y_train)

    density = model.predict_proba(X_test)  # one mixture of Gaussians per row
    print(f"{len(y_train)} eruptions to learn from, {len(y_test)} held out")
    print(f"held-out log-likelihood: {log_likelihood_score(y_test, density):.2f} nats per eruption")
    print(f"held-out CRPS:           {crps_loss(y_test, density):.2f} min")
    print(f"in the 90 % interval:    {coverage_score(y_test, density, level=0.9):.0%}")
    print("probability, mean and standard deviation of each Gaussian:")
    print_components(model.predict_proba(WAITS[:, None]))

    draw(model, X, y, picture)
    print(f"picture: {picture}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else str(Path(tempfile.mkdtemp(), "old_faithful.png")))
