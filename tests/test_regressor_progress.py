"""MDNRegressor: progress, interruption, divergence."""

import numpy as np
import pytest
from cases.regressor import linear_rows, short
from sklearn.exceptions import ConvergenceWarning

from skmdn import MDNRegressor


def test_progress_in_lines_without_tqdm(monkeypatch, capsys):
    monkeypatch.setattr("skmdn._training.progress.tqdm", None)
    X, y = linear_rows()
    model = short(verbose=1).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    *lines, last = lines
    curve = model.validation_loss_curve_
    assert len(lines) == len(curve) - 1
    assert all("loss" in line and "validation_loss" in line for line in lines)
    assert "10.0 of 10.0" in lines[-1]
    assert f"{curve[-1]:.4f}" in lines[-1]
    best = int(np.argmin(curve))
    assert f"checkpoint {best} of {len(curve) - 1} is the best" in last
    assert f"{curve[best]:.4f}" in last
    short(verbose=True, validation_fraction=None).fit(X, y)
    line = capsys.readouterr().out.splitlines()[-1]
    assert "validation" not in line
    short(verbose=1).partial_fit(X, y)
    assert len(capsys.readouterr().out.splitlines()) >= 1


class Bar:
    """What skmdn asks of tqdm."""

    made = ()

    def __init__(self, total=None, **options):
        self.total, self.n, self.closed, self.postfixes = total, 0.0, False, []
        Bar.made = (*Bar.made, self)

    def set_postfix(self, losses, refresh=True):
        self.postfixes.append(losses)

    def set_description(self, text, refresh=True):
        self.description = text

    def update(self, n=1):
        self.n += n

    def close(self):
        self.closed = True


def test_progress_in_a_bar_with_tqdm(monkeypatch, capsys):
    monkeypatch.setattr("skmdn._training.progress.tqdm", Bar)
    monkeypatch.setattr(Bar, "made", ())
    model = short(verbose=1).fit(*linear_rows())
    (bar,) = Bar.made
    assert bar.closed
    assert bar.total == pytest.approx(10)
    assert bar.n == pytest.approx(10)
    assert "is the best" in bar.description
    assert bar.postfixes[-1]["validation_loss"] == f"{model.validation_loss_curve_[-1]:.4f}"
    assert capsys.readouterr().out == ""


def test_progress_names_the_fine_tuning(monkeypatch, capsys):
    """Noise that nothing explains: training ends early, its total stays as planned."""
    monkeypatch.setattr("skmdn._training.progress.tqdm", None)
    X, y = np.random.default_rng(0).normal(size=(2, 300))
    short(verbose=1, max_iter=200, learning_rate_init=0.05).fit(X[:, None], y)
    lines = capsys.readouterr().out.splitlines()[:-1]
    assert [line.startswith("MDNRegressor fine-tuning") for line in lines[-3:]] == [
        False,
        True,
        True,
    ]
    assert all("of 200.0" in line for line in lines)


def test_silence_is_the_default(monkeypatch, capfd):
    monkeypatch.setattr("skmdn._training.progress.tqdm", None)
    MDNRegressor(n_components=2, hidden_layer_sizes=(4,), max_iter=3).fit(*linear_rows())
    out, err = capfd.readouterr()
    assert out == ""
    assert err == ""


def test_progress_does_not_change_the_model(monkeypatch):
    monkeypatch.setattr("skmdn._training.progress.tqdm", Bar)
    X, y = linear_rows()
    np.testing.assert_array_equal(
        short(verbose=1).fit(X, y).predict(X), short().fit(X, y).predict(X)
    )


def test_an_interrupt_keeps_the_best_model_so_far(monkeypatch):
    class Interrupting(Bar):
        def update(self, n=1):
            super().update(n)
            if self.n >= 20:
                raise KeyboardInterrupt

    monkeypatch.setattr("skmdn._training.progress.tqdm", Interrupting)
    monkeypatch.setattr(Bar, "made", ())
    X, y = linear_rows(200)
    model = short(verbose=1, max_iter=100)
    with pytest.warns(UserWarning, match="interrupted"):
        model.fit(X, y)
    assert Bar.made[-1].closed
    assert 20 <= model.n_iter_ < 30
    assert len(model.loss_curve_) == model.n_iter_
    assert model.score(X, y) > 0.5
    assert np.isfinite(model.loss_curve_).all()


def test_a_divergence_is_survived_and_told():
    X, y = linear_rows()
    model = short(learning_rate_init=1e25, max_grad_norm=np.inf, max_iter=40)
    with pytest.warns(ConvergenceWarning, match="learning_rate_init"):
        model.fit(X, y)
    assert all(np.isfinite(W).all() for W in (*model.coefs_, *model.intercepts_))
    point, std = model.predict(X, return_std=True)
    assert np.isfinite(point).all()
    assert (np.isfinite(std) & (std > 0)).all()


def test_a_divergence_without_validation_part_goes_back_too():
    X, y = linear_rows()
    model = short(learning_rate_init=1e25, max_iter=40, validation_fraction=None, calibrate=False)
    with pytest.warns(ConvergenceWarning, match="learning_rate_init"):
        model.fit(X, y)
    assert np.isfinite(model.predict(X)).all()
    with pytest.warns(ConvergenceWarning, match="learning_rate_init"):
        short(learning_rate_init=1e25).partial_fit(X, y)
