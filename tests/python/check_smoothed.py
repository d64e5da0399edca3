"""What a store says of measured bins without their own counts, against the counts, by zarr-python alone.

usage: check_smoothed.py STORE DATASET

Prints the share of the measured values that lie within smoothed ± smoothed_uncertainty, as JSON."""
import json
import pathlib
import sys

import numpy as np
import pandas as pd
import zarr

path, dataset = map(pathlib.Path, sys.argv[1:])
images = zarr.open_group(path, mode="r")["images"]
imputed, uncertainty, smoothed, half = (
    images[f"{name}/s0"][:] for name in ("imputed", "uncertainty", "smoothed", "smoothed_uncertainty")
)
bins = pd.read_parquet(dataset / "bins.parquet").sort_values(["row", "col"])
tissue, measured = (bins[name].to_numpy().reshape(imputed.shape[1:]) for name in ("tissue", "measured"))
between, own = tissue & ~measured, tissue & measured
np.testing.assert_array_equal(half[:, between], uncertainty[:, between])
assert np.isnan(half[:, ~tissue]).all() and (half[:, tissue] > 0).all() and (uncertainty[:, own] == 0).all()
within = np.abs(smoothed - imputed)[:, own] <= half[:, own]
print(json.dumps({"within": float(within.mean())}))
