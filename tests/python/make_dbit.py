"""Writes DBiT-seq as its pipelines and spatialdata-io leave it, of one section of 20 × 20 channels.

usage: make_dbit.py FOLDER

Prints for each its file, flags for s2s-prep, and what is to come of it, as make_anndata.py does.
"""
import gzip
import json
import pathlib
import sys
import warnings

import anndata
import numpy as np
import pandas as pd
import scipy.sparse as sp

warnings.simplefilter("ignore")
FOLDER = pathlib.Path(sys.argv[1])
RNG = np.random.default_rng(12)
GENES = ["Actb", "Gad1", "Slc17a7", "Snap25"]
SIDE = 20
# Channels are counted from 1; A goes across, B goes down.
B, A = (axis.ravel() + 1 for axis in np.mgrid[0:SIDE, 0:SIDE])
X = RNG.poisson(2.0, (SIDE * SIDE, len(GENES)))
CODES = ["".join(RNG.choice(list("ACGT"), 8)) for _ in range(2 * SIDE)]
OF_A, OF_B = CODES[:SIDE], CODES[SIDE:]
PAIRS = [OF_B[b - 1] + OF_A[a - 1] for a, b in zip(A, B)]
CASES = []
GAPS = "--mode impute --preset dbit-seq-50um"


def counts(steps, kept=slice(None)):
    """The counts of every gene and crossing, so many bins apart."""
    at = (B[kept] - B[kept].min()) * steps, (A[kept] - A[kept].min()) * steps
    return sorted([gene, int(row), int(col), int(count)] for j, gene in enumerate(GENES) for row, col, count in zip(*at, X[kept][:, j]) if count)


def case(file, flags=GAPS, told=None, note=None, **what):
    CASES.append({"file": file, "flags": flags, "counts": what.get("counts"), "told": told, "note": note})


def section(names=PAIRS, spatial=None, kept=slice(None), **obs):
    adata = anndata.AnnData(sp.csr_matrix(X.astype("f4")), obs=pd.DataFrame(obs, index=pd.Index(names)), var=pd.DataFrame(index=GENES))
    if spatial is not None:
        adata.obsm["spatial"] = spatial
    return adata[kept].copy()


# spatialdata-io's reader leaves channels in obs, and both as positions.
section(array_A=A, array_B=B, spatial=np.c_[A, B]).write_h5ad(FOLDER / "channels.h5ad")
case("channels.h5ad", counts=counts(2), note="obs/array_B and obs/array_A; one square is 50 µm")
case("channels.h5ad", "--mode impute --preset dbit-seq-10um", counts=counts(2), note="one square is 10 µm")
case("channels.h5ad", "--mode impute --bin-um 25 --pitch-um 50", counts=counts(2))
case("channels.h5ad", "--mode impute --bin-um 25 --pitch-um 75 --scale 3 --patch 9", counts=counts(3))
case("channels.h5ad", "--preset dbit-seq-50um", counts=counts(1), note="one square is 100 µm")
case("channels.h5ad", "--mode impute --bin-um 25 --pitch-um 75", told=["one in 3", "--scale 3, not 2"])
case("channels.h5ad", "--mode impute --bin-um 20 --pitch-um 50", told=["--pitch-um", "multiple of --bin-um 20"])
case("channels.h5ad", "--mode impute --bin-um 50 --pitch-um -1", told=["pitch-um -1"])
case("channels.h5ad", "--mode impute --bin-um 25 --scale 2x1", told=["same along rows and columns", "--measured"])
case("channels.h5ad", "--mode impute --preset dbit-seq", told=["dbit-seq-50um"])
section(array_A=A.astype(str), array_B=B.astype(str), kept=B > 4).write_h5ad(FOLDER / "texts.h5ad")
case("texts.h5ad", counts=counts(2, B > 4))
section(spatial=np.c_[A, B]).write_h5ad(FOLDER / "positions.h5ad")
case("positions.h5ad", counts=counts(2))
section(spatial=np.c_[A, B] * 100.0).write_h5ad(FOLDER / "microns.h5ad")
case("microns.h5ad", counts=counts(2))
adata = section(array_row=B - 1, array_col=A - 1)
adata.write_h5ad(FOLDER / "rows.h5ad")
case("rows.h5ad", counts=counts(2), note="obs/array_row and obs/array_col; one square is 50 µm (--pitch-um)")

# What spatialdata-io's reader is given: pairs of barcodes, and the list of channels; or a list of pairs.
lists = {
    "channels": "".join(f"{letter}{i + 1}\t{code}\n" for letter, codes in [("A", OF_A), ("B", OF_B)] for i, code in enumerate(codes)),
    "pairs": "".join(f"{pair}\t{a}\t{b}\n" for pair, a, b in zip(PAIRS, A, B)),
}
for name, text in lists.items():
    (FOLDER / name).mkdir()
    section().write_h5ad(FOLDER / name / "sample.h5ad")
    (FOLDER / name / "barcode_list.tsv").write_text(text)
    case(name, counts=counts(2), note="barcode_list.tsv")
    case(name, "--preset dbit-seq-50um --platform dbit-seq", counts=counts(1))
for name, text, told in [
    ("strange", lists["channels"].replace("B2\t", "C2\t"), "channel C2, expected A or B"),
    ("short", "\n".join(lists["channels"].splitlines()[1:]), f"the barcodes of {PAIRS[0]} are not in it"),
]:
    (FOLDER / name).mkdir()
    section().write_h5ad(FOLDER / name / "sample.h5ad")
    (FOLDER / name / "barcode_list.tsv").write_text(text)
    case(name, told=["barcode_list.tsv", told])

# The matrix of the pipelines, as public data are.
table = pd.DataFrame(X, columns=GENES, index=[f"{a}x{b}" for a, b in zip(A, B)])
table.to_csv(FOLDER / "stdata.tsv", sep="\t")
(FOLDER / "GSM1_E10.tsv.gz").write_bytes(gzip.compress((FOLDER / "stdata.tsv").read_bytes()))
table.to_csv(FOLDER / "named.csv", index_label="X")
for file in ["stdata.tsv", "GSM1_E10.tsv.gz", "named.csv"]:
    case(file, counts=counts(2), note="AxB")
case("stdata.tsv", "--preset dbit-seq-25um", counts=counts(1), note="one square is 50 µm")
table.rename(index={"3x4": "3y4"}).to_csv(FOLDER / "misnamed.tsv", sep="\t")
case("misnamed.tsv", told=["misnamed.tsv", "line 64", "row 3y4, expected AxB"])
print(json.dumps(CASES))
