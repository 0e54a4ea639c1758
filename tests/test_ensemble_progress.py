"""The ensemble while it is fitted: progress and interruption."""

import sys
from types import ModuleType

import numpy as np
import pytest
from cases.ensemble import LinearGaussian
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline

from skmdn import MDNEnsembleRegressor
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
