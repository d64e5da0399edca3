"""Holes in a dense section: made, withheld, imputed, and scored by the distance from the nearest measured bin."""

import argparse
import json
import os
import pathlib

import numpy as np
import pandas as pd
from scipy.ndimage import distance_transform_edt

from . import sections
from .scores import ROUNDING, Store, Truth, intervals
from .steps import StepFailed, Steps, identity, say

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Longest extents of the holes in bins, and how many of each.
SIZES = {2: 12, 3: 10, 4: 8, 6: 6, 8: 4, 10: 3, 12: 2}

# What the networks are called.
NETWORK = "network"

# Distances in bins from the nearest measured one.
CLASSES = ((0.5, 1.2, "1"), (1.2, 2.2, "up to 2"), (2.2, 3.2, "up to 3"), (3.2, 99, "farther"))


def arguments():
    parser = argparse.ArgumentParser(prog="bench-holes", description=__doc__)
    add = parser.add_argument
    add("--section", default="pancreas-30", help="the section: " + ", ".join(s.name for s in sections.SECTIONS))
    add("--genes", type=int, default=10, metavar="N", help="genes [default: 10]")
    add("--seeds", type=int, default=2, metavar="N", help="sets of holes [default: 2]")
    add("--methods", default="idw,kriging,blend", metavar="NAMES")
    add("--network", type=pathlib.Path, metavar="CONFIG", help="networks by this config, too, alone and with a quarter of the mean beside blend")
    add("--threads", type=int, default=1)
    add("--bin-dir", type=pathlib.Path, default=ROOT / "target/release", metavar="DIR")
    add("--shared", type=pathlib.Path, default=os.environ.get("S2S_SHARED", ROOT / "../shared"), metavar="DIR")
    add("--work", type=pathlib.Path, default=pathlib.Path("holes"), metavar="DIR", help="datasets and predictions; what is done is not done again")
    return parser.parse_args()


def dense(section, shared, work, steps):
    """The bins of the section, all of them measured but one in four of no meaning: its tissue says where holes may lie."""
    dataset, after = sections.prepare(section, shared, work, steps)
    bins = pd.read_parquet(dataset / "bins.parquet")
    manifest = json.loads((dataset / "manifest.json").read_text())
    grid = manifest["grid"]
    tissue = np.zeros((grid["rows"], grid["cols"]), bool)
    tissue[bins.row, bins["col"]] = bins.tissue
    return dataset, after, grid, tissue


def holes(tissue, seed):
    """Ellipses in the tissue, round to twice as long as wide, turned, and apart from each other: folds and bubbles."""
    rng = np.random.default_rng(seed)
    rows, cols = np.indices(tissue.shape)
    free, hidden = tissue.copy(), np.zeros_like(tissue)
    for size, count in sorted(SIZES.items(), reverse=True):
        for _ in range(count):
            for _ in range(500):
                row, col, angle, aspect = rng.uniform(0, tissue.shape[0]), rng.uniform(0, tissue.shape[1]), rng.uniform(0, np.pi), rng.uniform(0.5, 1)
                down, right = rows - row, cols - col
                along, across = down * np.cos(angle) + right * np.sin(angle), right * np.cos(angle) - down * np.sin(angle)
                hole = along**2 + (across / aspect) ** 2 <= (size / 2) ** 2
                ring = distance_transform_edt(~hole) <= 1.5 if hole.any() else hole
                if hole.any() and (free & ring).sum() == ring.sum():
                    hidden |= hole
                    free &= distance_transform_edt(~hole) > 3
                    break
    return hidden


def withheld(section, seed, options, steps, found):
    """The dataset of which the holes of this seed are withheld."""
    _, after, grid, tissue = found
    origin = [float(part) for part in section.origin.split(",")] if section.origin else [0.0, 0.0]
    first = [round((at - zero) / grid["bin_um"]) for at, zero in zip(grid["origin_um"], origin)]
    rows, cols = np.nonzero(holes(tissue, seed))
    home = options.work / section.name / f"seed{seed}"
    home.mkdir(parents=True, exist_ok=True)
    listed = home / "holes.csv"
    pd.DataFrame({"row": rows + first[1], "col": cols + first[0]}).to_csv(listed, index=False)
    source, _ = sections.inputs(section, options.shared.resolve(), options.work, steps)
    what = ["--input", source, "--bin-um", section.bin_um, "--mode", "benchmark", "--exclude", listed, "--output", home / "holes.s2s"]
    if section.origin:
        what += ["--origin", section.origin]
    record = steps.s2s("s2s-prep", what, home / "holes.s2s", [after, seed])
    return home, identity(record)


def predicted(home, genes, method, steps, after):
    """The store of a method."""
    target = home / f"{method}.zarr"
    what = ["--dataset", home / "holes.s2s", "--method", method, "--genes", ",".join(genes), "--output", target]
    return target, steps.s2s("s2s-predict", what, target, [after])["seconds"]


def by_networks(home, genes, config, steps, after):
    """The store of networks, one for each gene, without the experts."""
    models, target, recipe = home / "fits", home / f"{NETWORK}.zarr", ["--config", config]
    fit = ["--dataset", home / "holes.s2s", "--genes", ",".join(genes), *recipe, "--output", models]
    fits = steps.s2s("s2s-fit", fit, models, [after], resume=True)
    alone = ["--dataset", home / "holes.s2s", *recipe, "--set", "predict.network_share=1", "--model", models, "--output", target]
    return target, fits["seconds"] + steps.s2s("s2s-predict", alone, target, [after, identity(fits)])["seconds"]


def scored(home, genes, method, target, seconds):
    """A row for every gene and bin of a hole: distance, truth, prediction, and the ends of the interval."""
    truth, store = Truth(home / "holes.s2s", genes), Store(target)
    bins = pd.read_parquet(home / "holes.s2s/bins.parquet")
    measured = truth.raster(bins, bins.measured & bins.tissue, bool)
    distance = distance_transform_edt(~measured)
    parts = []
    for gene in genes:
        imputed, bounds = store.image("imputed", gene), intervals(store, gene)
        lower, upper = bounds if bounds is not None else (np.full_like(imputed, np.nan),) * 2
        columns = {"distance": distance, "truth": truth.images[gene], "predicted": np.nan_to_num(imputed), "lower": lower, "upper": upper}
        parts.append(pd.DataFrame({"gene": gene, "method": method, **{name: image[truth.region] for name, image in columns.items()}}))
    say(f"{home.name}: {method}, {seconds / len(genes):.1f} s a gene")
    return pd.concat(parts, ignore_index=True)


def together(parts):
    """The networks with a quarter of the mean beside the experts; no intervals."""
    by_method = {part.method.iloc[0]: part for part in parts}
    both = 0.75 * by_method["blend"].predicted + 0.25 * by_method[NETWORK].predicted
    return by_method["blend"].assign(method=f"blend, {NETWORK}", predicted=both, lower=np.nan, upper=np.nan)


def figures(rows):
    """Of the bins of one method and class."""
    error = rows.predicted - rows.truth
    told = rows.lower.notna()
    within = (rows.truth >= rows.lower - ROUNDING) & (rows.truth <= rows.upper + ROUNDING)
    by_gene = rows.groupby("gene")[["truth", "predicted"]].corr().iloc[0::2, 1]
    return pd.Series(
        {
            "bins": len(rows) // rows.gene.nunique(),
            "mae": error.abs().mean(),
            "rmse": np.sqrt((error**2).mean()),
            "pcc": by_gene.mean(),
            "coverage": within[told].mean() if told.any() else np.nan,
            "width": (rows.upper - rows.lower)[told].mean() if told.any() else np.nan,
        }
    )


def main():
    options = arguments()
    options.work = options.work.resolve()
    section = next((s for s in sections.SECTIONS if s.name == options.section), None)
    if section is None:
        say(f"error: --section {options.section}: not known")
        return 2
    try:
        steps = Steps(options.bin_dir.resolve(), options.threads)
        found = dense(section, options.shared.resolve(), options.work, steps)
        genes = sections.choose(found[0], section, options.genes)
        parts = []
        for seed in range(options.seeds):
            home, after = withheld(section, seed, options, steps, found)
            own = [scored(home, genes, method, *predicted(home, genes, method, steps, after)) for method in options.methods.split(",")]
            if options.network:
                own.append(scored(home, genes, NETWORK, *by_networks(home, genes, options.network.resolve(), steps, after)))
                own.append(together(own))
            parts += own
    except StepFailed as failure:
        say(f"error: {failure}")
        return 2
    rows = pd.concat(parts, ignore_index=True)
    classes = [*CLASSES, (0.0, 99, "all")]
    print("| distance, bins | method | bins | MAE | RMSE | PCC | coverage at 90 % | width |\n|---|---|---|---|---|---|---|---|")
    for low, high, name in classes:
        for method in rows.method.unique():
            own = rows[(rows.method == method) & (rows.distance > low) & (rows.distance <= high)]
            f = figures(own)
            told = f"{100 * f.coverage:.1f} % | {f.width:.2f}" if np.isfinite(f.coverage) else "– | –"
            print(f"| {name} | {method} | {f.bins:.0f} | {f.mae:.3f} | {f.rmse:.3f} | {f.pcc:.3f} | {told} |")
    say(f"genes: {', '.join(genes)}")
    return 0
