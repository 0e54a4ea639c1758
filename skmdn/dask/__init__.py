"""MDNRegressor for rows that lie in a Dask cluster; needs ``pip install 'skmdn[dask]'``.

Read `regressor` for the public face, `fitting` for the way from collections to a fitted model,
`collections` and `survey` for what is checked, `draw` and `validation_rows` for which rows travel,
`members` for what runs on workers, and `answers` and `scores` for predictions.
"""

from skmdn.dask.versions import check_versions

check_versions()

from skmdn.dask.regressor import DaskMDNRegressor  # noqa: E402

__all__ = ["DaskMDNRegressor"]
