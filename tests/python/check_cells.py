"""Opens a store of s2s-predict --counts --cells with spatialdata and compares both with what shapely and NumPy make of the bins.

usage: check_cells.py STORE DATASET CELLS.parquet

Prints the number of cells and what their table holds as JSON; fails on the first thing that is not as docs/output.md says.
"""
import json
import pathlib
import sys

import numpy as np
import pandas as pd
import shapely
import spatialdata

path, dataset, boundaries = map(pathlib.Path, sys.argv[1:])
manifest = json.loads((dataset / "manifest.json").read_text())
grid = manifest["grid"]
side, (x0, y0) = grid["bin_um"], grid["origin_um"]
sdata = spatialdata.read_zarr(path)
bins, cells = sdata["bins"], sdata["cells"]
values, expected = np.asarray(bins.X, float), np.asarray(bins.layers["expected_counts"], float)

# Measured bins hold their counts, others what is to be expected: never less than the mean of logarithms says.
measured = bins.obs.measured.to_numpy()
counts = np.asarray(bins.layers["measured"].todense())
np.testing.assert_array_equal(expected[measured], counts[measured])
totals = bins.obs.expected_total.to_numpy()
np.testing.assert_allclose(totals[measured], bins.obs.total.to_numpy()[measured])
least = np.expm1(values[~measured]) * totals[~measured, None] / manifest["target"]
assert (expected[~measured] >= least * (1 - 1e-4) - 1e-6).all()
known = bins.obs.total[measured]
assert 0.7 < totals[~measured].mean() / known.mean() < 1.4, "totals are far from those of measured bins"

corners = pd.read_parquet(boundaries)
polygons = {str(cell): shapely.Polygon(rows[["vertex_x", "vertex_y"]]) for cell, rows in corners.groupby("cell_id", sort=False)}
assert list(cells.obs_names) == list(polygons) and list(cells.var_names) == list(bins.var_names)
rows, cols = bins.obs.row.to_numpy(), bins.obs["col"].to_numpy()
boxes = shapely.box(x0 + cols * side, y0 + rows * side, x0 + (cols + 1) * side, y0 + (rows + 1) * side)
none = 0
for i, polygon in enumerate(polygons.values()):
    overlap = shapely.area(shapely.intersection(boxes, polygon))
    np.testing.assert_allclose(cells.obs.area_um2.iloc[i], polygon.area, rtol=1e-6)
    np.testing.assert_allclose(cells.obs.in_tissue.iloc[i], overlap.sum() / polygon.area, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(cells.obsm["spatial"][i], polygon.centroid.coords[0], rtol=1e-6)
    if overlap.sum() == 0:
        assert np.isnan(cells.X[i]).all()
        none += 1
        continue
    mean = np.log1p(overlap @ np.expm1(values) / overlap.sum())
    np.testing.assert_allclose(cells.X[i], mean, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(cells.layers["expected_counts"][i], overlap @ expected / side**2, rtol=1e-4, atol=1e-5)
print(json.dumps({"cells": len(polygons), "outside": none, "genes": cells.n_vars}))
