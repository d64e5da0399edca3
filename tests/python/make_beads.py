"""Writes beads as Slide-seq and Curio Seeker leave them, and molecules as proseg does, all of one section.

usage: make_beads.py FOLDER

Prints for each its file, flags for s2s-prep, and what is to come of it, as make_anndata.py does.
"""
import gzip
import json
import pathlib
import sys

import anndata
import numpy as np
import pandas as pd
import scipy.io
import scipy.sparse as sp

FOLDER = pathlib.Path(sys.argv[1])
RNG = np.random.default_rng(6)
GENES = ["Actb", "Gad1", "Slc17a7", "Snap25", "Blank-1"]
SIDE, BEADS = 16, 1500
CODES = ["".join(RNG.choice(list("ACGT"), 14)) for _ in range(BEADS)]
XY = RNG.uniform(0, SIDE * 20, (BEADS, 2)).round(3)
X = RNG.poisson(0.7, (BEADS, len(GENES)))
CASES = []


def counts(xy=XY, kept=slice(None), bin_um=20):
    """The counts of every gene and bin; controls are left out."""
    at = np.floor(xy[kept] / bin_um).astype(int)
    table = pd.DataFrame(X[kept][:, :-1], columns=GENES[:-1]).assign(row=at[:, 1], col=at[:, 0]).melt(["row", "col"], var_name="gene")
    sums = table.groupby(["gene", "row", "col"])["value"].sum()
    return [[gene, int(row), int(col), int(count)] for (gene, row, col), count in sums.items() if count]


def case(file, flags="", told=None, note=None, **what):
    CASES.append({"file": file, "flags": flags, "counts": what.get("counts"), "told": told, "note": note})


def folder(name):
    path = FOLDER / name
    path.mkdir()
    return path


def locations(path, xy=XY, names=("barcodes", "xcoord", "ycoord"), **how):
    pd.DataFrame({names[0]: CODES, names[1]: xy[:, 0], names[2]: xy[:, 1]}).to_csv(path, **{"index": False} | how)


def wide(path, x=X, codes=CODES, sep="\t"):
    pd.DataFrame(x.T, index=pd.Index(GENES, name="GENE"), columns=codes).to_csv(path, sep=sep)


def curio(name, ending="", prefix="S1_"):
    path = folder(name)
    scipy.io.mmwrite(path / f"{prefix}MoleculesPerMatchedBead.mtx", sp.coo_matrix(X.T))
    files = {"genes.tsv": GENES, "barcodes.tsv": CODES}
    for file, lines in files.items():
        (path / f"{prefix}{file}").write_text("".join(f"{line}\n" for line in lines))
    if ending:
        for file in [*files, "MoleculesPerMatchedBead.mtx"]:
            plain = path / f"{prefix}{file}"
            (path / f"{prefix}{file}{ending}").write_bytes(gzip.compress(plain.read_bytes()))
            plain.unlink()
    return path


locations(curio("curio") / "S1_MatchedBeadLocation.csv", names=("", "x", "y"))
case("curio", counts=counts(), note="--um-per-unit 0.65")
case("curio", "--platform slide-seq --um-per-unit 2 --bin-um 40", counts=counts())
case("curio/S1_MoleculesPerMatchedBead.mtx", counts=counts())
locations(curio("curio_packed", ".gz") / "S1_MatchedBeadLocation.csv", header=False)
case("curio_packed", counts=counts())
alone = curio("curio_alone")
case("curio_alone", told=["no transcripts in this folder"])
lost = curio("curio_lost")
pd.DataFrame({"barcodes": CODES[1:], "x": XY[1:, 0], "y": XY[1:, 1]}).to_csv(lost / "S1_MatchedBeadLocation.csv", index=False)
case("curio_lost", told=[CODES[0], "MatchedBeadLocation.csv"])
adata = anndata.AnnData(sp.csr_matrix(X.astype("f4")), obs=pd.DataFrame(index=CODES), var=pd.DataFrame(index=GENES))
adata.obsm["X_spatial"] = XY
adata.write_h5ad(FOLDER / "S1_anndata.h5ad")
case("S1_anndata.h5ad", counts=counts())

puck = folder("puck")
wide(puck / "Puck_200115_08.digital_expression.txt.gz")
locations(puck / "Puck_200115_08_bead_locations.csv", XY / 0.65)
case("puck", "--um-per-unit 0.65", counts=counts())
case("puck/Puck_200115_08.digital_expression.txt.gz", "--um-per-unit 0.65", counts=counts())
first = folder("first")
wide(first / "MappedDGEForR.csv", sep=",")
locations(first / "BeadLocationsForR.csv", index=True)
case("first", counts=counts())
# R writes no name above those of the rows.
text = (first / "MappedDGEForR.csv").read_text().split("\n", 1)
r = folder("r")
(r / "MappedDGEForR.csv").write_text(text[0].split(",", 1)[1] + "\n" + text[1])
locations(r / "BeadLocationsForR.csv")
case("r", counts=counts())
few = folder("few")
wide(few / "MappedDGEForR.csv", sep=",")
pd.DataFrame({"barcodes": CODES[9:], "x": XY[9:, 0], "y": XY[9:, 1]}).to_csv(few / "BeadLocationsForR.csv", index=False)
case("few", counts=counts(kept=slice(9, None)), note=f"9 of {BEADS} places left out")
others = folder("others")
wide(others / "MappedDGEForR.csv", sep=",", codes=[code[::-1] + "N" for code in CODES])
locations(others / "BeadLocationsForR.csv")
case("others", told=["have no position", "same section"])
broken = folder("broken")
wide(broken / "MappedDGEForR.csv", x=X + np.eye(*X.shape) * 0.5, sep=",")
locations(broken / "BeadLocationsForR.csv")
case("broken", told=["line 2", "Actb", CODES[0], "whole number"])
cut = folder("cut")
wide(cut / "MappedDGEForR.csv", sep=",")
(cut / "MappedDGEForR.csv").write_text((cut / "MappedDGEForR.csv").read_text()[:-50])
locations(cut / "BeadLocationsForR.csv")
case("cut", told=["line 6", "fields", "complete"])

# proseg: where molecules were seen, and where it thinks that they came from.
bead, gene = np.nonzero(X)
times = X[bead, gene]
bead, gene = np.repeat(bead, times), np.repeat(gene, times)
seen = XY[bead]
moved = seen + RNG.normal(0, 3, seen.shape)
table = pd.DataFrame({
    "transcript_id": range(len(seen)), "x": moved[:, 0], "y": moved[:, 1], "z": 0.0, "observed_x": seen[:, 0], "observed_y": seen[:, 1],
    "observed_z": 0.0, "gene": np.array(GENES)[gene], "qv": 40.0, "fov": 0, "assignment": bead, "probability": 1.0, "background": 0, "confusion": 0,
})
for name, ending in [("proseg", "csv.gz"), ("proseg_parquet", "parquet")]:
    path = folder(name) / f"transcript-metadata.{ending}"
    table.to_parquet(path) if ending == "parquet" else table.to_csv(path, index=False)
    (FOLDER / name / "cell-metadata.csv.gz").write_bytes(gzip.compress(b"cell,centroid_x,centroid_y\n0,1,1\n"))
    case(name, counts=counts())
old = folder("proseg_old") / "transcript-metadata.csv"
table.drop(columns=["x", "y"]).rename(columns={"observed_x": "x", "observed_y": "y"}).drop(columns="observed_z").to_csv(old, index=False)
case("proseg_old/transcript-metadata.csv", counts=counts())
print(json.dumps(CASES))
