"""Lays a section on the bins of another with SciPy, and prints the largest difference to what DATASET holds of it, and NaN alike: DATASET OTHER DX DY."""
import json, sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from scipy.ndimage import map_coordinates

dataset, other = Path(sys.argv[1]), Path(sys.argv[2])
shift = np.array([float(sys.argv[3]), float(sys.argv[4])])
manifest, theirs = (json.loads((one / "manifest.json").read_text()) for one in (dataset, other))


def image(table, column, grid):
    values = np.zeros((grid["rows"], grid["cols"]))
    values[table["row"].to_numpy(), table["col"].to_numpy()] = table[column].to_numpy(zero_copy_only=False)
    return values


own, grid = manifest["grid"], theirs["grid"]
x = own["origin_um"][0] + (np.arange(own["cols"]) + 0.5) * own["bin_um"] - shift[0]
y = own["origin_um"][1] + (np.arange(own["rows"]) + 0.5) * own["bin_um"] - shift[1]
across = (x - grid["origin_um"][0]) / grid["bin_um"] - 0.5
down = (y - grid["origin_um"][1]) / grid["bin_um"] - 0.5
at = np.meshgrid(down, across, indexing="ij")
bins = pq.read_table(other / "bins.parquet")
assert all(bins["measured"].to_pylist()), "a dense section"
tissue = image(bins, "tissue", grid)
weight = map_coordinates(tissue, at, order=1, mode="grid-constant")
# Where half of the weight is tissue, rounding decides.
tie = np.abs(weight - 0.5) < 1e-6


def laid(values):
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(weight >= 0.5, map_coordinates(values * tissue, at, order=1, mode="grid-constant") / weight, np.nan)


table = pq.read_table(dataset / "guides.parquet")
name = theirs["sample"]
expected = {f"{name} total": laid(np.log1p(image(bins, "total", grid)))}
components = pq.read_table(other / "components.parquet")
for number in range(1, min(8, len(theirs["components"])) + 1):
    expected[f"{name} component {number}"] = laid(image(components, f"pc{number}", grid))
assert {guide["name"] for guide in manifest["guides"]} == set(expected)
differences, known = [], 0
for guide, values in expected.items():
    found = table[guide].to_numpy(zero_copy_only=False).reshape(values.shape).astype(float)
    assert (np.isfinite(found) == np.isfinite(values))[~tie].all(), guide
    differences.append(float(np.nanmax(np.abs(found - values)[~tie])))
    known = int(np.isfinite(values).sum())
print(json.dumps({"difference": max(differences), "guides": len(expected), "known": known, "bins": values.size}))
