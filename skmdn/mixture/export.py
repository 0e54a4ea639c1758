"""Mixtures as objects of scipy, torch, pandas and xarray, and as text.

Each of these libraries is imported when a method needs it.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from skmdn._arrays import AnyArray, FloatArray
from skmdn.mixture.arguments import as_row
from skmdn.mixture.value import MixtureValue

if TYPE_CHECKING:
    import pandas
    import xarray
    from torch.distributions import MixtureSameFamily

_ROWS_SHOWN = 5
_COMPONENTS_SHOWN = 8


class Exports(MixtureValue):
    """to_scipy, to_torch, to_frame, to_xarray and the reprs; abstract, a part of `Mixture`."""

    __slots__ = ()

    def to_scipy(self, row: int) -> Any:
        """One row as a `scipy.stats.Mixture` of normal distributions.

        Parameters
        ----------
        row : int
            Negative numbers count from the end.

        Returns
        -------
        scipy.stats.Mixture
            Components of weight zero are left out.

        Raises
        ------
        ValueError
            If there are several outputs; take a `marginal` first.
        IndexError
            If there is no such row.

        Examples
        --------
        >>> from skmdn.mixture import Mixture
        >>> round(float(Mixture([[1.0]], [[0.0]], [[1.0]]).to_scipy(0).cdf(0.0)), 6)
        0.5
        """
        from scipy import stats

        if self.n_outputs != 1:
            raise ValueError(f"to_scipy needs one output; got {self.n_outputs}: use marginal(j)")
        row = as_row(row)
        if not -len(self) <= row < len(self):
            raise IndexError(f"row {row} is out of bounds for a mixture of {len(self)} rows")
        weights = self.weights[row]
        present = weights > 0
        parameters = zip(self.means[row, present, 0], self.scales[row, present, 0], strict=True)
        components = [stats.Normal(mu=mean, sigma=scale) for mean, scale in parameters]
        return stats.Mixture(components, weights=weights[present] / weights[present].sum())

    def to_torch(self) -> MixtureSameFamily:
        """All rows as a `torch.distributions.MixtureSameFamily` in float64.

        Returns
        -------
        torch.distributions.MixtureSameFamily
            With batch shape (n,); the event shape is () for a univariate mixture, else (D,).

        Raises
        ------
        ValueError
            If there are no rows.

        Examples
        --------
        >>> from skmdn.mixture import Mixture
        >>> Mixture([[1.0]], [[0.0]], [[1.0]]).to_torch().mean
        tensor([0.], dtype=torch.float64)
        """
        import torch
        from torch import distributions

        if len(self) == 0:
            raise ValueError("to_torch needs at least one row; got none")
        # As logits: of probabilities, torch raises the smallest ones to 2e-16.
        logits, means = torch.tensor(self.weights).log(), torch.tensor(self.means)
        components: distributions.Distribution
        if self.covariance_type == "full":
            tril = torch.tensor(self.scale_tril)
            components = distributions.MultivariateNormal(means, scale_tril=tril)
        elif self.univariate:
            components = distributions.Normal(means[..., 0], torch.tensor(self.scales[..., 0]))
        else:
            normal = distributions.Normal(means, torch.tensor(self.scales))
            components = distributions.Independent(normal, 1)
        chooser = distributions.Categorical(logits=logits)
        return distributions.MixtureSameFamily(chooser, components)

    def to_frame(self) -> pandas.DataFrame:
        """Parameters as a long table: one line for each row, component and output.

        Returns
        -------
        pandas.DataFrame
            Columns row, component, output (not for a univariate mixture), weight, mean, scale.
            With full covariances also scale_tril_0 ... scale_tril_{D-1}: the row of the lower
            triangular factor that belongs to the output.

        Examples
        --------
        >>> from skmdn.mixture import Mixture
        >>> print(Mixture([[1.0]], [[0.0]], [[2.0]]).to_frame().to_string(index=False))
         row  component  weight  mean  scale
           0          0     1.0   0.0    2.0
        """
        import pandas

        row, component, output = (axis.ravel() for axis in np.indices(self.means.shape))
        columns: dict[str, AnyArray] = {"row": row, "component": component}
        if not self.univariate:
            columns["output"] = output
        columns["weight"] = np.repeat(self.weights.ravel(), self.n_outputs)
        columns["mean"] = self.means.ravel()
        columns["scale"] = self.scales.ravel()
        if self.covariance_type == "full":
            for j in range(self.n_outputs):
                columns[f"scale_tril_{j}"] = self.scale_tril[..., j].ravel()
        return pandas.DataFrame(columns)

    def to_xarray(self) -> xarray.Dataset:
        """Parameters as arrays with named axes.

        Returns
        -------
        xarray.Dataset
            Variables weight (row, component), and mean and scale (row, component, output); a
            univariate mixture has no axis output. With full covariances also scale_tril (row,
            component, output, factor). Rows, components and outputs have their numbers as
            coordinates.

        Raises
        ------
        ImportError
            If xarray is not installed.

        Examples
        --------
        >>> from skmdn.mixture import Mixture
        >>> data = Mixture([[0.5, 0.5]], [[-1.0, 1.0]], [[1.0, 2.0]]).to_xarray()  # doctest: +SKIP
        >>> data.scale.sel(component=1).values  # doctest: +SKIP
        array([2.])
        """
        import xarray

        axes = ("row", "component") if self.univariate else ("row", "component", "output")
        means, scales = self.means, self.scales
        if self.univariate:
            means, scales = means[..., 0], scales[..., 0]
        variables = {"weight": (axes[:2], self.weights), "mean": (axes, means)}
        variables["scale"] = (axes, scales)
        if self.covariance_type == "full":
            variables["scale_tril"] = ((*axes, "factor"), self.scale_tril)
        sizes = dict(zip(axes, means.shape, strict=True))
        return xarray.Dataset(variables, {axis: np.arange(n) for axis, n in sizes.items()})

    def __repr__(self) -> str:
        outputs = "univariate" if self.univariate else f"{self.n_outputs} outputs"
        return (
            f"Mixture({len(self)} rows, {self.n_components} components, {outputs}, "
            f"covariance_type={self.covariance_type!r})"
        )

    def _repr_html_(self) -> str:
        """A small table of the first rows, for notebooks."""
        shown = self[:_ROWS_SHOWN]
        lines = "".join(f"<tr><th>{i}</th>{_html_cells(shown, i)}</tr>" for i in range(len(shown)))
        head = "<tr><th>row</th><th>weight: mean ± scale, heaviest first</th></tr>"
        left_out = len(self) - len(shown)
        more = f"<p>and {left_out} more rows</p>" if left_out else ""
        return f"<p>{escape(repr(self))}</p><table>{head}{lines}</table>{more}"


def _html_cells(mixture: MixtureValue, row: int) -> str:
    """The heaviest components of one row as a table cell."""
    order = np.argsort(-mixture.weights[row], kind="stable")
    scales = mixture.scales[row]
    parts = [
        f"{mixture.weights[row, k]:.3g}: {_numbers(mixture.means[row, k])} ± {_numbers(scales[k])}"
        for k in order[:_COMPONENTS_SHOWN]
    ]
    if len(order) > _COMPONENTS_SHOWN:
        parts.append(f"and {len(order) - _COMPONENTS_SHOWN} more")
    return f"<td>{'<br>'.join(parts)}</td>"


def _numbers(values: FloatArray) -> str:
    """One number, or several in brackets."""
    texts = [f"{value:.4g}" for value in values]
    return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"
