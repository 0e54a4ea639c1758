"""Fitted models in the formats of other tools.

``import skmdn`` does not load this module: import it by ``from skmdn.export import to_onnx``.
"""

from skmdn.export.regressor import to_onnx
from skmdn.export.trusted_types import SKOPS_TRUSTED_TYPES

__all__ = ["SKOPS_TRUSTED_TYPES", "to_onnx"]
