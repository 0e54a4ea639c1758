"""The versions of Dask that this package has been run with."""

from importlib.metadata import PackageNotFoundError, version

# As in pyproject.toml, extra `dask`.
OLDEST = {"dask": (2025, 5), "distributed": (2025, 5)}


def check_versions() -> None:
    """Refuse to be imported without Dask, or with one that is too old.

    Raises
    ------
    ImportError
        That says what to install.
    """
    for package, oldest in OLDEST.items():
        wanted = f"{package} {oldest[0]}.{oldest[1]} or newer"
        advice = "pip install 'skmdn[dask]'"
        try:
            found = version(package)
        except PackageNotFoundError as error:
            raise ImportError(f"skmdn.dask needs {wanted}, which is missing; {advice}.") from error
        if tuple(int(part) for part in found.split(".")[:2]) < oldest:
            raise ImportError(f"skmdn.dask needs {wanted}, got {found}; {advice} --upgrade.")
