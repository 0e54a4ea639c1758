"""scikit-learn's configuration for steps that are ours and not the user's."""

from contextlib import AbstractContextManager

from sklearn import config_context


def plain_configuration() -> AbstractContextManager[None]:
    """Weights reach steps that nobody asked to request them, and arrays come back as arrays."""
    return config_context(enable_metadata_routing=False, transform_output="default")
