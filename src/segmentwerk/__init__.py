"""segmentwerk: segments of B2B customers that are compared fairly and keep their names.

The door for Python: ``import segmentwerk as sw``, then `compare`, `score` and `load_source`; the segmenters
are scikit-learn estimators. Each name is imported when it is first used, so that the package costs nothing.

Examples
--------
>>> import segmentwerk as sw
>>> sw.KMeansSegmenter(n_segments=3)
KMeansSegmenter(n_segments=3)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from segmentwerk.api import ComparisonResult, LoadedSource, ScoringResult, compare, load_source, score
    from segmentwerk.core.errors import SegmentwerkError
    from segmentwerk.segmenters.autoencoder import AutoencoderSegmenter
    from segmentwerk.segmenters.continued import ContinuedSegmenter
    from segmentwerk.segmenters.contrast_groups import ContrastGroupsSegmenter
    from segmentwerk.segmenters.gaussian_mixture import GaussianMixtureSegmenter
    from segmentwerk.segmenters.kmeans import KMeansSegmenter
    from segmentwerk.segmenters.preprocess import ReferenceSpace
    from segmentwerk.segmenters.rfm_grid import RFMGridSegmenter

__all__ = [
    "AutoencoderSegmenter",
    "ComparisonResult",
    "ContinuedSegmenter",
    "ContrastGroupsSegmenter",
    "GaussianMixtureSegmenter",
    "KMeansSegmenter",
    "LoadedSource",
    "RFMGridSegmenter",
    "ReferenceSpace",
    "ScoringResult",
    "SegmentwerkError",
    "__version__",
    "compare",
    "load_source",
    "score",
]

_MODULES = {
    "AutoencoderSegmenter": "segmenters.autoencoder",
    "ContinuedSegmenter": "segmenters.continued",
    "ContrastGroupsSegmenter": "segmenters.contrast_groups",
    "GaussianMixtureSegmenter": "segmenters.gaussian_mixture",
    "KMeansSegmenter": "segmenters.kmeans",
    "RFMGridSegmenter": "segmenters.rfm_grid",
    "ReferenceSpace": "segmenters.preprocess",
    "SegmentwerkError": "core.errors",
}
"""Where a name is defined, if not in `segmentwerk.api`."""

if not TYPE_CHECKING:  # type checkers read the imports above, and so refuse a name that is not among them

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{__name__}.{_MODULES.get(name, 'api')}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
