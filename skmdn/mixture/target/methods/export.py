"""Target mixtures as objects of scipy, torch, pandas and xarray, and as text."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from skmdn.mixture.arguments import as_row
from skmdn.mixture.target.law import remainders
from skmdn.mixture.target.methods.algebra import AlgebraMethods
from skmdn.mixture.target.methods.density import DensityMethods
from skmdn.mixture.target.methods.summary import SummaryMethods
from skmdn.mixture.target.torch_form import as_torch

if TYPE_CHECKING:
    import pandas
    import xarray

_REPR_ATOMS = 5


class Exports(DensityMethods, SummaryMethods, AlgebraMethods):
    """to_scipy, to_torch, to_frame, to_xarray and the reprs; a part of `TargetMixture`."""

    __slots__ = ()

    def to_scipy(self, row: int) -> Any:
        """One row as a distribution of `scipy.stats`, an ``rv_continuous``.

        Its methods are those of this row. At an atom, ``pdf`` is a probability, so that scipy's
        ``expect`` and ``entropy``, which integrate it, are wrong with atoms.

        Parameters
        ----------
        row : int
            Negative numbers count from the end.

        Returns
        -------
        scipy.stats.rv_continuous

        Raises
        ------
        ValueError
            If there are several outputs; take a `marginal` first.
        IndexError
            If there is no such row.

        Examples
        --------
        >>> from skmdn import Mixture, TargetMixture
        >>> target = TargetMixture(Mixture([[1.0]], [[0.0]], [[1.0]]), "log")
        >>> float(target.to_scipy(0).cdf(1.0))
        0.5
        """
        from scipy import stats

        if self.n_outputs != 1:
            raise ValueError(f"to_scipy needs one output; got {self.n_outputs}: use marginal(j)")
        part = self[as_row(row)].marginal(0)

        class TargetRow(stats.rv_continuous):
            def _logpdf(self, x: Any) -> Any:
                return part.logpdf(np.ravel(x)[np.newaxis]).reshape(np.shape(x))

            def _pdf(self, x: Any) -> Any:
                return np.exp(self._logpdf(x))

            def _cdf(self, x: Any) -> Any:
                return part.cdf(np.ravel(x)[np.newaxis]).reshape(np.shape(x))

            def _sf(self, x: Any) -> Any:
                return part.sf(np.ravel(x)[np.newaxis]).reshape(np.shape(x))

            def _ppf(self, q: Any) -> Any:
                return part.ppf(np.ravel(q)).reshape(np.shape(q))

            def _isf(self, q: Any) -> Any:
                return -part.affine(0.0, -1.0).ppf(np.ravel(q)).reshape(np.shape(q))

            def _rvs(self, size: Any = None, random_state: Any = None) -> Any:
                shape = () if size is None else size
                return part.sample(int(np.prod(shape)), random_state).reshape(shape)

            def _stats(self) -> Any:
                return part.mean()[0], part.var()[0], None, None

        low, high = part.ppf([0.0, 1.0])[0]  # scipy takes P(Y <= a) for zero, atoms or not
        a, b = np.nextafter(low, -np.inf), np.nextafter(high, np.inf)
        return TargetRow(a=a, b=b, name="target mixture")

    def to_torch(self) -> Any:
        """All rows as a `torch.distributions.TransformedDistribution` in float64.

        Returns
        -------
        torch.distributions.Distribution
            With the batch and event shapes of `Mixture.to_torch`.

        Raises
        ------
        ValueError
            With atoms, with `Asinh`, for which torch has no transform, and where rows have
            different maps.

        Examples
        --------
        >>> from skmdn import Mixture, TargetMixture
        >>> target = TargetMixture(Mixture([[1.0]], [[0.0]], [[1.0]]), "log")
        >>> target.to_torch().cdf(target.to_torch().sample() * 0 + 1.0)
        tensor([0.5000], dtype=torch.float64)
        """
        return as_torch(self._base, self._laws)

    def to_frame(self) -> pandas.DataFrame:
        """Parameters as a long table: one line for each row, component and output, and each atom.

        Returns
        -------
        pandas.DataFrame
            The columns of `Mixture.to_frame`, with weights that include what atoms take, means and
            scales of z, and the columns transform and atom. The lines of atoms come after those of
            the components of their row; they have the component -1 and their probability as weight.

        Examples
        --------
        >>> from skmdn import Mixture, TargetMixture
        >>> base = Mixture([[1.0]], [[0.0]], [[2.0]])
        >>> frame = TargetMixture(base, "log", [0.0], [[0.25]]).to_frame()
        >>> print(frame.to_string(index=False))
         row  component  weight  mean  scale      transform  atom
           0          0    0.75   0.0    2.0 Log(lower=0.0)   NaN
           0         -1    0.25   NaN    NaN                  0.0
        """
        import pandas

        frame = self._base.to_frame()
        row = frame["row"].to_numpy()
        output = frame["output"].to_numpy() if "output" in frame else np.zeros_like(row)
        laws = [self._laws[number] for number in self._law_of_row]
        frame["weight"] *= remainders(self._atom_weights)[row]
        frame["transform"] = [repr(laws[i].transforms[j]) for i, j in zip(row, output, strict=True)]
        frame["atom"] = np.nan
        lines = [
            {"row": i, "component": -1, "weight": weight, "atom": atom}
            for i, law in enumerate(laws)
            for atom, weight in zip(law.atoms, self._atom_weights[i], strict=False)
        ]
        if not lines:
            return frame
        atoms = pandas.DataFrame(lines).reindex(columns=frame.columns)
        atoms["transform"] = ""
        if "output" in frame:
            atoms["output"] = 0
        joined = pandas.concat([frame.astype({"transform": object}), atoms], ignore_index=True)
        return joined.sort_values("row", kind="stable", ignore_index=True)

    def to_xarray(self) -> xarray.Dataset:
        """Parameters as arrays with named axes.

        Returns
        -------
        xarray.Dataset
            The variables of `Mixture.to_xarray`, with weights that include what atoms take, means
            and scales of z, and the map as text in transform, which has the axis output unless the
            mixture is univariate. Atoms are the coordinate atom of atom_weight (row, atom).

        Raises
        ------
        ImportError
            If xarray is not installed.
        ValueError
            If rows have different maps or atoms.

        Examples
        --------
        >>> from skmdn import Mixture, TargetMixture
        >>> base = Mixture([[1.0]], [[0.0]], [[2.0]])
        >>> data = TargetMixture(base, "log", [0.0], [[0.25]]).to_xarray()  # doctest: +SKIP
        >>> data.weight.values, data.atom_weight.sel(atom=0.0).values  # doctest: +SKIP
        (array([[0.75]]), array([0.25]))
        """
        if len(self._laws) > 1:
            raise ValueError(
                f"to_xarray needs rows with the same maps and atoms; got {len(self._laws)} kinds "
                "of rows: export each kind by itself"
            )
        data, law = self._base.to_xarray(), self._laws[0]
        rest = remainders(self._atom_weights)[:, np.newaxis]
        data["weight"] = data["weight"] * rest
        names = [repr(one) for one in law.transforms]
        data["transform"] = ((), names[0]) if self.univariate else ("output", names)
        if law.atoms:
            data["atom_weight"] = (("row", "atom"), self._atom_weights)
            data = data.assign_coords(atom=list(law.atoms))
        return data

    def __repr__(self) -> str:
        outputs = "univariate" if self.univariate else f"{self.n_outputs} outputs"
        law = str(self._laws[0])
        if len(self._laws) > 1:
            law = f"{len(self._laws)} kinds of rows, the first with {law}"
        elif len(self._laws[0].atoms) > _REPR_ATOMS:
            maps = str(self._laws[0]._replace(atoms=()))
            law = f"{maps}, {len(self._laws[0].atoms)} atoms"
        return (
            f"TargetMixture({len(self)} rows, {self.n_components} components, {outputs}, {law}, "
            f"covariance_type={self.covariance_type!r})"
        )

    def _repr_html_(self) -> str:
        """The first rows for notebooks: the table of the base, below the maps and atoms."""
        shown = self._base._repr_html_()
        return f"<p>{escape(repr(self))}</p><p>z:</p>{shown}"
