"""Speed of training beside its peers: microseconds per training step, all measured in one run.

The peers get the same inputs, trunk, batch size and number of passes: scikit-learn's `MLPRegressor`
(which learns a mean, not a density), the torch loop most people would write (DataLoader,
MixtureSameFamily, Adam), the same written for speed (no DataLoader, logsumexp, fused Adam), and the
matrix products of a step alone, which no step can beat. Ours is `MDNRegressor.fit` without a
validation part; scaling and initialisation count. It runs with z-scores and with encoded inputs.

    python examples/benchmarks/training.py [--quick] [--json FILE] [--peers ngboost]
"""

import math
import time
import warnings
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from side_by_side import (
    arguments,
    one_thread,
    print_table,
    seconds_by_turns,
    two_branches,
    write_json,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor
from torch import distributions, nn
from torch.utils.data import DataLoader, TensorDataset

from skmdn import MDNRegressor

LOG_2PI = math.log(2 * math.pi)


class Case(NamedTuple):
    """A network and its data; the activation is relu, which all contestants have."""

    n: int = 10_000
    batch_size: int = 128
    hidden: tuple = (64, 64)
    n_components: int = 5
    n_outputs: int = 1
    p: int = 10
    covariance_type: str = "diag"
    dtype: str = "float32"

    @property
    def n_raw(self):
        """Number of the network's outputs."""
        K, D = self.n_components, self.n_outputs
        return K + D * K + K * (D * (D + 1) // 2 if self.covariance_type == "full" else D)

    def passes(self, n_steps):
        """Number of whole passes that make about `n_steps` steps."""
        return max(1, round(n_steps * self.batch_size / self.n))

    def steps(self, n_passes):
        """Number of steps in `n_passes` passes; the remainder of a pass is no batch of its own."""
        return n_passes * round(self.n / self.batch_size)

    def __str__(self):
        shape = f"{self.hidden} p={self.p} K={self.n_components} D={self.n_outputs}"
        return f"{shape} {self.covariance_type} {self.dtype} n={self.n} B={self.batch_size}"


QUICK = [Case(batch_size=b) for b in (128, 256, 1024)]
FULL = [
    *(Case(n=n, batch_size=b) for n in (10_000, 100_000) for b in (128, 256, 1024)),
    *(Case(batch_size=b, hidden=(256, 256), p=100) for b in (128, 256, 1024)),
    *(
        Case(batch_size=256, n_components=10, n_outputs=5, p=20, covariance_type=kind)
        for kind in ("diag", "full")
    ),
    *(Case(batch_size=b, dtype="float64") for b in (128, 256, 1024)),
]


# Steps per measurement. A fit does some things only once, so it makes about as many steps as a
# default fit of these rows (3,000 and 9,500), or fewer where steps are long. Loops need few.
FIT_STEPS, FIT_STEPS_LONG, LOOP_STEPS = 4000, 400, 80
LONG_STEP = 256 * 64  # a step is long where a batch has more units than this


# Contestants: each is a call that makes `n_passes` passes. ----------------------------------------


def ours(case, n_passes, X, y, encoding=None, device="cpu"):
    """MDNRegressor, which trains in float32 by default, whatever the precision of the inputs."""
    model = MDNRegressor(
        n_components=case.n_components,
        covariance_type=case.covariance_type,
        hidden_layer_sizes=case.hidden,
        activation="relu",
        encoding=encoding,
        batch_size=case.batch_size,
        max_iter=n_passes,
        validation_fraction=None,
        random_state=0,
        device=device,
    )
    return lambda: model.fit(X, y if case.n_outputs > 1 else y[:, 0])


def mlp(case, n_passes, X, y):
    """MLPRegressor, which trains in the precision of the inputs."""
    model = MLPRegressor(
        hidden_layer_sizes=case.hidden,
        batch_size=case.batch_size,
        max_iter=n_passes,
        n_iter_no_change=10**6,
        random_state=0,
    )

    def fit():
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", ConvergenceWarning
            )  # the number of passes is fixed on purpose
            model.fit(X, y if case.n_outputs > 1 else y[:, 0])

    return fit


class Network(nn.Module):
    """Trunk and head, as most people would write them."""

    def __init__(self, case):
        super().__init__()
        sizes = [case.p, *case.hidden]
        layers = [
            layer
            for a, b in zip(sizes, case.hidden, strict=False)
            for layer in (nn.Linear(a, b), nn.ReLU())
        ]
        self.trunk = nn.Sequential(*layers)
        self.head = nn.Linear(sizes[-1], case.n_raw)
        self.K, self.D = case.n_components, case.n_outputs

    def forward(self, x):
        K, D = self.K, self.D
        logits, means, spread = self.head(self.trunk(x)).tensor_split([K, K + D * K], dim=1)
        return logits, means.reshape(-1, K, D), spread.reshape(len(x), K, -1)


def tril_of(spread, D):
    """Factors of full covariances: exponentials on the diagonal."""
    factor = spread.new_zeros(*spread.shape[:2], D, D)
    rows, columns = torch.tril_indices(D, D, -1)
    factor[..., rows, columns] = spread[..., D:]
    return factor + torch.diag_embed(spread[..., :D].exp())


def mixture_density(network, case, x):
    """The predicted density as torch.distributions has it."""
    logits, means, spread = network(x)
    if case.covariance_type == "full":
        tril = tril_of(spread, case.n_outputs)
        components = distributions.MultivariateNormal(means, scale_tril=tril)
    else:
        components = distributions.Independent(distributions.Normal(means, spread.exp()), 1)
    return distributions.MixtureSameFamily(distributions.Categorical(logits=logits), components)


def idiomatic(case, n_passes, X, y):
    """DataLoader, MixtureSameFamily, autograd, Adam."""
    X, y = torch.as_tensor(X), torch.as_tensor(y)
    network = Network(case).to(X.dtype)
    adam = torch.optim.Adam(network.parameters(), lr=1e-3)
    loader = DataLoader(TensorDataset(X, y), batch_size=case.batch_size, shuffle=True)

    def train():
        for _ in range(n_passes):
            for x, target in loader:
                adam.zero_grad()
                loss = -mixture_density(network, case, x).log_prob(target).mean()
                loss.backward()
                adam.step()

    return train


def handwritten_loss(network, case, x, target):
    """Negative log-likelihood with log-scales and logsumexp."""
    logits, means, spread = network(x)
    D = case.n_outputs
    log_scales, e = spread[..., :D], target[:, None] - means
    if case.covariance_type == "full":
        tril = tril_of(spread, D)
        z = torch.linalg.solve_triangular(tril, e[..., None], upper=False)[..., 0]
    else:
        z = e * torch.exp(-log_scales)
    kernels = torch.log_softmax(logits, 1) - (0.5 * z * z + log_scales).sum(-1)
    return 0.5 * D * LOG_2PI - torch.logsumexp(kernels, 1).mean()


def handwritten(case, n_passes, X, y):
    """No DataLoader, logsumexp by hand, autograd, fused Adam, clipped."""
    X, y = torch.as_tensor(X), torch.as_tensor(y)
    network = Network(case).to(X.dtype)
    adam = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)

    def train():
        for _ in range(n_passes):
            for rows in torch.randperm(len(X)).split(case.batch_size):
                adam.zero_grad()
                handwritten_loss(network, case, X[rows], y[rows]).backward()
                nn.utils.clip_grad_norm_(network.parameters(), 10.0)
                adam.step()

    return train


def products_alone(case, n_steps):
    """Only the matrix products of a step, each in the faster of two orientations."""
    b, sizes = case.batch_size, [case.p, *case.hidden, case.n_raw]
    products = []
    for i, (h, out) in enumerate(pairwise(sizes)):
        weights, below, delta = torch.rand(h + 1, out), torch.rand(h + 1, b), torch.rand(out, b)
        products.append(((weights.T, below), torch.empty(out, b)))
        if out % 8:  # short rows of odd length are slow to write; the transposed result is fast
            products.append(((delta, below.T), torch.empty(out, h + 1)))
        else:
            products.append(((below, delta.T), torch.empty(h + 1, out)))
        if i > 0:
            products.append(((weights[:-1], delta), torch.empty(h, b)))

    @torch.inference_mode()
    def run():
        for _ in range(n_steps):
            for factors, out in products:
                torch.mm(*factors, out=out)

    return run


def race(case, rounds):
    """Microseconds per step of all contestants."""
    X, y = two_branches(case.n, case.p, case.n_outputs, case.dtype)
    is_long = case.batch_size * max(case.hidden) > LONG_STEP
    fits = case.passes(FIT_STEPS_LONG if is_long else FIT_STEPS)
    loops = case.passes(LOOP_STEPS)
    contestants = {
        "skmdn": (ours(case, fits, X, y), fits),
        "encoded": (ours(case, fits, X, y, "piecewise"), fits),
        "MLPRegressor": (mlp(case, fits, X, y), fits),
        "torch loop": (idiomatic(case, loops, X, y), loops),
        "by hand": (handwritten(case, loops, X, y), loops),
        "products": (products_alone(case, case.steps(loops)), loops),
    }
    seconds = seconds_by_turns({name: call for name, (call, _) in contestants.items()}, rounds)
    return {name: 1e6 * seconds[name] / case.steps(n) for name, (_, n) in contestants.items()}


# Whole fits -------------------------------------------------------------------------------------


def shares(n, rounds):
    """Shares of encoding, and of validation and calibration, in the time of a step.

    Only steps that were made count: a fit with a validation part may end early. Networks of folds
    would take many more.
    """
    X, y = two_branches(n, 10, dtype=np.float64)
    alone = {"validation_fraction": 0.1, "alpha": 0.04, "encoding": "piecewise"}
    variants = {
        "a part validates": alone,
        "no encoding": {**alone, "encoding": None},
        "no validation": {**alone, "validation_fraction": None},
    }
    models = {name: MDNRegressor(random_state=0, **changes) for name, changes in variants.items()}
    seconds = seconds_by_turns(
        {name: partial(model.fit, X, y[:, 0]) for name, model in models.items()}, rounds
    )
    n_train = {name: n if name == "no validation" else n - max(n // 10, 30) for name in models}
    us = {
        name: 1e6 * seconds[name] / (model.n_iter_ * batches_per_pass(n_train[name]))
        for name, model in models.items()
    }
    whole = us["a part validates"]
    return {
        "fit with a validation part": f"n={n}",
        "seconds": seconds["a part validates"],
        "us a step": whole,
        "encoding": 1 - us["no encoding"] / whole,
        "validation and calibration": 1 - us["no validation"] / whole,
    }


def batches_per_pass(n):
    """Number of batches in a pass with batch_size="auto", by its documented rule."""
    size = min(max(2 ** round(math.log2(n) / 2), 32), 256)
    return max(1, round(n / size))


def whole_fits_beside_ngboost(n, rounds):
    """Fit time and held-out log-likelihood of default fits."""
    from ngboost import NGBRegressor

    X, y = two_branches(n, 10, dtype=np.float64)
    X_new, y_new = two_branches(n, 10, dtype=np.float64, seed=1)
    ours, theirs = MDNRegressor(random_state=0), NGBRegressor(verbose=False, random_state=0)
    seconds = seconds_by_turns(
        {
            "MDNRegressor": lambda: ours.fit(X, y[:, 0]),
            "NGBRegressor": lambda: theirs.fit(X, y[:, 0]),
        },
        rounds,
    )
    held_out = {
        "MDNRegressor": ours.predict_proba(X_new).logpdf(y_new[:, 0]).mean(),
        "NGBRegressor": theirs.pred_dist(X_new).logpdf(y_new[:, 0]).mean(),
    }
    return [
        {"whole fits": f"{name}, n={n}", "seconds": seconds[name], "log-likelihood": held_out[name]}
        for name in seconds
    ]


def targets(case, us):
    """Measured ratios, and in brackets the goal where there is one."""
    ours, small = us["skmdn"], case.batch_size <= 256
    usual = case.hidden == (64, 64) and case.n_outputs == 1
    wide = case.hidden == (256, 256) and case.batch_size == 256
    products = 1.4 if wide else (2.2 if small else 1.8) if usual else None
    ratios = {
        "of MLPRegressor": (ours / us["MLPRegressor"], (0.5 if small else 0.7) if usual else None),
        "of the products": (ours / us["products"], products),
        "torch loop / ours": (us["torch loop"] / ours, (10 if small else 6) if usual else None),
        "by hand / ours": (us["by hand"] / ours, 3 if usual and small else None),
    }
    return {
        name: f"{ratio:.2f}" + ("" if goal is None else f" ({goal:g})")
        for name, (ratio, goal) in ratios.items()
    }


def main():
    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, help="turns of every contestant")
    parser.add_argument("--peers", choices=["ngboost"], help="also compare whole fits")
    args = parser.parse_args()
    rounds = args.rounds or (3 if args.quick else 7)
    start = time.perf_counter()
    tables = {"steps": [], "targets": [], "shares": []}
    with one_thread():
        torch.manual_seed(0)
        for case in QUICK if args.quick else FULL:
            us = race(case, rounds)
            tables["steps"].append({"microseconds a step": str(case), **us})
            tables["targets"].append({"ratio (goal)": str(case), **targets(case, us)})
        for n in (1000,) if args.quick else (1000, 10_000):
            tables["shares"].append(shares(n, rounds))
        if args.peers:
            tables["ngboost"] = whole_fits_beside_ngboost(10_000, 1)
    for table in ("steps", "shares", "ngboost"):
        if table in tables:
            print_table(tables[table])
    print_table(tables["targets"])
    print(f"{time.perf_counter() - start:.0f} s in all, medians of {rounds} rounds")
    write_json(args.json, tables)


if __name__ == "__main__":
    main()
