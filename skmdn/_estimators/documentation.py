"""The link from the HTML of an estimator in a notebook to its page of the site."""

_OF_SKMDN = {"MDNRegressor", "MDNEnsembleRegressor", "ConformalMDNRegressor"}


class DocumentedEstimator:
    """Estimator with a page of the site, to which scikit-learn's HTML leads."""

    _doc_link_module = "skmdn"

    @property
    def _doc_link_template(self) -> str:
        name = type(self).__name__
        # These are public in skmdn itself, whatever room they live in.
        module = "skmdn" if name in _OF_SKMDN else type(self).__module__
        return f"https://skmdn.readthedocs.io/en/latest/api/{module}.{name}.html"
