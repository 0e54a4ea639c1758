"""The ensemble while it is fitted: progress and interruption."""

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from cases.ensemble import LinearGaussian
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline

import skmdn
from skmdn import ConformalMDNRegressor, MDNEnsembleRegressor, MDNRegressor
from skmdn.model_selection import cross_val_predict_proba
from skmdn.preprocessing import CrossFittedPredictions


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    return X, X[:, 0] + rng.normal(size=60)


def ensemble(**options):
    shared = CrossFittedPredictions([("other", LinearRegression())])
    views = [
        ("line", LinearGaussian()),
        ("shared", Pipeline([("predictions", shared), ("line", LinearGaussian())])),
    ]
    return MDNEnsembleRegressor(views, cv=4, random_state=0, **options)


class Bar:
    """What skmdn asks of tqdm."""

    def __init__(self, total, **options):
        self.total, self.n, self.texts, self.closed = total, 0, [], False
        Bar.made = self

    def set_postfix_str(self, text):
        self.texts.append(text)

    def update(self, n):
        assert not self.closed
        self.n += n

    def close(self):
        self.closed = True


@pytest.fixture
def tqdm(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", ModuleType("tqdm"))
    sys.modules["tqdm"].tqdm = Bar


@pytest.fixture
def no_tqdm(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)  # an import of it fails


def test_members_done_are_shown_in_lines_without_tqdm(data, no_tqdm, capsys):
    ensemble(verbose=1).fit(*data)
    first, second, *counts = capsys.readouterr().out.splitlines()
    assert first == "MDNEnsembleRegressor: cross-fitting the first steps of view 'shared'"
    assert second == "MDNEnsembleRegressor: fitting members"
    expected = [f"MDNEnsembleRegressor: {i} of 8 members fitted" for i in range(1, 9)]
    assert counts == expected


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_members_done_are_shown_in_a_bar_with_tqdm(data, tqdm, capsys, n_jobs):
    ensemble(verbose=True, n_jobs=n_jobs).fit(*data)
    assert (Bar.made.n, Bar.made.total, Bar.made.closed) == (8, 8, True)
    assert Bar.made.texts[-1] == "fitting members"
    assert capsys.readouterr().out == ""


def test_silence_is_the_default(data, no_tqdm, capfd):
    ensemble().fit(*data)
    assert capfd.readouterr() == ("", "")


def test_the_bar_is_closed_where_a_fit_fails(data, tqdm):
    class Broken(LinearGaussian):
        def fit(self, X, y):
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        MDNEnsembleRegressor([("view", Broken())], verbose=1).fit(*data)
    assert Bar.made.closed


def test_progress_does_not_change_the_model(data, no_tqdm):
    shown, silent = ensemble(verbose=1).fit(*data), ensemble().fit(*data)
    assert shown.predict_proba(data[0]) == silent.predict_proba(data[0])


def network():
    return MDNRegressor(n_components=1, hidden_layer_sizes=(2,), max_iter=5)


def fit_ensemble(*data):
    MDNEnsembleRegressor([("view", network())], cv=3).fit(*data)


def fit_conformal(*data):
    ConformalMDNRegressor(network(), cv=3).fit(*data)


def predict_out_of_fold(*data):
    cross_val_predict_proba(network(), *data, cv=3)


def cross_fit(*data):
    CrossFittedPredictions([("network", network())], cv=3).fit(*data)


@pytest.mark.parametrize("fit", [fit_ensemble, fit_conformal, predict_out_of_fold, cross_fit])
def test_an_interrupt_ends_more_than_the_training_that_notices_it(monkeypatch, data, fit):
    from skmdn._engine.optimizer import NAdam

    steps = []

    def interrupted(self, *args):
        steps.append(args)
        raise KeyboardInterrupt

    monkeypatch.setattr(NAdam, "ascend", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit(*data)
    assert len(steps) == 1
    with pytest.warns(UserWarning, match="interrupted"):  # and alone a training is kept again
        network().fit(*data)


INTERRUPTED = """
import os, signal, sys, time
import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from skmdn import MDNEnsembleRegressor, Mixture

class Ready(RegressorMixin, BaseEstimator):
    def fit(self, X, y):
        return self
    def predict_proba(self, X):
        return Mixture(np.ones((len(X), 1)), np.zeros((len(X), 1)), np.ones((len(X), 1)))

class Interrupting(Ready):
    def __init__(self, process=0, once=""):
        self.process, self.once = process, once
    def fit(self, X, y):
        try:  # a user interrupts once, and not once in each worker
            open(self.once, "x").close()
            os.kill(self.process, signal.SIGINT)
        except FileExistsError:
            pass
        time.sleep(100)

if __name__ == "__main__":
    # A shell may have started the tests with this signal ignored, which processes inherit.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 1)), rng.normal(size=20)
    model = MDNEnsembleRegressor([("view", Ready())], cv=2, n_jobs=int(sys.argv[1])).fit(X, y)
    interrupting = Interrupting(os.getpid(), sys.argv[0] + ".once")
    before = dict(vars(model.set_params(estimators=[("view", interrupting)])))
    try:
        model.fit(X, y)
    except KeyboardInterrupt:
        assert vars(model) == before
        print("interrupted")
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals between processes")
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_interrupt_ends_the_fit_whatever_the_number_of_jobs(n_jobs, tmp_path):
    script = tmp_path / "interrupted.py"
    script.write_text(INTERRUPTED, encoding="utf-8")
    root = str(Path(skmdn.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, str(script), str(n_jobs)],
        env=os.environ | {"PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "interrupted\n", done.stderr
