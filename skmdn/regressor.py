"""The estimator: checks at the door, fitted attributes, answers as densities."""

from __future__ import annotations

from copy import copy
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from skmdn._estimators.atomic_fit import unchanged_on_error
from skmdn._estimators.callbacks import CallbackSupportMixin, fit_task
from skmdn._estimators.fit_warnings import warn_of_fit
from skmdn._estimators.inputs import (
    check_groups,
    check_inputs,
    check_training_data,
    check_validation_data,
)
from skmdn._estimators.interrupts import pass_interrupt_on
from skmdn._estimators.point_estimates import points, spread_method
from skmdn._estimators.r2_score import ScoredRegressor
from skmdn._estimators.random_state import new_generator
from skmdn._estimators.sorted_rows import advice_on_sorted_rows
from skmdn._estimators.target_atoms import target_atoms
from skmdn._predictor import Predictor
from skmdn._training.settings import Settings, check_settings
from skmdn.mixture.arguments import as_generator
from skmdn.mixture.joining import Density

if TYPE_CHECKING:
    from skmdn._training.fitting import Fitted, PlainState
    from skmdn._training.going_on import Past


class MDNRegressor(CallbackSupportMixin, ScoredRegressor, BaseEstimator):
    r"""Mixture density network: predicts a whole density p(y | x) as a Gaussian mixture.

    For every row x a multilayer perceptron computes the mixing proportions (softmax), means and
    covariances of a mixture of K Gaussians over y. It is trained by minimising the negative
    log-likelihood [1]_,

    .. math:: -\log p(y \mid x) = -\log \sum_{k=1}^K \pi_k(x)\, N(y; \mu_k(x), \Sigma_k(x)).

    Inputs and targets are standardised inside, with the sample weights, and predictions are in the
    units of y. X may have gaps, and a DataFrame of pandas, polars or pyarrow may have columns of
    categories and text (see `categorical_features` and Notes). All parameters are keyword-only.

    Parameters
    ----------
    n_components : int, default=5
        Number of Gaussians K.
    covariance_type : {"spherical", "diag", "full"}, default="diag"
        Covariance of a component over several outputs: one variance for all standardised outputs,
        one variance per output, or a full matrix. With one output the three are the same.
    hidden_layer_sizes : array-like of int, default=(64, 64, 64)
        Units of the hidden layers; ``()`` makes all parameters linear in x.
    activation : {"silu", "relu", "tanh", "logistic", "identity"}, default="silu"
        Activation of the hidden layers.
    encoding : {"auto", "piecewise"} or None, default="auto"
        "piecewise" adds the columns of `skmdn.preprocessing.PiecewiseLinearEncoder` to the
        z-scores of the inputs; None keeps to the z-scores. In both cases z-scores are soft-clipped,
        ``z / sqrt(1 + (z / 5)**2)``, so that the network's inputs stay bounded. "auto" is
        "piecewise" unless few rows choose otherwise (see `alpha`).
    n_bins : int, default=16
        Bins per feature, with edges at quantiles of the training data. There are fewer if the
        network would otherwise have more than 2,048 inputs, and none for a feature of one or two
        values.
    extrapolation : {"auto", "damped", "linear", "constant", "continue"}, default="auto"
        What is predicted where a feature lies outside the range that it had in training.
        "constant" takes it at the nearer end of the range, as trees do. "linear" moves these
        densities on by what a ridge regression's line changes from there to the row, and adds the
        square of ``2 q`` times the change to their variances. "damped" adds the same, but moves by
        a part ``1 - q`` only, like the damped trend of a forecast [11]_. The doubt q is a half, but
        less along a line that leaves hardly anything: 1.6 times the root of the part of the
        variance of y that it leaves in rows left out. The changes are behind the map of
        `target_transform`, of z-scores that stay within `line_limit_`, and with "log" and "asinh"
        no farther than `target_range_` allows. Bends outside the range are not foreseen. "continue"
        lets the network go on as it may, for smooth relations that are known to go on; rows far
        outside then get densities that nothing has tested. It may be changed after `fit`.

        "auto" is "linear" where the order of the rows may be that of time, as rows to come mostly
        go on as those before: where `validation_split` is "blocks" or "last", or is "auto" and
        consecutive rows are alike. Few rows count here too, and so do rows sorted by y, which look
        like a series that only grows. In all other fits, and in `partial_fit`, it is "damped". A
        call that goes on keeps what there was.

        "damped" and "linear" also widen at a gap in a feature that had none in the fit: by the
        square of the line's slope by z-score, as the value may be any.

        The line is that of `linear_path`, or else fitted in the same way to at most 5,000 rows, of
        which copies are left out together. Without one, "damped" and "linear" are "constant": where
        y is constant, after `partial_fit` alone, and where both the rows and the inputs other than
        bins are more than 1,000.
    linear_path : {"auto", True, False}, default="auto"
        Whether a line is beside the network, which then learns the density of its residuals. The
        line is a ridge regression of y (behind its map, off its atoms) on the network's inputs
        other than bins. Its penalty is the one, for each output, whose squared errors of rows left
        out are least. For it z-scores are not bent but cut off at 5, or at 20 where the absolute
        errors of rows left out are then less by two standard errors, as skewed features may want.
        The network learns the residuals of each row from a line through all other rows, so that
        they are no smaller than those of new rows [8]_. Where a row lies away from the training
        rows, spreads are wider by its leverage, as the error of a line grows there. With more than
        20,000 rows the line is fitted to so many, evenly spaced ones. `partial_fit` fits no line;
        it keeps that of an earlier `fit`. "auto" is False unless few rows choose otherwise (see
        `alpha`).
    feature_weights : "auto" or None, default="auto"
        Whether features that promise more weigh more in training. Of more than 10 features and 10
        to 9,999 rows, "auto" multiplies the network's inputs by weights of their features, and the
        first layer by the same afterwards. So the first layer's weights begin larger for a feature
        that promises more, and change faster ("automatic relevance determination"), and many
        features that do not matter do less harm. The line has plain inputs.

        The square of a weight is ``10 / p + (1 - 10 / p) * p * s``, where p is the number of
        features and s the feature's share of what extremely randomised trees [12]_ learn of the
        rank of y, and of its distance from the median rank. Trees of the rows outside a fold tell
        the weights of its network, and the mean squares of all folds those of the network of all
        rows. Networks with and without weights are compared (see `alpha`). With validation data, or
        with ``validation_fraction=None``, they are not, and all rows tell the weights. Where a part
        of the rows is set aside, and in `partial_fit`, there are no weights. `fit` with
        `warm_start` goes on with those there are.

        None gives all features the same weight.
    alpha : float or "auto", default="auto"
        Decoupled weight decay [2]_: each step multiplies the weights, but not the intercepts, by
        ``1 - learning_rate * alpha``, or 0 if that is negative.

        "auto" is 0.04, but of 10 to 9,999 rows `fit` chooses `alpha`, `encoding` and `linear_path`
        by cross-validation, where one of the first two is "auto". Of fewer than 1,000 rows it
        compares 0.04 with encoding and without a line, ``100 / n`` with encoding, ``100 / n`` and
        ``300 / n`` without, and ``100 / n`` with encoding and a line; of more, the first, the third
        and the last of these. A decay is at least 0.04. Few noisy rows want a firm decay, plain
        inputs or a line; few rows without noise do not. A smooth relation wants plain inputs. With
        `feature_weights`, all of these have them, and one more is the first without them, also
        where `alpha` and `encoding` are set. Where 1,000 rows or more are not in folds, because
        there is a validation part or none is wanted, nothing is compared but the first and those
        with a line in a wide table, which has fewer than 10 rows per feature.

        Each is cross-validated in five folds (see `validation_fraction`), and given up where it is
        ``5 / sqrt(n)`` nats behind the best one at the same checkpoint, and never was better. The
        one is taken whose held-out rows have the largest log-likelihood, cut at 8 nats below its
        median, less the CRPS in units of that of the first. Of fewer than 60 rows it is the one
        with a line, unless another is better by 0.7 standard errors of the mean difference. This
        takes up to 6 times as long as a fit with nothing to compare. Where networks of folds draw
        targets (see `validation_fraction`), the network that learns from these gets half of this
        decay, set or chosen, as its gradients are noisier. Where less than a third of its targets
        are the rows' own, it gets less, in proportion to the root of their share: of a twelfth a
        quarter.
    learning_rate_init : float, default=0.015
        Largest learning rate of NAdam [3]_. The rate rises linearly over the first 5 % of the steps
        and then falls to zero along a cosine. `partial_fit` uses a constant third of it. At most
        1e30.
    max_grad_norm : float, default=10
        Largest Euclidean norm of the gradient of the mean loss; longer gradients are shortened.
        ``inf`` turns that off.
    batch_size : int or "auto", default="auto"
        Rows of a mini-batch. "auto" takes the power of two nearest to the square root of n, at
        least 32 and at most 256; copies count as rows. The last batch of a pass takes the remaining
        rows. A size above n means full batches.
    max_iter : int or "auto", default="auto"
        Largest number of passes over the data; training may end earlier (see
        `validation_fraction`). "auto" allows ``1000 * max(1, sqrt(n / 1000))`` steps. A pass over
        several copies of the rows (see there) counts as one for each copy.
    reg_covar : float, default=1e-6
        Floor of every variance, in units of the standardised y. It keeps components from
        collapsing onto single rows. With full covariances it is the floor of each output's variance
        given the outputs before it.

        In units of y, no standard deviation is above ``sqrt(n) * y_scale_`` before calibration, as
        no group of n targets spreads more. The floor of every standard deviation is
        ``sqrt(reg_covar) * y_scale_``: by default a thousandth of the standard deviation of y or,
        beside a line, of its residuals. If y is rounded to a resolution r, the density of its
        values can grow up to that floor. Then ``(r / y_scale_)**2`` makes the resolution the floor.
        Values that many rows share, such as zeros, are for `target_atoms`.
        Behind a `target_transform`, `y_scale_` and the floor are those of the transformed y; of its
        logarithm, for instance, a floor of 0.01 is 1 % of y.
    validation_fraction : float, "auto" or None, default="auto"
        Share of the rows that is set aside for validation. Their log-likelihood chooses among up to
        20 checkpoints of the training, and they calibrate the spreads.

        The last two checkpoints are a fine-tuning: training returns to the best checkpoint and goes
        on at 5 % of `learning_rate_init`. There is none if one of the two checkpoints before it is
        the best so far. After eight checkpoints without a better one the fine-tuning comes early
        and ends the training. With fewer than 20 checkpoints, as for few passes over many rows or
        fewer than ten validating rows, there is no fine-tuning.

        "auto" is a tenth. Of 10 to 9,999 rows none is set aside: networks of the rows outside each
        of five folds are trained side by side, and the log-likelihood of all rows, each by the
        network that has not seen it, tells at which checkpoint training no longer helps; five more
        without a better one end it. They are fine-tuned there, unless it is one of the last two, or
        before training and they are no better for it, or there are fewer than 20.

        One network of all rows, which is kept, then learns what the five know together [9]_. Every
        row is there several times, with its own target or with one drawn from the mean of the five
        densities, which are calibrated. Of fewer than 1,000 rows there are 48 copies, or more until
        they make 10,000 rows or a million numbers in X, whichever comes first, and one in
        ``3 + 60 max(u - n / 20000, 0)``, but at least one in 12, has its own target. Here u is the
        part of the variation of y that the folds of the chosen network leave: the square of their
        CRPS by that of the distribution of y. Of more rows there are 12 copies, of which one in
        ``3 + 180 max(u - 0.05, 0)``, but at least one, has it, and no more than two in a wide
        table. There are no more copies than `max_iter`, and beyond three no more than make 50
        million numbers. Where several networks are compared (see `alpha`), the mean is one of all
        that were not given up, with the weights that predict held-out rows best [10]_; that of a
        network beside a line is expected to be ``1 + 200 / n`` times the others. There are 3,200
        steps of fewer than 1,000 rows. Of more there are half the steps that 6 copies would get, in
        batches of the size that these would have; in a wide table, half of what 12 would get. The
        last parameters are kept. So one network gains most of what an ensemble would, and no row is
        lost to validation. Such a fit takes 6 to 8 times as long as with a number here, 13 to 15
        times where networks are compared, up to 17 times in a wide table, with `feature_weights` or
        of fewer than 1,000 rows, and of these up to 30 times if all is left to choose.

        Of fewer than 10 rows, where X holds more than 20 million numbers, with "last" (see
        `validation_split`) or with `warm_start`, a tenth is set aside, but at least 30 rows and at
        most a third.

        None trains on all rows, keeps the last parameters and does not calibrate.
    validation_split : {"auto", "shuffled", "blocks", "last"} or splitter, default="auto"
        Which rows are set aside, or which of few rows are folds (see `validation_fraction`).
        Validation data passed to `fit` take the place of all of this.

        "shuffled" cuts the rows into as many strata of like targets as rows are wanted and sets one
        random row of each aside. "blocks" sets runs of consecutive rows aside, spread at random
        over the whole order. A run has eight times the distance at which the autocorrelation of the
        ranks of y falls below 0.2, but no more than a tenth of the validation part. Rows at its
        ends still have neighbours that train, so a forecast calibrates too (see `calibrate`).
        "last" sets the last rows aside, which is the honest judge of rows still to come; but then
        the newest rows do not train. Of a splitter, such as ``TimeSeriesSplit(gap=24)``, the last
        split is taken: its training part trains, its test part validates. It need not have
        `validation_fraction` of the rows. It is asked about all rows, those of weight zero too.

        "auto" sets whole groups aside if `fit` gets `groups`: about as many rows as wanted, with
        targets like those of all rows. Otherwise it asks whether consecutive rows are alike, as in
        a series or where copies of a row follow each other. Then shuffled rows have neighbours that
        train, and are no judge of rows to come. If so, "auto" takes "blocks", unless runs would be
        shorter than three rows, and otherwise "shuffled". The test is that of von Neumann's ratio
        of the ranks of y [5]_, per output. In a random order it errs in one of 10,000 cases. It
        ignores rows of weight zero, and other weights. Rows sorted by y, or in at most ten such
        pieces, count as shuffled. Rows sorted by a feature look like a series and get "blocks";
        pass "shuffled" if they are independent.

        Where shuffled rows would be taken and many are copies of others, as in a bootstrap sample,
        copies stay together. Rows are copies if rows of equal features nearly always have equal
        targets, which few pairs of rows have by chance. They are looked for in tables of at most
        five million cells, and where at least 15 % of the rows are distinct.

        With groups, "shuffled" is the same as "auto", "last" sets the last groups aside in the
        order of their first rows, and "blocks" is refused.
    calibrate : bool, default=True
        Whether to calibrate on the validation part. Checkpoints are then compared at the best
        common factor of their scales, and after training every covariance becomes
        ``a**2 Sigma + b**2 I`` (in units of the standardised y), with a and b fitted under a weak
        prior for no change. In both, no row counts as less likely than 60 nats per standardised
        output, so that a mistyped target does not widen the densities of all rows. For small
        samples b also stands for epistemic uncertainty: if `fit` sets the validation part aside
        itself, b is at least ``exp(-(n / 21)**2)``, which is 0.8 for 10 rows, 0.1 for 30 and
        negligible from 80 on. With `warm_start` this minimum is never more than the b before the
        call.

        Folds take the place of the validation part where there is none, and there is no least b. As
        five networks together, and one of all rows, are closer to new rows than each of the five,
        the five get a to the power of 0.75 and 0.75 of b squared before they teach. The network of
        all rows gets such a share of these as the rows' own targets have among all that it learns
        from: of a third, a to the power of 0.25 and 0.25 of b squared. Where several networks are
        compared, its a and b are half those of the chosen one and half a mean of all.

        Where runs of rows validate ("blocks"), spreads are made for rows to come too: a network
        trained on the first three quarters of the rows, with a quarter of the steps, predicts the
        others, which may lie outside the range of its own rows. Spreads become wider by the whole
        a, if it is above 1, and b squared of these, where a is about 3 at most. A call that goes on
        (`warm_start`) forecasts nothing.
    categorical_features : "from_dtype", array-like or None, default="from_dtype"
        Features that hold categories. "from_dtype" takes the columns of a DataFrame whose type is
        categorical, text or boolean, and those of objects with text or booleans; an array has none.
        Otherwise a mask of the features ``(p,)``, their indices, or their names. Integer codes
        count as categories only if they are named here. None treats all features as numbers, and
        refuses text. A list replaces what the types say, so it must name the columns of text too.

        The categories of a column are the values that it has in fit in rows with weight; all must
        be text, booleans or numbers. Each category of at least ``n / 200`` rows, but at least 5 and
        at most 10, has an input of the network, which is 1 in its rows and 0 in others. Rarer ones
        share an input, and gaps have one of their own. With weights, rows count by their weight
        over the mean weight. A category that was not seen in fit, or a gap where fit had none, gets
        the share of the rows at each of these inputs.

        The network has at most 2,048 inputs, of which categories take at most half of what z-scores
        leave, or all of it without an encoding. Where there is no room for all, the most frequent
        ones have inputs, and every feature one for the others. A feature with more than 5 % of its
        rows in shared inputs also gets, by category, the mean of what a line in the features of
        numbers leaves of each target, shrunk towards that of all rows as in a model of random
        effects [6]_. In training, a row gets the means of the four fifths of the rows that it does
        not belong to.

        Text of which more than 90 % of the rows differ, such as names and ids, is refused, and so
        are dates, durations and intervals. Words in an array are refused too: pass a DataFrame.
        Text that looks like numbers or dates, as files give them, is taken with a warning.
    target_transform : None, {"auto", "log", "logit", "asinh"}, object or list, default=None
        Map of y that the network predicts a Gaussian mixture of. What is predicted is the density
        of y itself, with the exact Jacobian, as a `TargetMixture`. "log" is for positive y with a
        long tail: no density is left below zero. "asinh" is a logarithm on both sides, and "logit"
        is for y between 0 and 1. Objects of `skmdn.transforms` have parameters, as in
        ``Log(lower=18)``, ``Logit(0, 100)`` and ``Asinh(0, scale=50)``. A list has one for each
        output. Targets outside the support of the map, bounds among them, are an error.

        "auto" tries "log" where all targets are positive and "logit" where all are between 0 and 1,
        for each output by itself. A kernel regression of 150 rows drops maps by which the
        leave-one-out log-likelihood, in the units of y, gains no more than 0.03 nats. For others,
        short trainings with and without the map are compared on held-out rows: `X_val`, or else a
        third of the rows, at most 1,000, set aside as `validation_split` says. A map is taken if
        its mean gain is more than 0.03 nats and 1.28 of its standard errors, and otherwise none.
        The model is then the same as with the chosen map passed in place of "auto". A choice costs
        up to 30 % of a fit, less than a tenth where no map promises anything, and half a fit where
        several outputs gain.

        There is no map with fewer than 20 rows to judge, which means fewer than 60 rows in all;
        without validation (``validation_fraction=None``); and at a first `partial_fit`. Later calls
        keep the map. Rows of weight zero do not count, targets in `y_val` do. Bounds are never
        estimated from data.
    target_atoms : None, "auto" or array-like of float, default=None
        Values that y takes exactly with a probability of their own: zeros, a cap, grades. Each is
        one more class of the network's softmax, beside the mixture for all other y, and what is
        predicted is a `TargetMixture` with these atoms. They need not lie in the support of
        `target_transform`: positive y with zeros are ``target_atoms=[0], target_transform="log"``.
        The mixture keeps a probability of at least 1e-4. Atoms need one output: with several, a
        list is an error, and "auto" finds none.

        "auto" looks for atoms among the rows with weight. If y takes at most 12 values, with at
        least 10 distinct rows (X, y) a value in the mean, all of them are atoms. Otherwise an atom
        is a value of at least 1 % of the rows and 10 distinct ones, so frequent that no density
        explains it. It must be 5 times as frequent as any value that is no atom; at an end of y, as
        any of the ten nearest ones, and 3 times as frequent as heaps elsewhere, which are values 5
        times as frequent as their ten nearest. And it must be 5 times as frequent as if the values
        next to it went on to grow at their rate. There are at most 3. Rounded measurements and
        copies of whole rows make no atoms. Counts of many values have none but a large excess, as
        of zeros; compare models of counts by CRPS.

        Atoms change what a log-likelihood means, as a probability is no density. Compare models
        with different atoms by CRPS, or by `metrics.log_likelihood_score` with a `resolution`.
    warm_start : bool, default=False
        Whether `fit` continues from the present parameters, if there are any. It is meant for more
        steps on the same rows: every call sets the same ones aside, whatever `random_state` is, and
        shuffles the others differently. So the first call makes no folds (see
        `validation_fraction`), and few rows are predicted less well. A model that is fitted without
        `warm_start` may have trained on all rows; a warning says so where a call goes on from it
        and sets some of them aside.

        Scaling and bins stay as they are, except for columns that did not vary before. Categories
        stay those of the first call: later ones count as unseen. Atoms stay too. The largest
        learning rate is half of `learning_rate_init`. It halves after every call that found nothing
        better on the validation part, which a warning reports, but not below a fiftieth of it.
    point_estimate : {"mean", "median", "mode"}, default="mean"
        What `predict` returns. With atoms, the mode is the likeliest one where they together have
        at least half of the probability, and otherwise that of the density.
    device : str, default="cpu"
        "cpu", "cuda", "cuda:<number>" or "auto". A model fitted on a GPU predicts on the CPU if
        there is no GPU. "auto" trains on a GPU if torch sees one and it is worth it: from 10
        million multiply-adds per step (``batch_size`` times about three times the number of
        weights) and 20 billion in all. It predicts on the CPU. On a GPU the rows are shuffled in
        another order.
    dtype : {"float32", "float64"}, default="float32"
        Precision of the training.
    random_state : int, RandomState instance or None, default=None
        Seed of the validation part, the initialisation and the order of rows. None draws fresh
        entropy.
    verbose : bool or int, default=0
        Whether to show progress: in a bar if tqdm is installed, else in lines.

    Attributes
    ----------
    n_features_in_ : int
        Number of features p.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where X had any.
    n_outputs_ : int
        Number of outputs D.
    n_iter_ : int
        Passes over the data, the last one perhaps in part. A pass is one over all copies.
    n_copies_ : int
        How often each row was there in training. It is 1 unless targets were drawn, by networks of
        folds (see `validation_fraction`) or by an ensemble that taught this network.
    loss_curve_ : list of float
        Mean negative log-likelihood of the training rows during each pass, in nats per row; where
        targets were drawn, of these too.
    validation_loss_curve_ : list of float
        Mean negative log-likelihood of the validation part, or of all folds, before training and at
        every checkpoint; with `calibrate`, at the best common factor of the scales. A feature
        outside its training range is at the end of it, unless `extrapolation` is "continue". Empty
        where no row validates.
    validation_split_ : {"shuffled", "copies", "blocks", "last", "groups", "splitter"} or None
        How the validation part was chosen, or the folds of few rows; None without either. "copies"
        are shuffled, but for copies of rows, which stay together.
    dependence_p_value_ : float or None
        P-value of the test whether consecutive rows are alike; None if "auto" did not ask. Below
        1e-4 they are. It is 1 for fewer than ten rows.
    fine_tuning_start_ : float or None
        Passes made before the fine-tuning; None if there was none, as where targets were drawn.
    alpha_ : float
        The weight decay, as set or chosen.
    encoding_ : "piecewise" or None
        The encoding, as set or chosen.
    extrapolation_ : {"damped", "linear", "constant", "continue"}
        The extrapolation, as set or chosen.
    feature_weights_ : ndarray of shape (n_features_in_,) or None
        Weights of the features in training; None where all weigh the same.
    linear_coef_ : ndarray of shape (q, n_outputs_) or None
        Slopes of the linear path, in units of y (behind its map); None without one. Its q inputs
        are z-scores, cut off at `line_limit_`, and those of the network for gaps and categories.
    linear_intercept_, linear_penalty_ : ndarray of shape (n_outputs_,) or None
        Intercepts of the linear path, and its penalties, of mean squared errors.
    linear_leverage_, linear_mean_leverage_ : ndarray of shape (q + 1, r), float; or None
        Slopes and, last, intercepts of scores, whose squares add up to a row's leverage h; and the
        mean m of h over the training rows. Spreads are wider by ``sqrt((1 + h) / (1 + m))`` where
        that is more than 1.
    outside_coef_ : ndarray of shape (q, n_outputs_) or None
        Slopes of the line along which "damped" and "linear" go on, in units of y (behind its map)
        by z-score of the q features of numbers; None without one.
    outside_doubt_ : ndarray of shape (n_outputs_,) or None
        Part q of that line's change that is doubted; None without one.
    line_limit_ : float or None
        Where z-scores are cut off for both lines, 5 or 20.
    coefs_, intercepts_ : list of ndarray
        Weights ``(in, out)`` and intercepts ``(out,)`` of the layers. The network's inputs are,
        side by side, the z-scores of the features of numbers, their bins, the indicators of gaps,
        and the inputs of the features with categories.
    X_mean_, X_scale_ : ndarray of shape (n_features_in_,)
        Scaling of the inputs, without gaps. A constant column has the scale ``inf``, which takes
        away its influence; so has a feature with categories, whose mean is 0.
    X_min_, X_max_ : ndarray of shape (n_features_in_,)
        Range of the inputs in training, without gaps and rows of less than a millionth of the
        largest weight. It is infinite for a feature with categories.
    X_count_ : ndarray of int of shape (n_features_in_,)
        Number of rows in which each feature had no gap. A feature of numbers with
        ``0 < X_count_ < n_samples_seen_`` has an indicator of gaps.
    categories_ : list of (ndarray or None) or None
        Sorted categories of every feature, None for features of numbers; None if no feature has
        any. Inside, a category is its position in this list, its code.
    category_indicators_ : list of (ndarray of int or None) or None
        Of every feature with L categories ``(L + 2,)``: which of its indicators belongs to each
        category, to an unseen one and to a gap; -1 for none.
    category_shares_ : list of (ndarray or None) or None
        Share of the rows at each indicator of every feature with categories.
    category_means_ : list of (ndarray or None) or None
        Shrunk means, by category ``(L + 2, n_outputs_)``, of what a line leaves of the standardised
        targets, in units of their standard deviation between categories; None for features that
        need none.
    target_transform_ : object of skmdn.transforms, tuple of them or None
        The map of y, also one that "auto" chose; for several outputs, a tuple with the map of
        each.
    target_range_ : ndarray of shape (n_outputs_, 2) or None
        The least and the greatest training target behind the map of each output. With "log" and
        "asinh", predicted components have means within this range, or a quarter of `y_scale_`
        outside, and their means of y are at most the largest target times
        ``exp(0.5 + y_scale_ / 4)``, and times their weight if they are wider than `y_scale_` and
        than one. For that they are made narrower: otherwise a component of hardly any weight would
        have most of the mean of y. With "logit", none is wider than half the range. An output that
        stays as it is has the range ``(-inf, inf)`` and no such bounds. None without a map.
    target_atoms_ : ndarray of shape (A,) or None
        The atoms, ascending; None if there are none.
    atom_temperature_ : float
        With `calibrate`, the validation part chooses the temperature T of the probabilities of the
        atoms and the rest, which become proportional to their power 1 / T [7]_. Folds do so for
        their networks; that of all rows has a power of T, the share of its own targets. 1 without
        atoms or calibration.
    y_mean_, y_scale_ : ndarray of shape (n_outputs_,)
        Scaling of the targets, behind their map if there is one, without those at atoms. Where all
        are at atoms, it is that of the atoms. With a linear path it is that of the residuals.
    y_count_ : int
        Number of rows from which the scaling of y was learned; 0 where all were at atoms.
    bin_edges_ : list of ndarray or None
        Edges of the bins of every feature, computed without gaps; None without encoding. A feature
        with categories, or all of gaps, has none ``(0,)``.
    spread_factor_, spread_noise_ : float
        The calibration's a and b; 1 and 0 without one, as after `partial_fit`.
    y_varies_ : ndarray of shape (n_outputs_,)
        Whether each target varied. The scale of a constant target is 1.
    n_samples_seen_ : int
        Number of rows that the scaling was learned from, those with gaps among them.
    n_calls_ : int
        Number of consecutive calls of `fit` and `partial_fit` that led to this model.
    next_learning_rate_ : float
        Largest learning rate of the next call of `fit` with `warm_start`.
    seed_ : int or None
        Seed of the rows that `fit` set aside, for the next call with `warm_start`; None if it set
        none aside.
    optimizer_state_ : tuple
        State of the optimiser after `partial_fit`: its parameters and the two moments of their
        gradient, each a list of layers ``(in + 1, out)``, and the number of steps.
    y_ndim_ : int
        1 where y was one-dimensional at fit, so that answers have no outputs axis, else 2.
    architecture_ : dict
        Components, atoms, covariance type, activation, sizes and scale floor of the fitted network.

    Notes
    -----
    A gap in X is NaN, None, pandas' NA or a null. At a gap of a feature that had gaps in fit, the
    z-score is 0, all bins are half filled, and an indicator input is 1. (`PiecewiseLinearEncoder`
    fills no bin; half filled ones predict better.) A feature that had none is taken at its mean. So
    is a feature that had nothing but gaps. Infinity is refused. The answer for a row does not
    depend on the other rows.

    A DataFrame's columns are put in the order of fit by their names. Frames of pandas, polars and
    pyarrow with equal contents give equal answers.

    An interrupt from the keyboard (Ctrl-C) ends the training and keeps the best model so far, with
    a warning; while networks of folds are trained there is none yet, and it ends the fit. So in
    scikit-learn's searches and `cross_val_score` it ends one fit only, while the ensemble,
    `ConformalMDNRegressor` and `cross_val_predict_proba` end as a whole.

    From version 1.9 on, scikit-learn has callbacks (`set_callbacks`). Each checkpoint of the
    last training in `fit` is one task, called "checkpoint"; networks of folds report none. A
    callback that returns True at its end ends the training, and the best model so far is kept. If
    one raises, the estimator is what it was before the call; but KeyboardInterrupt is Ctrl-C.

    If residuals of held-out rows go together in the order of the rows, though the
    split takes these rows, or runs of rows, to be independent, `fit` warns once and says what to
    do. In a random order it does so in one of 10,000 fits.

    With metadata routing enabled, `fit` asks for `groups`, so that a search or `cross_validate`
    with groups passes them on.

    `score` is R² of `predict`, as for every regressor; it cannot judge a density. Pass
    ``scoring=skmdn.metrics.log_likelihood_scorer`` to GridSearchCV and its kin.

    The fitted state is NumPy arrays and plain values: a model loads and predicts without torch.

    References
    ----------
    .. [1] C. M. Bishop, "Mixture density networks", Technical Report NCRG/94/004, Aston University,
       1994.
    .. [2] I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR 2019.
    .. [3] T. Dozat, "Incorporating Nesterov momentum into Adam", ICLR 2016 workshop track.
    .. [4] O. Shamir and T. Zhang, "Stochastic gradient descent for non-smooth optimization", ICML
       2013.
    .. [5] R. Bartels, "The rank version of von Neumann's ratio test for randomness", J. Am. Stat.
       Assoc. 77 (1982).
    .. [6] S. R. Searle, G. Casella and C. E. McCulloch, "Variance components", Wiley 1992.
    .. [7] C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On calibration of modern neural
       networks", ICML 2017.
    .. [8] R. D. Cook and S. Weisberg, "Residuals and influence in regression", Chapman and Hall
       1982, section 2.2.
    .. [9] G. Hinton, O. Vinyals and J. Dean, "Distilling the knowledge in a neural network",
       arXiv:1503.02531, 2015.
    .. [10] Y. Yao, A. Vehtari, D. Simpson and A. Gelman, "Using stacking to average Bayesian
       predictive distributions", Bayesian Analysis 13 (2018).
    .. [11] E. S. Gardner and E. McKenzie, "Forecasting trends in time series", Management Science
       31 (1985).
    .. [12] P. Geurts, D. Ernst and L. Wehenkel, "Extremely randomized trees", Machine Learning 63
       (2006).

    Examples
    --------
    >>> import numpy as np
    >>> from skmdn import MDNRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(-1, 1, (400, 1))
    >>> y = rng.choice([-1.0, 1.0], 400) + 0.1 * rng.normal(size=400)  # two answers
    >>> model = MDNRegressor(n_components=2, max_iter=30, random_state=0).fit(X, y)
    >>> density = model.predict_proba([[0.5]])
    >>> density.modes().round(1).shape
    (1, 2)
    """

    __metadata_request__fit: ClassVar[dict[str, bool]] = {"groups": True}

    def __init__(
        self,
        *,
        n_components: int = 5,
        covariance_type: str = "diag",
        hidden_layer_sizes: ArrayLike = (64, 64, 64),
        activation: str = "silu",
        encoding: str | None = "auto",
        n_bins: int = 16,
        extrapolation: str = "auto",
        linear_path: bool | str = "auto",
        feature_weights: str | None = "auto",
        alpha: float | str = "auto",
        learning_rate_init: float = 0.015,
        max_grad_norm: float = 10.0,
        batch_size: int | str = "auto",
        max_iter: int | str = "auto",
        reg_covar: float = 1e-6,
        validation_fraction: float | str | None = "auto",
        validation_split: Any = "auto",
        calibrate: bool = True,
        categorical_features: ArrayLike | str | None = "from_dtype",
        target_transform: Any = None,
        target_atoms: ArrayLike | str | None = None,
        warm_start: bool = False,
        point_estimate: str = "mean",
        device: str = "cpu",
        dtype: str = "float32",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.encoding = encoding
        self.n_bins = n_bins
        self.extrapolation = extrapolation
        self.linear_path = linear_path
        self.feature_weights = feature_weights
        self.alpha = alpha
        self.learning_rate_init = learning_rate_init
        self.max_grad_norm = max_grad_norm
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.reg_covar = reg_covar
        self.validation_fraction = validation_fraction
        self.validation_split = validation_split
        self.calibrate = calibrate
        self.categorical_features = categorical_features
        self.target_transform = target_transform
        self.target_atoms = target_atoms
        self.warm_start = warm_start
        self.point_estimate = point_estimate
        self.device = device
        self.dtype = dtype
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> MDNRegressor:
        """Fit the density of y given X.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n, p)
            Inputs, dense. Gaps are allowed; infinity is not.
        y : array-like of shape (n,) or (n, D)
            Targets, up to 1e300 in size (standard deviations from 1e153 on are infinite). Answers
            have an outputs axis exactly if y has one.
        sample_weight : array-like of shape (n,), default=None
            Non-negative weights. A weight of two counts as the row twice, also in the scaling and
            the initialisation. Rows of weight zero are ignored.
        groups : array-like of shape (n,), default=None
            Group of every row, such as a patient or a machine. A group either trains or validates
            (see `validation_split`).
        X_val, y_val, sample_weight_val : array-like, default=None
            Validation data in place of a part of X and y. X_val may have gaps, and categories that
            X has not.

        Returns
        -------
        self : MDNRegressor

        Raises
        ------
        TypeError
            If X is sparse, or rows are not in memory.
        ValueError
            If a constructor value or an argument is not as described. The estimator is then what it
            was before the call.
        """
        from skmdn._training import fitting  # imports torch, which predicting does not need

        most = fitting.MOST_CHECKPOINTS
        with unchanged_on_error(self), fit_task(self, X, y, sample_weight, most) as task:
            settings = Settings.of(self)
            past = self._past() if self.warm_start else None
            data = check_training_data(self, X, y, sample_weight, reset=past is None)
            validation = check_validation_data(self, X_val, y_val, sample_weight_val, data)
            labels = check_groups(groups, len(data.y))
            n_calls = 0 if past is None else past.n_calls
            watch = fitting.Watch(task, lambda now: copy(self)._keep_fit(now, n_calls))
            fitted = fitting.fit(settings, data, validation, labels, past, watch)
            self._keep_fit(fitted, n_calls)
            _warn_of(fitted)
            if isinstance(self.validation_split, str) and self.validation_split == "auto":
                table = X if hasattr(X, "columns") else data.X
                _warn_of_sorted_rows(table, fitted.widening)
        return self

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> MDNRegressor:
        """Make one pass over a part of the data, at a constant third of `learning_rate_init`.

        Each call updates the scaling with the means and variances of its rows. The network is
        rescaled at the same time, so that its predictions stay the same: exactly for the targets,
        except for the floor of the scales and for "spherical" covariances of several outputs, and
        approximately for the inputs, whose soft clip is not linear. A feature that was constant so
        far counts as soon as it varies. It gets bins from the first call that has at least
        ``2 * n_bins`` rows and more than two values of it.

        Predictions use an average of the parameters over about the last tenth of all steps
        (reference 4 of the class), which removes the noise of the constant learning rate. The
        optimiser continues from the parameters themselves. There is no validation part. If an
        earlier `fit` calibrated the spreads, their factor is built into the network, and their
        noise and the temperature of atoms are dropped. Atoms stay those of the first call.

        There is no early stopping: with many passes over few rows the network overfits, so watch
        the likelihood of held-out rows.

        The parts should resemble one another: shuffle the rows before cutting them into parts. If
        they cannot (one season after another), a smaller `learning_rate_init` forgets less.

        Categories stay those of the first call: later ones count as unseen. A feature that first
        has gaps in a later call gets its indicator then, and predictions at gaps stay the same.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n, p)
            Inputs. Gaps are allowed; infinity is not.
        y : array-like of shape (n,) or (n, D)
            Targets.
        sample_weight : array-like of shape (n,), default=None
            Non-negative weights, relative to the other rows of this call.

        Returns
        -------
        self : MDNRegressor

        Raises
        ------
        TypeError
            If X is sparse, or rows are not in memory.
        ValueError
            If a constructor value or an argument is not as described. The estimator is then what it
            was before the call.
        """
        from skmdn._training import fitting  # imports torch, which predicting does not need

        with unchanged_on_error(self):
            settings = Settings.of(self)
            past = self._past()
            data = check_training_data(self, X, y, sample_weight, reset=past is None)
            state = getattr(self, "optimizer_state_", None)
            fitted = fitting.fit_part(settings, data, past, state)
            trained, goes_on = fitted.trained, past is not None
            self._keep(fitted, n_calls=self.n_calls_ if goes_on else 0)
            _warn_of(fitted)
            self.loss_curve_: list[float] = [
                *(self.loss_curve_ if goes_on else []),
                *trained.loss_curve,
            ]
            self.n_iter_: int = (self.n_iter_ if goes_on else 0) + trained.n_passes
            self.optimizer_state_: PlainState = (*trained.state,)
        return self

    def predict_proba(self, X: ArrayLike) -> Density:
        """Predict the density of y for every row.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n, p)
            Inputs with the features of fit; gaps are allowed. The network computes in the precision
            of an array, float64 or float32, and in float64 for a DataFrame with categories.

        Returns
        -------
        Mixture or TargetMixture
            n Gaussian mixtures, one per row; with a `target_transform`, behind its maps, and with
            `target_atoms`, beside these. If y is
            positive but much of the density is below zero, set ``target_transform="log"``.

        Raises
        ------
        ValueError
            If X is not as described, or a constructor value has been changed to one out of range.
        """
        predictor = self._predictor()
        check_settings(self)
        return predictor.density(check_inputs(self, X))

    def predict(
        self, X: ArrayLike, return_std: bool = False, return_cov: bool = False
    ) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """Predict a point for every row: the mean, median or mode, as `point_estimate` says.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n, p)
            Inputs with the features of fit; gaps are allowed.
        return_std : bool, default=False
            Whether to return the standard deviation too, in the shape of the point.
        return_cov : bool, default=False
            Whether to return the covariance between outputs too, ``(n, D, D)``, or the variance
            ``(n,)`` where y was one-dimensional.

        Returns
        -------
        point : ndarray of shape (n,) or (n, D)
        spread : ndarray
            Only with `return_std` or `return_cov`.

        Raises
        ------
        ValueError
            If both flags are set, or if a constructor value has been changed to one out of range.
        """
        predictor = self._predictor()
        check_settings(self)
        spread = spread_method(return_std=return_std, return_cov=return_cov)
        chunks = predictor.densities(check_inputs(self, X))
        return points(chunks, self.point_estimate, spread)

    def sample(self, X: ArrayLike, n_samples: int = 1, random_state: Any = None) -> np.ndarray:
        """Draw from the predicted density of every row.

        The same as ``predict_proba(X).sample(n_samples, random_state)``, in bounded memory.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n, p)
            Inputs with the features of fit; gaps are allowed.
        n_samples : int, default=1
            Draws S per row.
        random_state : int, RandomState instance, Generator or None, default=None
            None draws fresh entropy.

        Returns
        -------
        ndarray of shape (n, S) or (n, S, D)

        Raises
        ------
        ValueError
            If X is not as described, or a constructor value has been changed to one out of range.
        """
        predictor = self._predictor()
        check_settings(self)
        rng = as_generator(random_state)
        chunks = predictor.densities(check_inputs(self, X))
        return np.concatenate([density.sample(n_samples, rng) for density in chunks])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.input_tags.allow_nan = True
        return tags

    def _chosen_target_atoms(
        self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None
    ) -> list[float] | None:
        """What "auto" finds among some rows, for a meta-estimator around this one."""
        data = check_training_data(clone(self), X, y, sample_weight, reset=True)
        atoms = target_atoms("auto", data)
        return None if atoms is None else atoms.tolist()

    def _chosen_target_transform(
        self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None
    ) -> Any:
        """What "auto" chooses for some rows, for a meta-estimator around this one."""
        return choose_target_transform(self, X, y, sample_weight, groups=groups)

    def _fit_taught(
        self, X: Any, y: Any, sample_weight: Any, density: Density, unexplained: float
    ) -> MDNRegressor:
        """Fit to all rows and to targets drawn from densities of y for them; nothing is calibrated.

        It is for a meta-estimator around this one, whose members predict the densities, and leave
        an `unexplained` part of the variation of y.
        """
        from skmdn._training import fitting

        with unchanged_on_error(self):
            settings = replace(Settings.of(self), validation_fraction=None, calibrate=False)
            data = check_training_data(self, X, y, sample_weight, reset=True)
            fitted = fitting.fit_taught(settings, data, density, unexplained)
            self._keep_fit(fitted, n_calls=0)
            _warn_of(fitted)
        return self

    def _is_fitted(self) -> bool:
        return hasattr(self, "coefs_")

    def _predictor(self) -> Predictor:
        """The fitted network."""
        check_is_fitted(self)
        return Predictor.of(self)

    def _past(self) -> Past | None:
        """The fit to go on from, if there was one."""
        from skmdn._training.going_on import Past

        if not self._is_fitted():
            return None
        rate, weights = self.next_learning_rate_, self.feature_weights_
        return Past(
            self._predictor(), self.n_calls_, rate, self.alpha_, self.encoding_, weights, self.seed_
        )

    def _keep(self, fitted: Fitted, *, n_calls: int) -> None:
        """Turn a network fitted after `n_calls` others into attributes."""
        self.n_calls_: int = n_calls + 1
        self.next_learning_rate_: float = fitted.next_rate
        self.seed_: int | None = fitted.seed
        self.n_copies_ = fitted.n_copies
        self.alpha_, self.encoding_ = fitted.settings.alpha, fitted.settings.encoding
        self.feature_weights_ = fitted.feature_weights
        predictor, line = fitted.predictor, fitted.predictor.line
        of_line: tuple[Any, ...] = (None,) * 5 if line is None else line[:5]
        self.linear_coef_, self.linear_intercept_, self.linear_penalty_, *of_leverage = of_line
        self.linear_leverage_, self.linear_mean_leverage_ = of_leverage
        outside = predictor.outside
        self.line_limit_ = None if outside is None else outside.limit
        self.outside_coef_ = None if outside is None else outside.coef
        self.outside_doubt_ = None if outside is None else outside.doubt
        preparation = predictor.preparation
        self.extrapolation_ = preparation.extrapolation
        self.X_mean_, self.X_scale_ = preparation.X_mean, preparation.X_scale
        self.X_min_, self.X_max_ = preparation.X_min, preparation.X_max
        self.y_mean_, self.y_scale_ = preparation.y_mean, preparation.y_scale
        self.y_varies_, encoding = preparation.y_varies, preparation.encoding
        self.y_count_ = preparation.y_count
        self.X_count_, self.n_samples_seen_ = preparation.X_count, preparation.n_seen
        categories = preparation.categories
        self.category_indicators_ = self.category_shares_ = self.category_means_ = None
        if categories is not None:
            self.category_indicators_, self.category_shares_, self.category_means_ = (
                categories.by_feature(self.n_features_in_)
            )
        self.bin_edges_ = None if encoding is None else encoding.edges
        self.n_outputs_ = len(self.y_mean_)
        self.y_ndim_, maps = predictor.y_ndim, predictor.target_maps
        self.target_transform_ = maps[0] if maps is not None and len(maps) == 1 else maps
        self.target_range_ = predictor.target_range
        self.target_atoms_ = predictor.target_atoms
        self.atom_temperature_ = predictor.atom_temperature
        self.coefs_, self.intercepts_ = predictor.coefs, predictor.intercepts
        self.architecture_ = asdict(predictor.architecture)
        self.spread_factor_ = predictor.spread_factor
        self.spread_noise_ = predictor.spread_noise
        self.validation_loss_curve_ = fitted.trained.validation_loss_curve
        self.fine_tuning_start_ = fitted.trained.fine_tuning_start
        self.validation_split_: str | None = fitted.split.kind
        self.dependence_p_value_: float | None = fitted.split.p_value

    def _keep_fit(self, fitted: Fitted, n_calls: int) -> MDNRegressor:
        """The same, with what `fit` alone keeps."""
        self._keep(fitted, n_calls=n_calls)
        self.loss_curve_ = fitted.trained.loss_curve
        self.n_iter_ = fitted.trained.n_passes
        # The optimiser's moments belong to partial_fit; here they would only make models large.
        if hasattr(self, "optimizer_state_"):
            del self.optimizer_state_
        return self


def choose_target_transform(
    model: MDNRegressor,
    X: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    groups: ArrayLike | None = None,
) -> Any:
    """The `target_transform` that "auto" would choose, whatever that of `model` is.

    The arguments are those of `fit`, and are checked alike. The model stays as it is.

    Parameters
    ----------
    model : MDNRegressor
        Its other settings count.
    X : array-like or DataFrame of shape (n, p)
        Inputs.
    y : array-like of shape (n,) or (n, D)
        Targets.
    sample_weight : array-like of shape (n,), default=None
        Non-negative weights.
    groups : array-like of shape (n,), default=None
        Group of every row.

    Returns
    -------
    None, object of skmdn.transforms or list of them
        A value for `target_transform`; for several outputs, a list with the map of each.

    Raises
    ------
    TypeError
        If `model` is no MDNRegressor.
    ValueError
        If a constructor value or an argument is not as described.

    Examples
    --------
    >>> import numpy as np
    >>> from skmdn import MDNRegressor
    >>> from skmdn.regressor import choose_target_transform
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(600, 2))
    >>> y = np.exp(1.5 * (X[:, 0] + rng.normal(size=600)))  # a long tail
    >>> choose_target_transform(MDNRegressor(random_state=0), X, y)
    Log(lower=0.0)
    """
    from skmdn._training import choices  # imports torch, which predicting does not need

    if not isinstance(model, MDNRegressor):
        raise TypeError(
            f"model: expected an MDNRegressor, got {model!r}. Of a Pipeline pass the last step, "
            "and X as its transformers give it."
        )
    model = clone(model)
    settings = Settings.of(model)
    data = check_training_data(model, X, y, sample_weight, reset=True)
    labels = check_groups(groups, len(data.y))
    atoms, rng = target_atoms(settings.target_atoms, data), new_generator(settings.random_state)
    maps = choices.choose_maps(settings, data, None, atoms, labels, rng)
    if maps is None or len(maps) == 1:
        return None if maps is None else maps[0]
    return list(maps)


def _warn_of_sorted_rows(X: ArrayLike, widening: float) -> None:
    """Say that "auto" has taken rows that are sorted by a feature for a series."""
    for one in advice_on_sorted_rows(X, widening, "pass validation_split='shuffled'"):
        warn_of_fit(*one, stacklevel=3)


def _warn_of(fitted: Fitted) -> None:
    """Say what went wrong in a training."""
    trained = fitted.trained
    if trained.interrupted:
        pass_interrupt_on()
        warn_of_fit("Training interrupted by user: the best model so far is kept.", stacklevel=3)
    if fitted.dependence is not None:
        warn_of_fit(fitted.dependence, stacklevel=3)
    if trained.n_recoveries:
        message = (
            f"The loss or its gradient was not finite {trained.n_recoveries} time(s): training "
            "went back to the last good parameters and on with half the learning rate. A smaller "
            "learning_rate_init or a larger reg_covar may help."
        )
        warn_of_fit(message, ConvergenceWarning, stacklevel=3)
    for one in fitted.advice:
        warn_of_fit(*one, stacklevel=3)
