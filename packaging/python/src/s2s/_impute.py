"""From a section to its imputed bins, in one call."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ._stages import Flag, Genes, PathLike, fit, predict, prep

if TYPE_CHECKING:
    from anndata import AnnData
    from spatialdata import SpatialData

TABLE = "tables/bins"


def impute(
    data: "PathLike | AnnData | SpatialData",
    *,
    bin_um: float | None = None,
    scale: int = 2,
    mode: Literal["impute", "benchmark"] = "impute",
    genes: Genes = None,
    method: str = "blend",
    recipe: PathLike | None = None,
    coverage: float = 0.9,
    output: PathLike | None = None,
    force: bool = False,
    to: Literal["anndata", "spatialdata"] | None = None,
    prep_flags: Mapping[str, Flag] | None = None,
    fit_flags: Mapping[str, Flag] | None = None,
    threads: int = 0,
    progress: bool = True,
) -> "AnnData | SpatialData":
    """Imputes the unmeasured bins of a section.

    Parameters
    ----------
    data
        A platform's files (a path), counts with positions in µm in `obsm["spatial"]` (AnnData), or a SpatialData.
    bin_um
        Side of a bin in µm; without it, the one of `s2s-prep`.
    scale
        S: one bin in S² was measured.
    mode
        "impute": the section really was sampled sparsely; "benchmark": it is dense, and only one bin in S² is used.
    genes
        The genes to impute; all without it.
    method
        "blend" (the experts' mean), one of the other methods of `s2s-predict --method`, or "network": fit a network to each gene first.
    recipe
        With method "network": quick, standard, paper or a file.
    coverage
        The share of unmeasured bins that the intervals hold.
    output
        The store to keep (SAMPLE.zarr). Needed for a SpatialData, whose images are read when they are looked at.
    force
        Whether an `output` of another run is replaced.
    to
        What is returned; without it, what was given, and AnnData for a path.
    prep_flags, fit_flags
        Further flags of these stages, for example `{"xenium_cells": True}`.
    threads
        Threads; 0 takes every core.
    progress
        Whether bars are drawn (with tqdm).

    Returns
    -------
    The table of the in-tissue bins: `X` is ln(1 + normalised counts), positions are µm in `obsm["spatial"]`, `obs["measured"]` says
    which were measured. As a SpatialData, with the images `imputed` and how sure it is, too.

    Raises
    ------
    S2SError
        What a stage refuses: `UsageError`, `BadData`, `MissingInput`.
    """
    kind = to or ("spatialdata" if type(data).__name__ == "SpatialData" else "anndata")
    if kind == "spatialdata" and output is None:
        raise ValueError("give output=, the store to keep: the images of a SpatialData are read when they are looked at")
    common: dict[str, Flag] = {"threads": threads or None}
    how: dict[str, Flag] = {"coverage": coverage, "force": force, **common}
    with tempfile.TemporaryDirectory(prefix="s2s-") as folder:
        work = Path(folder)
        dataset, store = work / "section.s2s", Path(output) if output is not None else work / "section.zarr"
        prep(
            _as_files(data, work),
            dataset,
            mode=mode,
            progress=progress,
            **{"bin_um": bin_um, "scale": scale, **common, **(prep_flags or {})},
        )
        if method == "network":
            named = "all" if genes is None else genes
            flags: dict[str, Flag] = {"config": recipe, **common, **(fit_flags or {})}
            models = fit(dataset, work / "fits", genes=named, progress=progress, **flags)
            predict(dataset, store, model=models, progress=progress, **how)
        else:
            predict(dataset, store, method=method, genes=genes, progress=progress, **how)
        return _read(store, kind)


def _as_files(data: "PathLike | AnnData | SpatialData", work: Path) -> PathLike:
    """Where `data` lies: itself, or a copy of what is in memory."""
    if isinstance(data, (str, os.PathLike)):
        return data
    if type(data).__name__ == "SpatialData":
        path = work / "input.zarr"
        data.write(path)
        return path
    path = work / "input.h5ad"
    data.write_h5ad(path)
    return path


def _read(store: Path, kind: str) -> "AnnData | SpatialData":
    if kind == "spatialdata":
        import spatialdata

        return spatialdata.read_zarr(store)
    import anndata

    return anndata.read_zarr(store / TABLE)
