#!/usr/bin/env python3
"""Writes the small files of tests/data that hold what the reference data has not: SpatialData, Zarr v3, sharding, LZF.

    python3 tests/python/make_stores.py tests/data        (needs spatialdata and anndata from PyPI; run with spatialdata 0.7.3)

Their content is a section of 16 × 20 bins and 6 genes. The files are committed, so that the tests need no Python.
"""

import shutil
import sys
from pathlib import Path

import anndata as ad
import dask.dataframe as dd
import numpy as np
import pandas as pd
import scipy.sparse as sp
import spatialdata as sd
import zarr

GENES = ["ERBB2", "CD8A", "INS", "KRT7", "VWF", "isotype"]
ROWS, COLS = 16, 20


def counts(rng):
    row, col = np.mgrid[:ROWS, :COLS].reshape(2, -1)
    rate = 2 + 6 * np.exp(-((row[:, None] - 2 * np.arange(6)) ** 2 + (col[:, None] - 3 * np.arange(6)) ** 2) / 20)
    return row, col, rng.poisson(rate).astype("i8")


def main(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    rng = np.random.default_rng(1)
    row, col, x = counts(rng)
    var = pd.DataFrame({"symbol": pd.Categorical(GENES)}, index=[f"ENSG{i:04}" for i in range(6)])

    # Normalised X, counts in a layer (CSC, 16 bits) and in raw (CSR, 64 bits); Zarr v3, sharded.
    obs = pd.DataFrame({"array_row": pd.Categorical(row), "array_col": col.astype("u2")}, index=[f"b{i}" for i in range(len(row))])
    table = ad.AnnData(sp.csr_matrix(np.log1p(x).astype("f4")), obs=obs, var=var)
    table.raw = ad.AnnData(sp.csr_matrix(x), obs=obs, var=pd.DataFrame(index=GENES))
    table.layers["counts"] = sp.csc_matrix(x.astype("u2"))
    ad.settings.zarr_write_format = 3
    ad.settings.auto_shard_zarr_v3 = True
    table.write_zarr(folder / "sharded_v3.zarr", chunks=(8, 3))
    ad.settings.auto_shard_zarr_v3 = False

    # Visium's hexagonal rows and half-columns, some spots outside the tissue, an antibody among the genes; dense, LZF.
    hexagonal = pd.DataFrame(
        {"in_tissue": (row + col) % 7 != 0, "array_row": row, "array_col": 2 * col + row % 2},
        index=[f"spot{i}" for i in range(len(row))],
    )
    kinds = pd.DataFrame({"feature_types": pd.Categorical(["Gene Expression"] * 5 + ["Antibody Capture"])}, index=GENES)
    ad.AnnData(x.astype("u1"), obs=hexagonal, var=kinds).write_h5ad(folder / "hexagonal_lzf.h5ad", compression="lzf")

    # Cells anywhere: no lattice.
    pixels = np.column_stack([col, row]) * 47.0 + rng.uniform(-23, 23, (len(row), 2))
    cells = ad.AnnData(sp.csr_matrix(x.astype("f8")), var=pd.DataFrame(index=GENES))
    cells.obsm["spatial"] = pixels
    cells.write_h5ad(folder / "cells.h5ad", compression="gzip")

    # SpatialData: transcripts in µm, and a table of bins.
    which = np.repeat(np.arange(x.size), x.ravel())
    at = np.column_stack([col, row])[which // 6] * 10.0 + rng.uniform(0, 10, (len(which), 2))
    molecules = pd.DataFrame({"x": at[:, 0], "y": at[:, 1], "target": pd.Categorical.from_codes(which % 6, GENES)})
    points = sd.models.PointsModel.parse(
        dd.from_pandas(molecules, npartitions=2), coordinates={"x": "x", "y": "y"}, feature_key="target"
    )
    bins = ad.AnnData(sp.csr_matrix(x), obs=pd.DataFrame({"array_row": row, "array_col": col}, index=obs.index), var=pd.DataFrame(index=GENES))
    store = sd.SpatialData(points={"transcripts": points}, tables={"bins": sd.models.TableModel.parse(bins)})
    store.write(folder / "spatialdata.zarr")
    zarr.consolidate_metadata(folder / "spatialdata.zarr")


main(Path(sys.argv[1]))
