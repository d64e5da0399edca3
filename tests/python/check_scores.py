"""Recomputes the scores of s2s-score with NumPy, SciPy and scikit-image, from the same files.

    python check_scores.py --dataset SAMPLE.s2s --prediction X.zarr [Y.zarr ...] --scores DIR [--reference METHOD]

Needs numpy, pandas, pyarrow, scikit-image and zarr 3. Predictions are found by their method, so they must have been
scored without --label. Prints how many figures were compared and the largest relative difference, as JSON, and fails if that
is above 1e-9. The reliability of a gene is an average over random halves: how far it is from halves drawn here is printed, as the
largest difference, beside it. Figures against the reference are compared where --reference says which method it was.
"""

import argparse
import json
import pathlib
import sys

import numpy as np
import pandas as pd
import zarr
from scipy.ndimage import distance_transform_edt
from scipy.stats import spearmanr
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
        "bias": predicted[region].sum() / truth[region].sum(),
        "mae_positive": np.abs(error[truth[region] > 0]).mean(),
        "rmse_positive": np.sqrt((error[truth[region] > 0] ** 2).mean()),
    }


def gains(truth, reference, predicted, region):
    gain = (np.abs(reference - truth) - np.abs(predicted - truth))[region]
    return {
        "improvement_ratio": (gain > 0).mean(),
        "tie_ratio": (gain == 0).mean(),
        "mean_gain": gain.mean(),
    }


def autocorrelation(image, inside):
    """Moran's I and Geary's C over the bins inside, each linked to its neighbours above, below, left and right."""
    z = np.where(inside, image - image[inside].mean(), 0.0)
    pairs = [
        (z[1:][both], z[:-1][both]) if axis == 0 else (z[:, 1:][both], z[:, :-1][both])
        for axis, both in ((0, inside[1:] & inside[:-1]), (1, inside[:, 1:] & inside[:, :-1]))
    ]
    links = sum(len(a) for a, _ in pairs)
    squares, n = (z**2).sum(), inside.sum()
    moran = n / links * sum((a * b).sum() for a, b in pairs) / squares
    geary = (n - 1) / (2 * links) * sum(((a - b) ** 2).sum() for a, b in pairs) / squares
    return moran, geary


def reliability(counts, totals, target, rng):
    """Correlation of binomial halves, corrected to the whole depth by Spearman and Brown."""
    halves = []
    for _ in range(20):
        a = rng.binomial(counts, 0.5)
        all_a = a + rng.binomial(totals - counts, 0.5)
        values = [np.log1p(x / np.maximum(t, 1) * target) for x, t in ((a, all_a), (counts - a, totals - all_a))]
        halves.append(np.corrcoef(*values)[0, 1])
    r = np.mean(halves)
    return 2 * r / (1 + r)


def profile_classes(tissue, measured, truth):
    """The class of each bin by its distances to the border and to the nearest measured bin, and by its true value, as masks by name."""
    depth = distance_transform_edt(np.pad(tissue, 1))[1:-1, 1:-1]
    away = distance_transform_edt(~(measured & tissue))
    distances = {"1": (0.5, 1.5), "2": (1.5, 2.5), "3–4": (2.5, 4.5), "5–8": (4.5, 8.5), "9–16": (8.5, 16.5), "17 and more": (16.5, np.inf)}
    levels = {"0": (-np.inf, 0), "0–1": (0, 1), "1–2": (1, 2), "2–3": (2, 3), "3–4": (3, 4), "above 4": (4, np.inf)}
    for by, ranges, values in (("border", distances, depth), ("distance", distances, away), ("level", levels, truth)):
        for name, (low, high) in ranges.items():
            yield by, name, (values > low) & (values <= high)


def profiles(expected, maps, ends, tissue, region):
    """The rows of profiles.csv by method, kind and class."""
    rows = {}
    for gene, methods in maps.items():
        truth = expected[gene]
        classes = list(profile_classes(tissue, tissue & ~region, truth))
        for method, predicted in methods.items():
            lower, upper = ends[gene].get(method, [np.full(truth.shape, np.nan)] * 2)
            for by, name, inside in classes:
                bins = inside & region
                known = bins & np.isfinite(lower)
                # Interval ends are in single precision.
                held = (truth >= lower - 1e-5) & (truth <= upper + 1e-5)
                varies = by != "level" and bins.any() and np.ptp(truth[bins]) > 0 and np.ptp(predicted[bins]) > 0
                row = rows.setdefault((method, by, name), ([], [], []))
                row[0].append((predicted - truth)[bins])
                row[1].extend([np.corrcoef(truth[bins], predicted[bins])[0, 1]] if varies else [])
                row[2].append(held[known])
    return {
        key: {
            "values": len(e),
            "mae": np.abs(e).mean(),
            "rmse": np.sqrt((e**2).mean()),
            "bias": e.mean(),
            "pcc": np.mean(correlations) if correlations else np.nan,
            "coverage": held.mean() if len(held) else np.nan,
        }
        for key, (errors, correlations, held) in rows.items()
        for e, held in [(np.concatenate(errors), np.concatenate(held))]
        if len(e)
    }


def panel(expected, maps, method, tissue, region):
    """What the genes together are good for; clusters depend on their random start and are left out."""
    genes = list(expected)
    truth, predicted = [expected[g] for g in genes], [maps[g][method] for g in genes]
    ranks = [[autocorrelation(image, tissue)[0] for image in images] for images in (truth, predicted)]
    upper = np.triu_indices(len(genes), 1)
    pairs = [np.corrcoef([image[region] for image in images])[upper] for images in (truth, predicted)]
    top = min(max(-(-len(genes) // 5), 5), 50)
    first = [set(np.argsort(values)[-top:]) for values in ranks]
    return {
        "morans_i_spearman": spearmanr(*ranks).statistic,
        "top_overlap": len(first[0] & first[1]) / top,
        "gene_correlation_pcc": np.corrcoef(*pairs)[0, 1],
        "gene_correlation_difference": np.abs(pairs[1] - pairs[0]).mean(),
        "gene_correlation_excess": (np.abs(pairs[1]) - np.abs(pairs[0])).mean(),
    }


class Comparison:
    def __init__(self):
        self.compared, self.worst = 0, 0.0

    def add(self, found, wanted):
        if np.isnan(wanted) and pd.isna(found):
            return
        self.compared += 1
        # A NaN on one side alone must fail, and no comparison with NaN is true.
        difference = abs(found - wanted) / max(abs(wanted), 1e-12)
        self.worst = max(self.worst, float("inf") if np.isnan(difference) else difference)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=pathlib.Path, required=True)
    parser.add_argument("--prediction", type=pathlib.Path, nargs="+", required=True)
    parser.add_argument("--scores", type=pathlib.Path, required=True)
    parser.add_argument("--reference")
    arguments = parser.parse_args()

    manifest = json.loads((arguments.dataset / "manifest.json").read_text())
    shape = manifest["grid"]["rows"], manifest["grid"]["cols"]
    bins, own, truth = (
        pd.read_parquet(arguments.dataset / f"{name}.parquet") for name in ("bins", "measured", "truth")
    )
    measured = np.zeros(shape, bool)
    measured[bins.row, bins["col"]] = bins.measured
    tissue = np.zeros(shape, bool)
    tissue[bins.row, bins["col"]] = bins.tissue
    totals = truth[truth.gene.isna()]
    tissue[totals.row, totals["col"]] = totals["count"] >= manifest["min_counts"]

    scores = pd.read_parquet(arguments.scores / "scores.parquet").set_index(["gene", "method", "region"])
    maps, ends = {}, {}
    for path in arguments.prediction:
        store = zarr.open_group(str(path), mode="r")
        attributes = store.attrs["s2s"]
        for index, gene in enumerate(attributes["genes"]):
            image = np.nan_to_num(store["images/imputed/s0"][index].astype(float)) * tissue
            maps.setdefault(gene, {})[attributes["method"]] = image
            known = ends.setdefault(gene, {})
            if "lower" in store["images"]:
                known[attributes["method"]] = [store[f"images/{end}/s0"][index].astype(float) for end in ("lower", "upper")]

    scored, parts = Comparison(), {"profiles": Comparison(), "panel": Comparison()}
    rng = np.random.default_rng(0)
    counts = np.zeros(shape, int)
    counts[totals.row, totals["col"]] = totals["count"]
    images, unreliable = {}, 0.0
    for gene, methods in maps.items():
        expected = images[gene] = raster((own, truth), shape, gene) * tissue
        region = tissue & ~measured
        rows = truth[truth.gene == gene]
        found = np.zeros(shape, int)
        found[rows.row, rows["col"]] = rows["count"]
        wanted = reliability(found[region], counts[region], manifest["target"], rng)
        got = scores.loc[(gene, next(iter(methods)), "unmeasured")]
        unreliable = max(unreliable, abs(got["reliability"] - wanted))
        scored.add(got["pcc_ceiling"], np.sqrt(got["reliability"]))
        for method, predicted in methods.items():
            frame, similarity = structural_similarity(
                expected, predicted, data_range=max(expected.max(), predicted.max()), full=True
            )
            for name, region in (("unmeasured", tissue & ~measured), ("tissue", tissue)):
                wanted = figures(expected, predicted, region, similarity)
                if name == "tissue":
                    wanted["ssim_frame"] = frame
                    wanted["morans_i"], wanted["gearys_c"] = autocorrelation(predicted, tissue)
                    wanted["morans_i_truth"], wanted["gearys_c_truth"] = autocorrelation(expected, tissue)
                elif method != arguments.reference and arguments.reference in methods:
                    wanted |= gains(expected, methods[arguments.reference], predicted, region)
                row = scores.loc[(gene, method, name)]
                for key, value in wanted.items():
                    scored.add(row[key], value)

    region = tissue & ~measured
    rows = pd.read_csv(arguments.scores / "profiles.csv").set_index(["method", "by", "class"])
    wanted = profiles(images, maps, ends, tissue, region)
    assert set(rows.index) == set(wanted), set(rows.index) ^ set(wanted)
    for key, figures_of in wanted.items():
        for name, value in figures_of.items():
            # A bias is a difference of large sums, as a small correlation: they are compared on the scale of the errors.
            large = name in ("bias", "pcc")
            parts["profiles"].add(rows.loc[key][name] + large, value + large)
    found = json.loads((arguments.scores / "scores.json").read_text())["panel"]
    for score in found["methods"] if found else []:
        for name, value in panel(images, maps, score["method"], tissue, region).items():
            parts["panel"].add(score[name], value)

    worst = max(part.worst for part in (scored, *parts.values()))
    print(json.dumps({
        "compared": scored.compared,
        **{name: part.compared for name, part in parts.items()},
        "largest_relative_difference": worst,
        "reliability_difference": unreliable,
    }))
    sys.exit(1 if worst > 1e-9 else 0)


if __name__ == "__main__":
    main()
