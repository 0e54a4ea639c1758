"""Training on a GPU beside the torch loops most people would write, on the same GPU.

The first table has microseconds per training step. For `MDNRegressor` this is the time that one
more pass adds to `fit`: what a fit does only once does not count. Beside it: a usual torch loop
(DataLoader, MixtureSameFamily, Adam), a loop written for speed (data on the GPU, logsumexp, fused
Adam), and the matrix products of a step alone. The second table has whole fits on the GPU and on
the CPU, which `device="auto"` has to choose between. The third has fits with default settings.

    python examples/benchmarks/gpu.py [--quick] [--rounds N] [--json FILE]
"""

import os
import time
from itertools import pairwise

import torch
from side_by_side import arguments, print_table, seconds_by_turns, two_branches, write_json
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from training import Case, Network, handwritten_loss, mixture_density, ours

from skmdn import MDNRegressor
from skmdn._engine.network import multiply_adds

LOOP_STEPS = 16  # for the torch loop: a pass over all rows would take it seconds
HIDDEN = ((64, 64), (256, 256), (1024, 1024))
BATCHES = (1024, 4096, 16384, 65536)
N, P = 1 << 18, 16


def idiomatic(case, X, y):
    """DataLoader on the host, MixtureSameFamily, autograd, Adam: a pass over some rows."""
    network = Network(case).cuda()
    adam = torch.optim.Adam(network.parameters(), lr=1e-3)
    n = LOOP_STEPS * case.batch_size
    rows = TensorDataset(torch.as_tensor(X[:n]), torch.as_tensor(y[:n]))
    loader = DataLoader(rows, batch_size=case.batch_size, shuffle=True, pin_memory=True)

    def train():
        for x, target in loader:
            x, target = x.cuda(non_blocking=True), target.cuda(non_blocking=True)
            adam.zero_grad()
            (-mixture_density(network, case, x).log_prob(target).mean()).backward()
            adam.step()
        torch.cuda.synchronize()

    return train


def resident(case, X, y):
    """Data on the GPU, logsumexp by hand, clipping, fused Adam: one pass."""
    X, y = torch.as_tensor(X).cuda(), torch.as_tensor(y).cuda()
    network = Network(case).cuda()
    adam = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)

    def train():
        for rows in torch.randperm(len(X), device="cuda").split(case.batch_size):
            adam.zero_grad()
            handwritten_loss(network, case, X[rows], y[rows]).backward()
            nn.utils.clip_grad_norm_(network.parameters(), 10.0)
            adam.step()
        torch.cuda.synchronize()

    return train


def products(case, n_steps=20):
    """Only the matrix products of some steps, captured as a CUDA graph."""
    b, sizes = case.batch_size, [case.p, *case.hidden, case.n_raw]
    factors = []
    for i, (h, out) in enumerate(pairwise(sizes)):
        weights, below, delta = (
            torch.rand(*shape, device="cuda") for shape in ((h, out), (h, b), (out, b))
        )
        factors += [(weights.T, below), (below, delta.T)] + ([(weights, delta)] if i else [])

    def multiply():
        for _ in range(n_steps):
            for pair in factors:
                torch.mm(*pair)

    multiply()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        multiply()

    def run(factors=factors):  # a captured graph does not keep its inputs alive
        graph.replay()
        torch.cuda.synchronize()

    return run, n_steps


def race(case, rounds):
    """Microseconds per step of all contestants."""
    X, y = two_branches(case.n, case.p, 1)
    per_pass = case.n // case.batch_size
    more = max(1, 400 // per_pass)
    run_products, n_products = products(case)
    seconds = seconds_by_turns(
        {
            "short": ours(case, 1, X, y, device="cuda"),
            "long": ours(case, 1 + more, X, y, device="cuda"),
            "torch loop": idiomatic(case, X, y),
            "on the GPU": resident(case, X, y),
            "products": run_products,
        },
        rounds,
        clock=time.perf_counter,
    )
    step = 1e6 * (seconds["long"] - seconds["short"]) / (more * per_pass)
    loop = 1e6 * seconds["torch loop"] / min(LOOP_STEPS, per_pass)
    by_hand = 1e6 * seconds["on the GPU"] / per_pass
    floor = 1e6 * seconds["products"] / n_products
    return {
        "microseconds a step": f"{case.hidden} B={case.batch_size}",
        "skmdn": step,
        "torch loop": loop,
        "by hand, data on the GPU": by_hand,
        "products": floor,
        "torch loop / ours": loop / step,
        "by hand / ours": by_hand / step,
        "products / ours": floor / step,
    }


def on_threads(n, call):
    """The call with `n` threads in torch."""

    def run():
        torch.set_num_threads(n)
        call()

    return run


def whole_fits(hidden, batch_size, rounds):
    """Seconds that 500 steps take on the GPU, on one CPU thread and on all CPU threads."""
    n = 8 * batch_size
    case = Case(n=n, batch_size=batch_size, hidden=hidden, p=P)
    X, y = two_branches(n, P, 1)
    passes = 500 * batch_size // n
    on_cpu = ours(case, passes, X, y)
    seconds = seconds_by_turns(
        {
            "GPU": ours(case, passes, X, y, device="cuda"),
            "1 thread": on_threads(1, on_cpu),
            "all threads": on_threads(os.cpu_count(), on_cpu),
        },
        rounds,
        clock=time.perf_counter,
    )
    work = multiply_adds([P, *hidden, case.n_raw], batch_size)
    return {
        "fit of 500 steps": f"{hidden} B={batch_size}",
        "multiply-adds a step": f"{work / 1e6:.1f}M",
        **{f"{name}, s": value for name, value in seconds.items()},
        "1 thread / GPU": seconds["1 thread"] / seconds["GPU"],
        "all threads / GPU": seconds["all threads"] / seconds["GPU"],
    }


def default_fits(n, hidden, rounds):
    """Seconds and held-out log-likelihood of default fits, but for the layers, on 16 features."""
    X, y = two_branches(n, P, seed=1)
    X_new, y_new = two_branches(10_000, P, seed=2)
    models = {
        device: MDNRegressor(hidden_layer_sizes=hidden, device=device, random_state=0)
        for device in ("cuda", "cpu")
    }
    torch.set_num_threads(os.cpu_count())
    seconds = seconds_by_turns(
        {device: lambda model=model: model.fit(X, y[:, 0]) for device, model in models.items()},
        rounds,
        clock=time.perf_counter,
    )
    densities = {device: model.predict_proba(X_new) for device, model in models.items()}
    gpu, cpu = (float(densities[d].logpdf(y_new[:, 0]).mean()) for d in ("cuda", "cpu"))
    return {
        "default fit": f"{hidden} n={n}",
        "GPU, s": seconds["cuda"],
        "CPU, s": seconds["cpu"],
        "CPU / GPU": seconds["cpu"] / seconds["cuda"],
        "log-likelihood, GPU": gpu,
        "log-likelihood, CPU": cpu,
    }


def main():
    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, help="turns of every contestant")
    args = parser.parse_args()
    if not torch.cuda.is_available():
        print("No GPU that torch can use.")
        return
    batches = BATCHES[:1] if args.quick else BATCHES
    rounds = args.rounds or (1 if args.quick else 5)
    print(torch.cuda.get_device_name(), "torch", torch.__version__, flush=True)
    cases = [Case(n=N, batch_size=b, hidden=h, p=P) for h in HIDDEN for b in batches]
    tables = {"steps": [race(case, rounds) for case in cases]}
    print_table(tables["steps"])
    small = [((64, 64), b) for b in (32, 128, 512, 2048, 8192)]
    wide = [*(((256, 256), b) for b in (32, 128, 512)), ((1024, 1024), 32)]
    fits = [whole_fits(hidden, b, min(rounds, 3)) for hidden, b in [*small, *wide]]
    tables["fits"] = fits
    print_table(fits)
    sizes = [(n, (64, 64, 64)) for n in ((10_000,) if args.quick else (10_000, 100_000, 1_000_000))]
    sizes += [] if args.quick else [(100_000, (512, 512, 512))]
    tables["default fits"] = [default_fits(*size, rounds=1) for size in sizes]
    print_table(tables["default fits"])
    write_json(args.json, tables)


if __name__ == "__main__":
    main()
