#!/usr/bin/env python3
"""Writes tests/expected/prep.json: what s2s-prep must make of the reference sections, computed with pandas and NumPy.

    python3 tests/python/expected_prep.py ../shared/data > tests/expected/prep.json

Method §2 and §8: bins are counted from the origin of the field, the frame is the box of the measured bins that hold a
transcript, the target is the median total of the measured bins with at least 10 counts.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

MIN_COUNTS = 10
CONTROLS = (
    "NegControlProbe", "NegControlCodeword", "antisense_", "BLANK_", "Blank", "UnassignedCodeword",
    "DeprecatedCodeword", "Intergenic_Region", "GenomicControl", "NegPrb", "Negative", "SystemControl", "FalseCode",
)


def morans_i(values, inside):
    """Moran's I over the bins `inside`, each linked to its neighbours above, below, left and right."""
    z = np.where(inside, values - values[inside].mean(), 0.0)
    links = (inside[1:] & inside[:-1]).sum() + (inside[:, 1:] & inside[:, :-1]).sum()
    products = (z[1:] * z[:-1]).sum() + (z[:, 1:] * z[:, :-1]).sum()
    return float(inside.sum() / links * products / (z**2).sum())


def expected(table, bin_um, scale, genes, min_qv=20, min_counts=MIN_COUNTS):
    if "qv" in table:
        table = table[table.qv >= min_qv]
    table = table[~table.gene.str.startswith(CONTROLS)]
    rows = np.floor(table.y.astype("f8") / bin_um).astype(int)
    cols = np.floor(table.x.astype("f8") / bin_um).astype(int)
    measured = (rows % scale == 0) & (cols % scale == 0)
    weights = table["count"].to_numpy() if "count" in table else np.ones(len(table), dtype=int)
    first = rows[measured].min(), cols[measured].min()
    shape = rows[measured].max() - first[0] + scale, cols[measured].max() - first[1] + scale
    rows, cols = rows - first[0], cols - first[1]
    inside = (rows >= 0) & (rows < shape[0]) & (cols >= 0) & (cols < shape[1])

    def image(chosen):
        counts = np.zeros(shape, dtype=int)
        np.add.at(counts, (rows[chosen], cols[chosen]), weights[chosen])
        return counts

    totals = image(inside)
    lattice = np.zeros(shape, dtype=bool)
    lattice[::scale, ::scale] = True
    tissue = lattice & (totals >= min_counts)
    target = float(np.median(totals[tissue]))
    per_gene = {}
    measured_tissue = tissue[::scale, ::scale]
    for gene in genes:
        counts = image(inside & (table.gene == gene))
        values = np.log1p(counts / np.maximum(totals, 1) * target)
        brightest = sorted(zip(*np.nonzero(counts * tissue)), key=lambda at: (-counts[at], at))[:5]
        per_gene[gene] = {
            "measured": int(counts[tissue].sum()),
            "bins": int((counts[tissue] > 0).sum()),
            "withheld": int(counts[~lattice].sum()),
            "value_sum": float(values[tissue].sum()),
            "morans_i": morans_i(values[::scale, ::scale], measured_tissue),
            "brightest": [[int(r), int(c), int(counts[r, c]), float(values[r, c])] for r, c in brightest],
        }
    return {
        "rows": int(shape[0]),
        "cols": int(shape[1]),
        "origin_um": [float(first[1] * bin_um), float(first[0] * bin_um)],
        "target": target,
        "measured_total": int(totals[lattice].sum()),
        "withheld_total": int(totals[~lattice].sum()),
        "measured_tissue": int(tissue.sum()),
        "all_genes": int(table.gene[measured].nunique()),
        "genes": per_gene,
    }


def main(data):
    names = {"feature_name": "gene", "x_location": "x", "y_location": "y"}
    pancreas = pd.read_parquet(data / "xenium_pancreas/transcripts.parquet").rename(columns=names)
    mini = pd.read_parquet(data / "formats/xenium_mini/transcripts.parquet").rename(columns=names)
    iss = pd.read_csv(data / "formats/iss/spots.csv").rename(columns={"Gene": "gene"})
    result = {
        "pancreas": expected(pancreas, 30, 2, ["CFTR", "AMY2A", "INS"]),
        "pancreas_scale_3": expected(pancreas, 17.5, 3, ["GPRC5A"]),
        "xenium_mini": expected(mini, 20, 2, ["CD3D", "SIX6"]),
        "xenium_mini_qv": expected(mini, 20, 2, ["CD3D", "SIX6"], min_qv=35),
        "iss": expected(iss, 60, 2, ["Plp1", "Cxcl14"]),
    }
    print("{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in result.items()) + "\n}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
