#!/usr/bin/env python3
"""Writes tests/expected/text.json: what s2s-prep must make of the tables of each platform, computed with pandas and NumPy.

    python3 tests/python/expected_text.py ../shared/data/formats > tests/expected/text.json
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from expected_prep import CONTROLS, MIN_COUNTS, expected

COSMX_PIXEL_UM = 0.120280945
DNB_UM = 0.5


def gene_list(table, bin_um, min_qv=20):
    """The number of molecules and genes of a table before any filter of quality, and the SHA-256 of the sorted names of those in any measured bin, one per line."""
    kept = table[table.qv >= min_qv] if "qv" in table else table
    kept = kept[~kept.gene.str.startswith(CONTROLS)]
    on_lattice = (np.floor(kept.x / bin_um) % 2 == 0) & (np.floor(kept.y / bin_um) % 2 == 0)
    names = "\n".join(sorted(kept.gene[on_lattice].unique()))
    all_genes = table.gene[~table.gene.str.startswith(CONTROLS)]
    molecules = table["count"].sum() if "count" in table else len(table)
    digest = hashlib.sha256(names.encode()).hexdigest()
    return {"all": int(all_genes.nunique()), "molecules": int(molecules), "measured_sha256": digest}


def bin_size(table, bin_um, min_qv=20, min_counts=MIN_COUNTS):
    """What --describe says of bins of `bin_um`: rows, columns, tissue bins, and the upper median of their counts."""
    kept = table[table.qv >= min_qv] if "qv" in table else table
    kept = kept[~kept.gene.str.startswith(CONTROLS)]
    rows, cols = np.floor(kept.y / bin_um).astype(int), np.floor(kept.x / bin_um).astype(int)
    weights = kept["count"] if "count" in kept else pd.Series(1, index=kept.index)
    totals = weights.groupby([rows, cols]).sum()
    tissue = np.sort(totals[totals >= min_counts].to_numpy())
    median = int(tissue[len(tissue) // 2]) if len(tissue) else 0
    return [int(np.ptp(rows)) + 1, int(np.ptp(cols)) + 1, len(tissue), median]


def tables(data):
    xenium = pd.read_csv(data / "xenium_v1_csv/transcripts.csv")
    yield "xenium_v1", xenium.rename(columns={"feature_name": "gene", "x_location": "x", "y_location": "y"}), {
        "bin_um": 2, "genes": ["Neurod6"], "min_counts": 1,
    }
    merscope = pd.read_csv(data / "merscope_mini/detected_transcripts.csv")
    yield "merscope", merscope[["gene", "global_x", "global_y"]].set_axis(["gene", "x", "y"], axis=1), {
        "bin_um": 20, "genes": ["MEIS2", "HHIP"],
    }
    cosmx = pd.read_csv(data / "cosmx_mini/Run5642_S3_Quarter_tx_file.csv")
    for name, pixel_um, bin_um in [("cosmx", COSMX_PIXEL_UM, 30), ("cosmx_prototype", 0.18, 45)]:
        yield name, pd.DataFrame({
            "gene": cosmx.target, "x": cosmx.x_global_px * pixel_um, "y": cosmx.y_global_px * pixel_um,
        }), {"bin_um": bin_um, "genes": ["Cpe"]}
    stereo = pd.read_csv(data / "stereo_seq/SS200000135TL_D1_bin1_small.gem.gz", sep="\t", comment="#")
    yield "stereo_seq", pd.DataFrame({
        "gene": stereo.geneID, "x": (stereo.x + 0.5) * DNB_UM, "y": (stereo.y + 0.5) * DNB_UM, "count": stereo.MIDCounts,
    }), {"bin_um": 20 * DNB_UM, "genes": ["0610012G03Rik"]}


def main(data):
    result = {}
    for name, table, settings in tables(data):
        result[name] = {**expected(table, scale=2, **settings), "gene_list": gene_list(table, settings["bin_um"])}
        result[name]["bin_sizes"] = {str(um): bin_size(table, um) for um in (5, 25, 50)}
    print("{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in result.items()) + "\n}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
