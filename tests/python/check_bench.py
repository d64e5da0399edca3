"""Runs scripts/bench-sections on a simulated section, twice, and compares what it finds with s2s-score and pandas.

    python check_bench.py --programs DIR --recipe FILE --work DIR

Prints as JSON: how many figures were compared with s2s-score's and the largest difference; whether the genes are those of the
documented rule, computed here from measured.parquet; what the second run did again; and the coverage of three equal parts.
"""

import argparse
import json
import pathlib
import subprocess
import sys

import numpy as np
import pandas as pd

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))
from bench_sections import scores as bench_scores  # noqa: E402

SECTION = "sim-few-genes"
METHODS = ["nearest", "bilinear", "bicubic", "idw", "kriging", "tiny"]


def bench(options):
    command = [sys.executable, SCRIPTS / "bench-sections", "--only", SECTION, "--methods", "tiny", "--genes", "3", "--bin-dir", options.programs]
    command += ["--recipe", "tiny", options.recipe, "fit.holdout=0.1", "--work", options.work]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {path: path.stat().st_mtime_ns for path in (options.work / SECTION).rglob("*.done.json")}


def stores(home):
    return [home / method / "predicted.zarr" for method in METHODS[:-1]] + [home / "tiny/seed0/predicted.zarr"]


def compared(options, found):
    """The figures of s2s-score for the same stores, beside the bench's."""
    home = options.work / SECTION
    command = [options.programs / "s2s-score", "--dataset", home / f"{SECTION}.s2s", "--output", options.work / "scores"]
    command += ["--prediction", *stores(home), "--label", *METHODS]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    scores = pd.read_parquet(options.work / "scores/scores.parquet")
    both = found.merge(scores[scores.region == "unmeasured"], on=["gene", "method"], suffixes=("", "_scored"))
    assert len(both) == len(found) == 3 * len(METHODS)
    differences = []
    for name in ("mae", "rmse", "pcc", "ssim", "mae_ratio", "rmse_ratio", "pcc_ceiling", "coverage"):
        a, b = both[name], both[f"{name}_scored"]
        assert (a.isna() == b.isna()).all(), name
        differences += list((a - b).abs().dropna())
    return len(differences), max(differences)


def by_the_rule(options):
    """The strongest gene of each third by counts × Moran's I of the measured bins."""
    dataset = options.work / SECTION / f"{SECTION}.s2s"
    bins, own = pd.read_parquet(dataset / "bins.parquet"), pd.read_parquet(dataset / "measured.parquet")
    tissue = np.zeros((bins.row.max() + 1, bins["col"].max() + 1), bool)
    tissue[bins.row, bins["col"]] = bins.tissue & bins.measured
    strength = {}
    for gene, rows in own.groupby("gene"):
        image = np.zeros(tissue.shape)
        image[rows.row, rows["col"]] = rows.value
        inside, values = tissue[::2, ::2], image[::2, ::2]
        z = np.where(inside, values - values[inside].mean(), 0)
        links = (inside[1:] & inside[:-1]).sum() + (inside[:, 1:] & inside[:, :-1]).sum()
        products = (z[1:] * z[:-1]).sum() + (z[:, 1:] * z[:, :-1]).sum()
        if rows["count"].sum() >= 100:
            strength[gene] = rows["count"].sum() * max(products / links / (z[inside] ** 2).mean(), 0)
    ranked = sorted(strength, key=strength.get, reverse=True)
    return [ranked[k * len(ranked) // 3] for k in range(3)]


class Bounds:
    """A prediction with bounds of its own and a median: 1 everywhere, from 0 to 2, but for the last bin from 0.9 to 1.1."""

    def image(self, name, gene):
        image = np.full((2, 3), {"imputed": 1.0, "median": 0.5, "lower": 0.0, "upper": 2.0}.get(name, np.nan))
        if name in ("lower", "upper"):
            image[1, 2] = {"lower": 0.9, "upper": 1.1}[name]
        return image if name != "uncertainty" else None


def bounds_are_read():
    """One truth above its bounds, one below: 4 of 6 bins are covered, of the last third none."""
    truth = np.array([[0.0, 1.0, 2.0], [1.5, 3.0, 0.5]])
    whole = np.full((2, 3), True)
    found = bench_scores.covered(truth, np.arange(6.0).reshape(2, 3), bench_scores.intervals(Bounds(), "A"), whole)
    assert found == {"coverage": 4 / 6, "coverage_low": 1.0, "coverage_middle": 1.0, "coverage_high": 0.0}, found
    section = object.__new__(bench_scores.Truth)
    section.shape, section.tissue, section.region, section.expected = (8, 8), np.full((8, 8), True), np.full((8, 8), True), {}
    section.images, section.mean_errors = {"A": np.eye(8)}, {"A": 0.0}

    class Flat:
        def image(self, name, gene):
            return {"imputed": np.ones((8, 8)), "median": np.zeros((8, 8))}.get(name)

    assert section.score("A", Flat())["median_mae"] == 1 / 8
    assert section.score("A", Flat())["bias"] == 8


def layers_are_images(options):
    """A layer of the table read as an image is the image of the same name."""
    store = bench_scores.Store(stores(options.work / SECTION)[-1])
    gene = store.genes[0]
    image, layer = store.image("uncertainty", gene), store.layer("uncertainty", 0)
    assert np.isfinite(image).any()
    return bool(np.array_equal(image, layer, equal_nan=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("programs", "recipe", "work"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    options = parser.parse_args()
    bounds_are_read()
    first = bench(options)
    found = pd.read_csv(options.work / "genes.csv")
    figures, largest = compared(options, found)
    chosen = json.loads((options.work / "bench.json").read_text())["chosen"][SECTION]
    again = bench(options)
    options.recipe.write_text(options.recipe.read_text() + "# another recipe\n")
    changed = bench(options)
    tiny = found[found.method == "tiny"]
    thirds = tiny[["coverage_low", "coverage_middle", "coverage_high"]].mean(axis=1)
    print(json.dumps({
        "compared": figures,
        "largest_difference": largest,
        "by_the_rule": chosen == by_the_rule(options),
        "steps": len(first),
        "done_again": sum(first[path] != at for path, at in again.items()),
        "done_after_a_change": sum(first[path] != at for path, at in changed.items()),
        "thirds_are_the_whole": float((thirds - tiny.coverage).abs().max()),
        "rates_follow": bool((found.rates_pcc > found.pcc).all()),
        "layers_are_images": layers_are_images(options),
        "table": (options.work / "bench.md").read_text().count("| tiny |"),
    }))


if __name__ == "__main__":
    main()
