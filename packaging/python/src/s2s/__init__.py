"""Imputes the positions that a sparsely sequenced spatial-transcriptomics section did not measure.

`impute` does everything; `prep`, `fit`, `predict`, `score` and `simulate` run one program each, with its flags as keywords.
"""

from importlib.metadata import PackageNotFoundError, version

from ._errors import Bug, BadData, MissingInput, S2SError, Stopped, UsageError
from ._impute import impute
from ._stages import fit, predict, prep, run, score, simulate

try:
    __version__ = version("s2s-st")
except PackageNotFoundError:  # run from the sources, with programs that were built there
    __version__ = "unknown"

__all__ = [
    "BadData",
    "Bug",
    "MissingInput",
    "S2SError",
    "Stopped",
    "UsageError",
    "__version__",
    "fit",
    "impute",
    "predict",
    "prep",
    "run",
    "score",
    "simulate",
]
