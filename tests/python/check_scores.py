"""Recomputes the scores of s2s-score with NumPy and scikit-image, from the same files.

    python check_scores.py --dataset SAMPLE.s2s --prediction X.zarr [Y.zarr ...] --scores DIR [--reference METHOD]

Needs numpy, pandas, pyarrow, scikit-image and zarr 3. Predictions are found by their method, so they must have been
scored without --label. Prints how many figures were compared and the largest relative difference, as JSON, and fails if that
is above 1e-9. Figures against the reference are compared where --reference says which method it was.
"""

import argparse
import json
import pathlib
import sys

import numpy as np
import pandas as pd
import zarr
from skimage.metrics import structural_similarity


def raster(tables, shape, gene):
    image = np.zeros(shape)
    for table in tables:
        rows = table[table.gene == gene]
        image[rows.row, rows["col"]] = rows.value
    return image


def figures(truth, predicted, region, similarity):
    error = (predicted - truth)[region]
    return {
        "bins": region.sum(),
        "mae": np.abs(error).mean(),
        "rmse": np.sqrt((error**2).mean()),
        "pcc": np.corrcoef(truth[region], predicted[region])[0, 1],
        "ssim": similarity[region].mean(),
    }


def gains(truth, reference, predicted, region):
    gain = (np.abs(reference - truth) - np.abs(predicted - truth))[region]
    return {
        "improvement_ratio": (gain > 0).mean(),
        "tie_ratio": (gain == 0).mean(),
        "mean_gain": gain.mean(),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=pathlib.Path, required=True)
    parser.add_argument("--prediction", type=pathlib.Path, nargs="+", required=True)
    parser.add_argument("--scores", type=pathlib.Path, required=True)
    parser.add_argument("--reference")
    arguments = parser.parse_args()

    manifest = json.loads((arguments.dataset / "manifest.json").read_text())
    shape = manifest["grid"]["rows"], manifest["grid"]["cols"]
    step = manifest["lattice"]["scale"]
    bins, own, truth = (
        pd.read_parquet(arguments.dataset / f"{name}.parquet") for name in ("bins", "measured", "truth")
    )
    measured = np.zeros(shape, bool)
    measured[::step, ::step] = True
    tissue = np.zeros(shape, bool)
    tissue[bins.row, bins["col"]] = bins.tissue
    totals = truth[truth.gene.isna()]
    tissue[totals.row, totals["col"]] = totals["count"] >= manifest["min_counts"]

    scores = pd.read_parquet(arguments.scores / "scores.parquet").set_index(["gene", "method", "region"])
    maps = {}
    for path in arguments.prediction:
        store = zarr.open_group(str(path), mode="r")
        attributes = store.attrs["s2s"]
        for index, gene in enumerate(attributes["genes"]):
            image = np.nan_to_num(store["images/imputed/s0"][index].astype(float)) * tissue
            maps.setdefault(gene, {})[attributes["method"]] = image

    compared, worst = 0, 0.0
    for gene, methods in maps.items():
        expected = raster((own, truth), shape, gene) * tissue
        for method, predicted in methods.items():
            frame, similarity = structural_similarity(
                expected, predicted, data_range=max(expected.max(), predicted.max()), full=True
            )
            for name, region in (("unmeasured", tissue & ~measured), ("tissue", tissue)):
                wanted = figures(expected, predicted, region, similarity)
                if name == "tissue":
                    wanted["ssim_frame"] = frame
                elif method != arguments.reference and arguments.reference in methods:
                    wanted |= gains(expected, methods[arguments.reference], predicted, region)
                row = scores.loc[(gene, method, name)]
                for key, value in wanted.items():
                    if np.isnan(value) and pd.isna(row[key]):
                        continue
                    compared += 1
                    # A NaN on one side alone must fail, and no comparison with NaN is true.
                    difference = abs(row[key] - value) / max(abs(value), 1e-12)
                    worst = max(worst, float("inf") if np.isnan(difference) else difference)
    print(json.dumps({"compared": compared, "largest_relative_difference": worst}))
    sys.exit(1 if worst > 1e-9 else 0)


if __name__ == "__main__":
    main()
