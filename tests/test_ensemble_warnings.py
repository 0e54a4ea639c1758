"""The ensemble: what it passes on of its members' warnings."""

import warnings

import numpy as np
import pytest
from cases.linear_gaussian import LinearGaussian
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold

from skmdn import MDNEnsembleRegressor
from skmdn._estimators.fit_warnings import DeadComponentsWarning, warn_of_fit
from skmdn.ensemble import fitting

X = np.random.default_rng(0).normal(size=(60, 2))
Y = X[:, 0]


class Warner(LinearGaussian):
    """A view that has something to say of the rows it is fitted on."""

    def __init__(self, text="", category=ConvergenceWarning):
        super().__init__()
        self.text = text
        self.category = category

    def fit(self, X, y, sample_weight=None):
        if text := self.text.format(x=abs(float(X[0, 0]))):
            warn_of_fit(text, self.category, stacklevel=2)
        return super().fit(X, y, sample_weight)


def heard(*views, **options):
    """Warnings of a fit: categories and messages."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        MDNEnsembleRegressor(list(views), cv=KFold(3), **options).fit(X, Y)
    assert all(one.filename == __file__ for one in found)
    return [(one.category, str(one.message)) for one in found]


@pytest.mark.parametrize("n_jobs", [None, pytest.param(2, marks=pytest.mark.slow)])
def test_members_of_all_views_say_it_once(n_jobs):
    narrow, late = Warner("{x:.3f} is narrow."), Warner("Too late.", UserWarning)
    found = heard(("a", narrow), ("b", late), ("c", narrow), n_jobs=n_jobs)
    outside = abs(X[20, 0])  # of the first row that trains outside the first fold
    of_both = f"View 'a', 3 members; View 'c', 3 members: {outside:.3f} is narrow."
    assert found == [
        (ConvergenceWarning, of_both),
        (UserWarning, "View 'b', 3 members: Too late."),
    ]


def test_a_word_that_ensembles_do_not_take_is_explained():
    (said,) = heard(("a", Warner('Set target_atoms="auto".')))
    assert said[1].endswith("takes no target_atoms; a single MDNRegressor does.)")


def test_one_member_may_be_alone():
    class Once(Warner):
        def fit(self, X, y, sample_weight=None):
            self.text = "Rows." if X[0, 0] == first else ""
            return super().fit(X, y, sample_weight)

    first = X[20, 0]
    assert heard(("a", Once())) == [(ConvergenceWarning, "View 'a': Rows.")]


def test_components_without_weight_are_no_fault_in_a_pool():
    view = Warner("1 of 5 components are dead.", DeadComponentsWarning)
    assert heard(("a", view)) == []


def test_the_taught_network_is_heard_too(monkeypatch):
    def taught_network(*args):
        warn_of_fit("Spreads.", ConvergenceWarning, stacklevel=1)
        warn_of_fit("1 of 5 components are dead.", DeadComponentsWarning, stacklevel=1)

    monkeypatch.setattr(fitting, "taught_network", taught_network)
    assert heard(("a", LinearGaussian())) == [(ConvergenceWarning, "The taught network: Spreads.")]


def test_a_warning_that_is_an_error_leaves_the_ensemble_as_it_was():
    model = MDNEnsembleRegressor([("a", LinearGaussian())], cv=3, random_state=0).fit(X, Y)
    before = model.predict(X)
    model.set_params(estimators=[("a", Warner("Narrow."))])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ConvergenceWarning, match="'a', 3 members"):
            model.fit(X, Y + 1)
    np.testing.assert_array_equal(model.predict(X), before)
