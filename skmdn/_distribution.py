"""The folder of this package is this distribution's alone."""

import os

OTHER = "scikit_mdn-"
"""How the metadata folder of PyPI's scikit-mdn begins; its package is called skmdn too."""


def check_folder(package: str) -> None:
    """Refuse a folder in which scikit-mdn is installed too: each has overwritten the other's files.

    The names beside the package are enough to see it. Reading metadata would take as long as the
    import itself.
    """
    folder = os.path.dirname(package)
    # In a zip file there is no folder to list.
    if os.path.isdir(folder) and any(name.startswith(OTHER) for name in os.listdir(folder)):
        raise ImportError(
            f"skmdn and scikit-mdn both installed a package named 'skmdn' in {folder}: run "
            "`pip uninstall scikit-mdn skmdn`, then install skmdn again."
        )
