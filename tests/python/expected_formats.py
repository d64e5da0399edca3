#!/usr/bin/env python3
"""Writes tests/expected/formats.json: what s2s-prep must make of matrix files, read with anndata, scanpy and pandas.

    python3 tests/python/expected_formats.py ../shared/data/formats tests/data > tests/expected/formats.json

Grid, frame and target as in expected_prep.py. Visium: square (row, column // 2) of 100 µm.
"""

import json
import sys
import warnings
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import scanpy as sc
import scipy.sparse as sp
import spatialdata as sd

SCALE = 2


def molecules(x, genes, at):
    """One row per entry: gene, row, col, count; observations whose place is missing are left out."""
    x = sp.coo_matrix(x)
    genes, at = np.asarray(genes), np.asarray(at, dtype=float)
    table = pd.DataFrame({"gene": genes[x.col], "row": at[x.row, 0], "col": at[x.row, 1], "count": x.data.astype("f8")})
    return table.dropna().astype({"row": int, "col": int})


def section(table, bin_um, min_counts=10, normalised=False):
    table = table[table["count"] > 0]
    table = table.groupby(["gene", "row", "col"], as_index=False)["count"].sum()
    on_lattice = (table.row % SCALE == 0) & (table.col % SCALE == 0)
    first = table.row[on_lattice].min(), table.col[on_lattice].min()
    rows = table.row[on_lattice].max() - first[0] + SCALE
    cols = table.col[on_lattice].max() - first[1] + SCALE
    table = table.assign(row=table.row - first[0], col=table.col - first[1], measured=on_lattice)
    table = table[(table.row >= 0) & (table.row < rows) & (table.col >= 0) & (table.col < cols)]
    table["amount"] = 1.0 if normalised else table["count"]
    totals = table.groupby(["row", "col"]).amount.transform("sum")
    by_bin = table.groupby(["row", "col", "measured"], as_index=False).amount.sum()
    tissue = by_bin[by_bin.measured & (by_bin.amount >= min_counts)]
    target = None if normalised else float(tissue.amount.median())
    value = table["count"] if normalised else np.log1p(table["count"] / totals * (target or 0))
    table = table.assign(value=value, kept=table.measured & (totals >= min_counts))
    names = sorted(table.gene[table.measured].unique())
    kept, withheld = table[table.kept], table[~table.measured]
    per_gene = {
        name: [
            float((kept.value if normalised else kept["count"])[kept.gene == name].sum()),
            int((kept.gene == name).sum()),
            float((withheld.value if normalised else withheld["count"])[withheld.gene == name].sum()),
        ]
        for name in names
    }
    brightest = kept.sort_values(["value", "gene", "row", "col"], ascending=False).head(5)
    return {
        "rows": int(rows),
        "cols": int(cols),
        "bin_um": float(bin_um),
        "origin_um": [float(first[1] * bin_um), float(first[0] * bin_um)],
        "target": target,
        "measured_total": int(by_bin.amount[by_bin.measured].sum()),
        "withheld_total": int(by_bin.amount[~by_bin.measured].sum()),
        "measured_tissue": int(len(tissue)),
        "genes": per_gene,
        "brightest": [[b.gene, int(b.row), int(b.col), float(b.value)] for b in brightest.itertuples()],
    }


def lattice(table, squares=lambda row, col: (row, col)):
    row, col = squares(table.obs.array_row.astype(int), table.obs.array_col.astype(int))
    at = np.column_stack([row, col]).astype(float)
    if "in_tissue" in table.obs:
        at[~table.obs.in_tissue.astype(bool)] = np.nan
    return at


def positions(matrix, table, squares):
    table = table.set_index("barcode").loc[matrix.obs_names]
    row, col = squares(table.array_row, table.array_col)
    at = np.column_stack([row, col]).astype(float)
    at[table.in_tissue.to_numpy() == 0] = np.nan
    return at


def invented(n):
    """Places of barcodes that have none: row by row of a square."""
    width = int(np.ceil(np.sqrt(n)))
    return np.column_stack([np.arange(n) // width, np.arange(n) % width])


def floor(points, bin_um):
    return np.floor(points[:, ::-1] / bin_um)


def main(data, own):
    hest = ad.read_h5ad(data / "anndata/hest_like_csr_gzip.h5ad")
    plain = ad.read_h5ad(data / "anndata/csc_int_no_array_cols.h5ad")
    dense = ad.read_h5ad(data / "anndata/dense_lognorm_with_counts_layer.h5ad")
    store = ad.read_zarr(data / "anndata/hest_like.zarr")
    spacing = np.diff(np.unique(plain.obsm["spatial"][:, 0])).mean()
    result = {
        "hest_h5ad": section(molecules(hest.X, hest.var_names, lattice(hest)), 100),
        "hest_zarr": section(molecules(store.X, store.var_names, lattice(store)), 100),
        "csc_spatial": section(molecules(plain.X, plain.var_names, floor(plain.obsm["spatial"], spacing)), 60),
        "dense_layer": section(molecules(dense.layers["counts"], dense.var_names, lattice(dense)), 60),
        "dense_normalised": section(molecules(dense.X, dense.var_names, lattice(dense)), 60, 30, normalised=True),
    }
    squidpy = ad.read_h5ad(data / "anndata/visium_squidpy.h5ad")
    at = floor(squidpy.obsm["spatial"], 50)
    result["squidpy_points"] = section(molecules(squidpy.X, squidpy.var_names, at), 50, 1, normalised=True)

    columns = ["barcode", "in_tissue", "array_row", "array_col", "y", "x"]
    visium = sc.read_10x_h5(data / "visium/filtered_feature_bc_matrix.h5")
    spots = pd.read_csv(data / "visium/spatial/tissue_positions_list.csv", names=columns)
    result["visium"] = section(molecules(visium.X, visium.var_names, positions(visium, spots, lambda r, c: (r, c // 2))), 100, 1)
    tenx = {"v3": data / "tenx_h5/v3.h5", "v2": data / "tenx_h5/v2.h5", "probe": data / "tenx_h5/raw_probe_bc_matrix.h5"}
    for name, path in tenx.items():
        matrix = sc.read_10x_h5(path)
        result[f"tenx_{name}"] = section(molecules(matrix.X, matrix.var_names, invented(matrix.n_obs)), 100, 1)
    squares = data / "visium_hd_layout/binned_outputs/square_008um"
    hd = sc.read_10x_h5(squares / "filtered_feature_bc_matrix.h5")
    spots = pd.read_parquet(squares / "spatial/tissue_positions.parquet")
    for times in (4, 5):
        at = positions(hd, spots, lambda r, c: (r // times, c // times))
        result[f"visium_hd_{8 * times}"] = section(molecules(hd.X, hd.var_names, at), 8 * times, 1)

    bundle = data / "xenium_mini"
    matrix = sc.read_10x_h5(bundle / "cell_feature_matrix.h5")
    cells = pd.read_parquet(bundle / "cells.parquet").set_index("cell_id").loc[matrix.obs_names]
    at = floor(cells[["x_centroid", "y_centroid"]].to_numpy(), 50)
    result["xenium_cells"] = section(molecules(matrix.X, matrix.var_names, at), 50)
    run = pd.read_csv(data / "xenium_v1_csv/transcripts.csv")
    controls = ("NegControl", "antisense_", "BLANK", "Unassigned", "Deprecated", "Intergenic", "GenomicControl")
    run = run[(run.qv >= 20) & ~run.feature_name.str.startswith(controls)]
    at = {"row": (run.y_location // 1).astype(int), "col": (run.x_location // 1).astype(int)}
    result["xenium_v1"] = section(pd.DataFrame({"gene": run.feature_name, **at, "count": 1.0}), 1, 1)

    sharded = ad.read_zarr(own / "sharded_v3.zarr")
    result["sharded_layer"] = section(molecules(sharded.layers["counts"], sharded.var.symbol, lattice(sharded)), 10)
    result["sharded_raw"] = section(molecules(sharded.raw.X, sharded.raw.var_names, lattice(sharded)), 10)
    hexagonal = ad.read_h5ad(own / "hexagonal_lzf.h5ad")
    genes = (hexagonal.var.feature_types == "Gene Expression").to_numpy()
    at = lattice(hexagonal, lambda row, col: (row, col // 2))
    result["hexagonal"] = section(molecules(hexagonal.X[:, genes], hexagonal.var_names[genes], at), 100)
    cells = ad.read_h5ad(own / "cells.h5ad")
    result["cells"] = section(molecules(cells.X, cells.var_names, floor(cells.obsm["spatial"] * 0.5, 30)), 30)
    store = sd.read_zarr(own / "spatialdata.zarr")
    points = store.points["transcripts"].compute()
    at = {"row": (points.y // 20).astype(int), "col": (points.x // 20).astype(int)}
    result["spatialdata_points"] = section(pd.DataFrame({"gene": points.target.astype(str), **at, "count": 1.0}), 20)
    bins = store.tables["bins"]
    result["spatialdata_table"] = section(molecules(bins.X, bins.var_names, lattice(bins)), 10)
    print("{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in result.items()) + "\n}")


warnings.simplefilter("ignore")
main(Path(sys.argv[1]), Path(sys.argv[2]))
