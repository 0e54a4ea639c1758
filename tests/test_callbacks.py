"""Callbacks of scikit-learn, from version 1.9 on: tasks, stopping, errors, and its own ones."""

import numpy as np
import pandas as pd
import pytest
from cases.regressor import linear_rows, short
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from skmdn import MDNEnsembleRegressor
from skmdn._engine.steps import Steps
from skmdn._estimators import callbacks as rooms_callbacks
from skmdn.metrics import log_likelihood_scorer

callback = pytest.importorskip("sklearn.callback")

X, Y = linear_rows(120)
HOOKS = ("setup", "on_fit_task_begin", "on_fit_task_end", "teardown")


class Recorder:
    """Notes the hooks that are called, and stops or fails where it is told to."""

    def __init__(self, stop_after=None, fail_at=None):
        self.calls, self.fitted = [], []
        self.stop_after, self.fail_at = stop_after, fail_at

    def _note(self, hook, context):
        self.calls.append((hook, context.task_name))
        if hook == self.fail_at:
            raise RuntimeError(f"failed at {hook}")

    def setup(self, estimator, context):
        self._note("setup", context)

    def teardown(self, estimator, context):
        self._note("teardown", context)

    def on_fit_task_begin(self, estimator, context):
        self._note("on_fit_task_begin", context)

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self._note("on_fit_task_end", context)
        if context.task_name == "checkpoint":
            self.fitted.append(fitted_estimator)
        return len(self.fitted) == self.stop_after

    def count(self, hook, task):
        return self.calls.count((hook, task))


class PropagatedRecorder(Recorder):
    """The same, passed on to the estimators inside."""

    max_propagation_depth = None


def two_views(**options):
    views = [("a", short()), ("b", make_pipeline(StandardScaler(), short()))]
    return MDNEnsembleRegressor(views, cv=2, random_state=0, **options)


# Tasks -------------------------------------------------------------------------------------------


def test_a_task_for_each_checkpoint(judges):
    recorder = Recorder()
    model = short().set_callbacks(recorder).fit(X, Y)
    # The networks of the folds, whose losses are in the curve, have no tasks.
    n = len(recorder.fitted) if judges == "folds" else len(model.validation_loss_curve_) - 1
    assert n >= 2
    assert recorder.calls[0] == ("setup", "fit")
    assert recorder.calls[1] == ("on_fit_task_begin", "fit")
    assert recorder.calls[2:-2] == n * [
        ("on_fit_task_begin", "checkpoint"),
        ("on_fit_task_end", "checkpoint"),
    ]
    assert recorder.calls[-2:] == [("on_fit_task_end", "fit"), ("teardown", "fit")]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"validation_fraction": None},
        {"target_transform": "asinh", "calibrate": False},
        {"target_atoms": [0.0]},
    ],
)
def test_callbacks_change_nothing(options, monkeypatch):
    # So that the calibration draws rows, also that of the estimators fitted so far.
    monkeypatch.setattr("skmdn._training.calibration.MAX_ROWS", 10)
    y = np.maximum(Y, 0.0) if "target_atoms" in options else Y
    plain = short(**options).fit(X, y)
    recorder = Recorder()
    watched = short(**options).set_callbacks(recorder).fit(X, y)
    assert watched.predict_proba(X) == plain.predict_proba(X)
    assert watched.loss_curve_ == plain.loss_curve_
    assert vars(watched).keys() - vars(plain).keys() == {"_skl_callbacks"}
    assert recorder.fitted[-1].predict_proba(X) == plain.predict_proba(X)


def test_fitted_estimators_are_those_of_their_checkpoint(judges):
    recorder = Recorder()
    frame = pd.DataFrame(X, columns=list("abc")).assign(d=np.where(X[:, 0] > 0, "u", "v"))
    # Where a part validates, an estimator that the next fit would go on from, too.
    model = short(warm_start=judges != "folds").set_callbacks(recorder)
    model.fit(frame, Y)
    curves = [model.validation_loss_curve_ for model in recorder.fitted]
    if judges == "folds":
        # They have told before the first checkpoint.
        assert all(curve == curves[0] for curve in curves)
    else:
        assert [curve[-1] for curve in curves] == curves[-1][1:]
        assert [len(curve) for curve in curves[:3]] == [2, 3, 4]
    first, *_, last = (model.predict_proba(frame).logpdf(Y) for model in recorder.fitted)
    assert np.isfinite(first).all()
    assert not np.array_equal(first, last)


# Stopping ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("validation_fraction", ["auto", None])
def test_a_request_stops_and_keeps_the_best_model(judges, validation_fraction):
    recorder = Recorder(stop_after=4)
    model = short(validation_fraction=validation_fraction).set_callbacks(recorder).fit(X, Y)
    assert recorder.count("on_fit_task_end", "checkpoint") == 4
    assert recorder.count("on_fit_task_end", "fit") == 1
    assert model.predict_proba(X) == recorder.fitted[-1].predict_proba(X)
    assert model.n_iter_ < 10
    if validation_fraction is not None:
        # Folds have told all of theirs before the network of all rows is trained.
        expected = recorder.fitted[0].validation_loss_curve_ if judges == "folds" else range(5)
        assert len(model.validation_loss_curve_) == len(expected)


@pytest.mark.usefixtures("with_cross_validation")
def test_an_interrupt_while_folds_train_ends_the_fit(monkeypatch):
    def interrupted(self, batch, step):
        raise KeyboardInterrupt

    model, recorder = short().fit(X, Y), Recorder()
    before = dict(vars(model))
    monkeypatch.setattr(Steps, "__call__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.set_callbacks(recorder).fit(X, Y)
    assert vars(model).keys() - before.keys() == {"_skl_callbacks"}
    assert model.coefs_ is before["coefs_"]
    assert recorder.count("on_fit_task_begin", "checkpoint") == 0
    assert recorder.calls[-1] == ("teardown", "fit")


def test_an_interrupt_ends_the_open_task(monkeypatch):
    original = Steps.__call__

    def interrupted(self, batch, step):
        if step == 7:
            raise KeyboardInterrupt
        original(self, batch, step)

    monkeypatch.setattr(Steps, "__call__", interrupted)
    recorder = Recorder()
    with pytest.warns(UserWarning, match="interrupted by user"):
        short().set_callbacks(recorder).fit(X, Y)
    begun, ended = (recorder.count(f"on_fit_task_{end}", "checkpoint") for end in ("begin", "end"))
    assert begun == ended > 0
    assert recorder.calls[-1] == ("teardown", "fit")


# Errors ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("make", [short, two_views])
def test_a_callback_that_raises_leaves_the_model_as_it_was(make, hook):
    model = make().fit(X, Y)
    recorder = PropagatedRecorder(fail_at=hook)
    model.set_callbacks(recorder)
    before = dict(vars(model))
    with pytest.raises(RuntimeError, match=f"failed at {hook}"):
        model.fit(X[:60], Y[:60])
    assert vars(model) == before
    assert recorder.calls[-1] == ("teardown", "fit")


@pytest.mark.parametrize("hook", HOOKS)
def test_a_callback_that_raises_leaves_an_unfitted_model_unfitted(hook):
    model = short().set_callbacks(Recorder(fail_at=hook))
    with pytest.raises(RuntimeError, match=f"failed at {hook}"):
        model.fit(X, Y)
    with pytest.raises(NotFittedError):
        check_is_fitted(model)


@pytest.mark.usefixtures("judges")
def test_callbacks_are_torn_down_after_bad_data():
    recorder = Recorder()
    model = short().set_callbacks(recorder)
    with pytest.raises(ValueError, match="must not be negative"):
        model.fit(X, Y, sample_weight=-np.ones(len(Y)))
    assert [hook for hook, _ in recorder.calls] == ["setup", "on_fit_task_begin", "teardown"]


# Other estimators around -------------------------------------------------------------------------


def test_through_a_pipeline_and_a_search():
    recorder = PropagatedRecorder()
    pipeline = make_pipeline(StandardScaler(), short()).set_callbacks(recorder).fit(X, Y)
    n = len(pipeline[-1].validation_loss_curve_) - 1
    assert recorder.count("on_fit_task_end", "checkpoint") == n

    recorder = PropagatedRecorder()
    search = GridSearchCV(short(), {"n_components": [1, 2]}, cv=2).set_callbacks(recorder)
    search.fit(X, Y)
    assert recorder.count("on_fit_task_end", "fit") == 1 + 4 + 1
    assert len(recorder.fitted) > 5 * 2
    assert not hasattr(search.best_estimator_, "_skl_callbacks")


def test_callbacks_of_its_own_inside_a_search():
    recorder = Recorder()
    inner = short().set_callbacks(recorder)
    GridSearchCV(inner, {"n_components": [1]}, cv=2).fit(X, Y)
    assert recorder.count("setup", "fit") == 3
    assert clone(inner)._skl_callbacks == [recorder]


def test_the_ensemble_passes_callbacks_to_its_members():
    recorder = PropagatedRecorder()
    plain, watched = two_views().fit(X, Y), two_views().set_callbacks(recorder).fit(X, Y)
    assert watched.predict_proba(X) == plain.predict_proba(X)
    lasts = [member for view in watched.estimators_ for member in view]
    assert recorder.count("on_fit_task_begin", "members") == 1
    assert recorder.count("on_fit_task_begin", "fit") == 1 + len(lasts)
    n = [len(getattr(one, "steps", [(0, one)])[-1][1].validation_loss_curve_) - 1 for one in lasts]
    assert recorder.count("on_fit_task_end", "checkpoint") == sum(n)
    assert recorder.calls[0] == ("setup", "fit")
    assert recorder.calls[-1] == ("teardown", "fit")


def test_a_view_keeps_its_own_callbacks():
    recorder = Recorder()
    views = [("a", short().set_callbacks(recorder))]
    MDNEnsembleRegressor(views, cv=2, random_state=0).fit(X, Y)
    assert recorder.count("setup", "fit") == 2


def test_only_callbacks_are_set():
    with pytest.raises(TypeError, match="FitCallback"):
        short().set_callbacks("progress")


def test_scikit_learn_without_callbacks(monkeypatch):
    monkeypatch.setattr(rooms_callbacks, "with_callbacks", None)
    recorder = Recorder()
    for model in (short(), two_views()):
        model.set_callbacks(recorder).fit(X, Y).predict(X)
    assert recorder.calls == []


# scikit-learn's own callbacks --------------------------------------------------------------------


def test_the_scoring_monitor_scores_every_checkpoint():
    monitor = callback.ScoringMonitor(scoring={"nats": log_likelihood_scorer})
    weights = np.where(np.arange(len(Y)) < 60, 1.0, 0.0)
    model = short().set_callbacks(monitor).fit(X, Y, sample_weight=weights)
    rows = monitor.get_logs().data
    scores = [row["nats"] for row in rows if row["task_name"] == "checkpoint"]
    assert len(scores) == len(model.validation_loss_curve_) - 1
    of_fit = [row["nats"] for row in rows if row["task_name"] == "fit"]
    assert of_fit == [scores[-1]]
    assert of_fit == [log_likelihood_scorer(model, X, Y, sample_weight=weights)]


def test_the_progress_bar_shows_checkpoints(capsys):
    pytest.importorskip("rich")
    short().set_callbacks(callback.ProgressBar()).fit(X, Y)
    assert "MDNRegressor - fit" in capsys.readouterr().out
