"""Compares components.parquet of a dataset with NumPy's singular value decomposition of its measured bins.

    python check_components.py --dataset SAMPLE.s2s

Prints as JSON the shares of the variance (s2s-prep's and NumPy's, pairwise) and the share of NumPy's first four
components that s2s-prep's first four span.
"""

import argparse
import json
import pathlib

import numpy as np
import pandas as pd

parser = argparse.ArgumentParser()
parser.add_argument("--dataset", type=pathlib.Path, required=True)
folder = parser.parse_args().dataset

manifest = json.loads((folder / "manifest.json").read_text())
bins = pd.read_parquet(folder / "bins.parquet")
measured = pd.read_parquet(folder / "measured.parquet")
found = pd.read_parquet(folder / "components.parquet")

bins = bins[bins.measured & bins.tissue].set_index(["row", "col"])
table = measured.pivot(index=["row", "col"], columns="gene", values="value").reindex(bins.index).fillna(0.0)
values = table.to_numpy(np.float64)
left, singular, _ = np.linalg.svd(values - values.mean(0), full_matrices=False)
scores = found.set_index(["row", "col"]).reindex(bins.index).to_numpy(np.float64)

ours = manifest["components"]
expected = (singular**2 / (singular**2).sum())[: len(ours)]
assert np.allclose(scores.mean(0), 0, atol=1e-5) and np.allclose(scores.std(0), 1, atol=1e-5)
projected = left[:, :4].T @ scores[:, :4] / np.sqrt(len(scores))
print(json.dumps({"shares": list(zip(ours, expected)), "spanned": float((projected**2).sum() / 4)}))
