"""Speed and memory of prediction with a fitted `MDNRegressor`: rows per CPU second, one thread.

p=10, (64, 64) relu, K=5, D=1, float32 inputs, no encoding. Beside it torch's `MixtureSameFamily` on
the same network and a loop over rows with scipy.stats. Memory is the peak of what a call allocates
beyond its answer.

    python examples/benchmarks/inference.py [--quick] [--json FILE]
"""

import tracemalloc

import numpy as np
import torch
from scipy import stats
from side_by_side import (
    arguments,
    one_thread,
    print_table,
    seconds_by_turns,
    two_branches,
    write_json,
)
from torch import distributions

from skmdn import MDNRegressor

LEVELS = np.linspace(0.1, 0.9, 9)
N_SAMPLES = 100
CHUNKS = (512, 4096, 32_768, 262_144)
PEER_CHUNK = 4096  # the size at which torch is fastest


def fitted():
    """A model to predict with."""
    X, y = two_branches(5000, 10)
    model = MDNRegressor(
        hidden_layer_sizes=(64, 64),
        activation="relu",
        encoding=None,
        alpha=0.04,  # no line may be chosen
        max_iter=20,
        random_state=0,
    )
    return model.fit(X, y[:, 0])


def torch_network(model):
    """The fitted network in torch, from inputs to raw outputs."""
    layers = [
        (torch.tensor(W), torch.tensor(b))
        for W, b in zip(model.coefs_, model.intercepts_, strict=True)
    ]

    def raw(X):
        z = (X - model.X_mean_.astype(np.float32)) / model.X_scale_.astype(np.float32)
        h = torch.from_numpy(z / np.sqrt(1 + (z / 5) ** 2))
        for W, b in layers[:-1]:
            h = torch.relu(torch.addmm(b, h, W))
        W, b = layers[-1]
        return torch.addmm(b, h, W)

    return raw


def torch_mixture(model, raw):
    """Densities of the standardised targets, before calibration."""
    logits, means, spread = raw.tensor_split(3, dim=1)
    scales = spread.exp() + model.architecture_["scale_floor"]
    components = distributions.Normal(means, scales)
    return distributions.MixtureSameFamily(distributions.Categorical(logits=logits), components)


def with_torch(model, X, y, method):
    """``method(mixture, y)`` chunk by chunk, the answers joined."""
    network = torch_network(model)

    @torch.inference_mode()
    def call():
        parts = []
        for start in range(0, len(X), PEER_CHUNK):
            rows = slice(start, start + PEER_CHUNK)
            z = torch.from_numpy((y[rows] - model.y_mean_) / model.y_scale_).float()
            parts.append(method(torch_mixture(model, network(X[rows])), z))
        return torch.cat(parts).numpy()

    return call


def in_peer_chunks(model, X, y):
    """Our log-densities, in chunks of the same size as torch's."""

    def call():
        chunks = [slice(i, i + PEER_CHUNK) for i in range(0, len(X), PEER_CHUNK)]
        return np.concatenate([model.predict_proba(X[rows]).logpdf(y[rows]) for rows in chunks])

    return call


def with_scipy(model, X, y):
    """Log-densities row by row."""
    density = model.predict_proba(X)

    def call():
        return [
            np.log(w @ stats.norm(m[:, 0], s[:, 0]).pdf(value))
            for w, m, s, value in zip(
                density.weights, density.means, density.scales, y, strict=True
            )
        ]

    return call


def races(model, X, y, share):
    """For each race: name, number of rows, our call, and each peer's call and number of rows."""
    n = len(X)
    few, some = slice(n // 500), slice(n // share)
    m = len(X[some])

    def torch_call(method, rows=slice(None)):
        return with_torch(model, X[rows], y[rows], method), len(X[rows])

    return [
        (
            "mean and std",
            n,
            lambda: model.predict(X, return_std=True),
            {"torch": torch_call(lambda f, _: torch.stack([f.mean, f.stddev], 1))},
        ),
        (
            "log-density",
            n,
            lambda: model.predict_proba(X).logpdf(y),
            {
                "torch": torch_call(lambda f, z: f.log_prob(z)),
                "scipy loop": (with_scipy(model, X[few], y[few]), len(X[few])),
            },
        ),
        (
            f"log-density, {PEER_CHUNK} rows a call",
            n,
            in_peer_chunks(model, X, y),
            {"torch": torch_call(lambda f, z: f.log_prob(z))},
        ),
        (f"{len(LEVELS)} quantiles", m, lambda: model.predict_proba(X[some]).ppf(LEVELS), {}),
        (
            f"{N_SAMPLES} samples",
            m,
            lambda: model.sample(X[some], N_SAMPLES, random_state=0),
            {"torch": torch_call(lambda f, _: f.sample((N_SAMPLES,)).T, some)},
        ),
    ]


def extra_mebibytes(call):
    """Peak memory that a call allocates beyond its answer."""
    tracemalloc.start()
    answer = call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    arrays = answer if isinstance(answer, tuple) else (answer,)
    return (peak - sum(array.nbytes for array in arrays)) / 2**20


def in_chunks(model, X, size):
    """Mean and std, chunk by chunk."""

    def call():
        for start in range(0, len(X), size):
            model.predict(X[start : start + size], return_std=True)

    return call


def main():
    args = arguments(__doc__).parse_args()
    n, rounds = (100_000, 3) if args.quick else (1_000_000, 7)
    tables = {"methods": [], "chunks": []}
    with one_thread():
        torch.manual_seed(0)
        model = fitted()
        X, y = two_branches(n, 10, seed=1)
        y = y[:, 0].astype(np.float64)
        for name, rows, call, peers in races(model, X, y, share=20):
            contestants = {"skmdn": call, **{peer: c for peer, (c, _) in peers.items()}}
            seconds = seconds_by_turns(contestants, rounds)
            tables["methods"].append(
                {
                    "1000 rows a second": name,
                    "rows": rows,
                    "skmdn": rows / seconds["skmdn"] / 1e3,
                    **{
                        peer: peers[peer][1] / seconds[peer] / 1e3 if peer in peers else "-"
                        for peer in ("torch", "scipy loop")
                    },
                    "extra MiB": extra_mebibytes(call),
                }
            )
        chunks = {size: in_chunks(model, X[: 2 * max(CHUNKS)], size) for size in CHUNKS}
        n_chunked = min(n, 2 * max(CHUNKS))
        for size, taken in seconds_by_turns(chunks, rounds).items():
            tables["chunks"].append(
                {"rows a call": size, "1000 rows a second, mean and std": n_chunked / taken / 1e3}
            )
    print_table(tables["methods"])
    print_table(tables["chunks"])
    write_json(args.json, tables)


if __name__ == "__main__":
    main()
