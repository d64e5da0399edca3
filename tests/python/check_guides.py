"""Recomputes the guides of a dataset with NumPy and SciPy from the image as .npy; prints the largest difference of each, in deviations."""
import json, sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from scipy.ndimage import gaussian_filter

dataset, seen = Path(sys.argv[1]), np.load(sys.argv[2])
UM = 0.85
manifest = json.loads((dataset / "manifest.json").read_text())
grid = manifest["grid"]
rows, cols, side = grid["rows"], grid["cols"], grid["bin_um"]
table = pq.read_table(dataset / "guides.parquet")
assert table["row"].to_numpy().tolist() == np.repeat(np.arange(rows), cols).tolist()

if seen.ndim == 3:
    h, e = np.array([0.65, 0.70, 0.29]), np.array([0.07, 0.99, 0.11])
    h, e = h / np.linalg.norm(h), e / np.linalg.norm(e)
    rest = np.cross(h, e)
    density = -np.log10(np.minimum((seen.astype(float) + 1) / 256, 1))
    channels = dict(zip(["haematoxylin", "eosin", "residual"], np.moveaxis(density @ np.linalg.inv(np.stack([h, e, rest / np.linalg.norm(rest)])), 2, 0)))
else:
    names = {guide["name"].rsplit(" mean", 1)[0] for guide in manifest["guides"] if guide["name"].endswith(" mean")}
    # With a third argument, what was seen is the first channel of several.
    assert len(names) == 1 or sys.argv[3:], names
    first = manifest["guides"][0]["name"].rsplit(" mean", 1)[0]
    channels = {first: np.sqrt(seen.astype(float))}

at = lambda count, axis: (((np.arange(count) + 0.5) * UM - grid["origin_um"][axis]) / side)
down, right = at(seen.shape[0], 1), at(seen.shape[1], 0)
row, col = np.floor(down).astype(int), np.floor(right).astype(int)
inside = np.outer((row >= 0) & (row < rows), (col >= 0) & (col < cols))
bins = (row[:, None] * cols + col[None])[inside]


def mean(values, where=None):
    keep = np.ones(inside.sum(), bool) if where is None else where[inside]
    number = np.bincount(bins[keep], minlength=rows * cols)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (np.bincount(bins[keep], values[inside][keep], minlength=rows * cols) / number).reshape(rows, cols)


def blurred(values, sigma):
    return gaussian_filter(values, sigma / UM, mode="nearest", truncate=3.0, radius=int(np.ceil(3 * sigma / UM)))


centre = np.outer(np.abs(down - row - 0.5) < 0.25, np.abs(right - col - 0.5) < 0.25)
differences = {}
for name, channel in channels.items():
    plain = mean(channel)
    fine, middle, coarse = (blurred(channel, sigma) for sigma in (1.7, 4.25, 8.5))
    known = np.isfinite(plain)
    kernel = lambda a: gaussian_filter(a, 1.0, mode="constant", radius=3)
    expected = {
        "mean": plain,
        "deviation": np.sqrt(np.maximum(mean(channel**2) - plain**2, 0)),
        "fine texture": np.sqrt(mean((fine - middle) ** 2)),
        "coarse texture": np.sqrt(mean((middle - coarse) ** 2)),
        "centre": mean(channel, centre),
        "around": np.where(known, kernel(np.where(known, plain, 0)) / kernel(known.astype(float)), np.nan),
    }
    for feature, values in expected.items():
        found = table[f"{name} {feature}"].to_numpy(zero_copy_only=False).reshape(rows, cols).astype(float)
        assert (np.isfinite(found) == np.isfinite(values)).all(), f"{name} {feature}"
        spread = np.nanstd(values) + 1e-3
        differences[f"{name} {feature}"] = float(np.nanmax(np.abs(found - values)) / spread)
print(json.dumps(differences))
