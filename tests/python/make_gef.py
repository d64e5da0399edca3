"""Writes Stereo-seq's GEF as its pipeline does, with h5py: squares of DNBs (geneExp/binN) and cells (cellBin), of one section.

usage: make_gef.py FOLDER [DNBS]

DNBS is how many of them hold anything of a gene, 3000 by default; single.gef and s.cellbin.gef in tests/fuzz/data are those of 150.
Prints for each its file, flags for s2s-prep, and what is to come of it, as make_anndata.py does.
"""
import json
import pathlib
import sys

import h5py
import numpy as np
import pandas as pd

FOLDER = pathlib.Path(sys.argv[1])
GENES = ["Actb", "Gad1", "Slc17a7", "Snap25"]
RNG = np.random.default_rng(8)
NUMBER = int(sys.argv[2]) if len(sys.argv) > 2 else 3000
# A section of 16 × 16 bins of 40 DNBs, 20 µm each; DNBs that hold anything of a gene, sorted by gene, x, y.
SIDE, DNB = 16, 40
DNBS = pd.DataFrame({
    "gene": np.repeat(np.arange(len(GENES)), NUMBER),
    "x": RNG.integers(0, SIDE * DNB, NUMBER * len(GENES)),
    "y": RNG.integers(0, SIDE * DNB, NUMBER * len(GENES)),
    "count": RNG.integers(1, 9, NUMBER * len(GENES)),
}).groupby(["gene", "x", "y"], as_index=False).sum()
CASES = []


def counts(table, genes=GENES, dnb=DNB):
    """The counts of every gene and bin of records whose x and y are those of the chip, from the first measured bin on."""
    bins = table.assign(row=np.floor(table.y / dnb).astype(int), col=np.floor(table.x / dnb).astype(int))
    measured = bins[(bins.row % 2 == 0) & (bins.col % 2 == 0)]
    first = measured.row.min(), measured.col.min()
    last = measured.row.max() + 1, measured.col.max() + 1
    bins = bins[(bins.row >= first[0]) & (bins.row <= last[0]) & (bins.col >= first[1]) & (bins.col <= last[1])]
    sums = bins.groupby(["gene", "row", "col"])["count"].sum()
    return sorted([genes[gene], int(row - first[0]), int(col - first[1]), int(count)] for (gene, row, col), count in sums.items())


def case(file, flags="", table=None, told=None, note=None, expected=None):
    expected = counts(table) if table is not None else expected
    CASES.append({"file": file, "flags": flags, "counts": expected, "told": told, "note": note})


def chip(x, y):
    """The DNBs as the chip counts them, if positions are counted from there; a DNB's centre is its place."""
    return DNBS.assign(x=DNBS.x + x + 0.5, y=DNBS.y + y + 0.5)


def squares(name, sides=(1,), at=(0, 0), resolution=500, count="u1", genes=("geneID", "geneName"), width=64, **how):
    """A file with squares of these sides in DNBs; x and y are counted from `at`."""
    with h5py.File(FOLDER / name, "w") as file:
        file.attrs["bin_type"] = np.array([b"Bin"], "S32")
        file.attrs["version"] = np.array([4], "u4")
        for side in sides:
            records = DNBS.assign(x=DNBS.x // side * side, y=DNBS.y // side * side)
            records = records.groupby(["gene", "x", "y"], as_index=False)["count"].sum()
            kind = count if side == 1 else "u4"
            table = np.zeros(len(records), [("x", "<i4"), ("y", "<i4"), ("count", kind)])
            for field in table.dtype.names:
                table[field] = records[field]
            expression = file.create_dataset(f"geneExp/bin{side}/expression", data=table, **how)
            for key, value in {"minX": at[0], "minY": at[1], "maxX": records.x.max(), "maxY": records.y.max()}.items():
                expression.attrs[key] = np.array([value], "i4")
            expression.attrs["resolution"] = np.array([resolution], "u4")
            file.create_dataset(f"geneExp/bin{side}/exon", data=table["count"])
            number = records.groupby("gene").size().to_numpy()
            table = np.zeros(len(GENES), [(field, f"S{width}") for field in genes] + [("offset", "<u4"), ("count", "<u4")])
            for field in genes:
                table[field] = [f"ENSMUSG{i:05}" for i in range(len(GENES))] if field == "geneID" else GENES
            table["offset"], table["count"] = np.cumsum(number) - number, number
            file.create_dataset(f"geneExp/bin{side}/gene", data=table)


squares("single.gef")
case("single.gef", "--bin-um 20", chip(0, 0))
case("single.gef", "--bin-um 20 --platform stereo-seq", chip(0, 0), note="squares of 1 DNBs")
case("single.gef", "--bin-um 20 --count-column count", told=["--count-column", "stereo-seq"])
case("single.gef", "--bin-um 20 --platform xenium", told=["--platform xenium", "STOmics"])
# The chip of the first public sections.
squares("old-chip.gef", resolution=715)
case("old-chip.gef", "--bin-um 20", told=["0.715", "resolution", "--pixel-um"])
case("old-chip.gef", "--bin-um 28.6 --pixel-um 0.715", chip(0, 0))
squares("old.gef", genes=("gene",), width=32, chunks=(512,), compression="gzip", shuffle=True)
case("old.gef", "--bin-um 20", chip(0, 0))
squares("identifiers.gef", genes=("geneID",), count="<u2")
case("identifiers.gef", "--bin-um 20", expected=counts(chip(0, 0), [f"ENSMUSG{i:05}" for i in range(len(GENES))]))
# Squares are read instead of DNBs where bins are made of them, and where they lie on the bins.
squares("binned.tissue.gef", sides=(1, 10, 20, 40, 100), at=(400, 800))
case("binned.tissue.gef", "--bin-um 20", chip(400, 800), note="squares of 40 DNBs")
squares("shifted.gef", sides=(1, 10, 20, 40, 100), at=(410, 770))
case("shifted.gef", "--bin-um 20", chip(410, 770), note="squares of 10 DNBs")
squares("odd.gef", sides=(1, 10, 20, 40, 100), at=(403, 0))
case("odd.gef", "--bin-um 20", chip(403, 0), note="squares of 1 DNBs")
squares("hundreds.gef", sides=(100, 200))
case("hundreds.gef", "--bin-um 20", told=["200, 100", "--bin-dnb"])

# A square of 40 DNBs is a cell, at its middle.
x, y = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
cells = pd.DataFrame({"x": x.ravel() * DNB + 19, "y": y.ravel() * DNB + 21})
of_cell = DNBS.assign(cell=DNBS.y // DNB * SIDE + DNBS.x // DNB).groupby(["cell", "gene"], as_index=False)["count"].sum()
number = of_cell.groupby("cell").size().reindex(range(len(cells)), fill_value=0).to_numpy()
with h5py.File(FOLDER / "s.cellbin.gef", "w") as file:
    file.attrs["offsetX"], file.attrs["offsetY"] = np.array([80], "i4"), np.array([160], "i4")
    fields = [("id", "<u4"), ("x", "<i4"), ("y", "<i4"), ("offset", "<u4"), ("geneCount", "<u2"), ("area", "<u2")]
    table = np.zeros(len(cells), fields)
    table["id"], table["x"], table["y"], table["geneCount"] = range(len(cells)), cells.x, cells.y, number
    table["offset"] = np.cumsum(number) - number
    file.create_dataset("cellBin/cell", data=table)
    table = np.zeros(len(of_cell), [("geneID", "<u4"), ("count", "<u2")])
    table["geneID"], table["count"] = of_cell.gene, of_cell["count"]
    file.create_dataset("cellBin/cellExp", data=table)
    table = np.zeros(len(GENES), [("geneName", "S64"), ("offset", "<u4"), ("cellCount", "<u4")])
    table["geneName"] = GENES
    file.create_dataset("cellBin/gene", data=table)
placed = of_cell.assign(x=cells.x[of_cell.cell].to_numpy() + 80.5, y=cells.y[of_cell.cell].to_numpy() + 160.5)
case("s.cellbin.gef", "--bin-um 20", placed, note="256 cells")

for folder, files in {
    "outs": ["binned.tissue.gef", "s.cellbin.gef", "single.gef"],
    "cells": ["s.cellbin.gef"],
    "two": ["single.gef", "old.gef"],
}.items():
    (FOLDER / folder).mkdir()
    for file in files:
        (FOLDER / folder / file).write_bytes((FOLDER / file).read_bytes())
case("outs", "--bin-um 20", chip(400, 800))
case("cells", "--bin-um 20", placed)
case("two", "--bin-um 20", told=["single.gef", "old.gef", "read itself"])

damaged = FOLDER / "damaged.gef"
squares(damaged.name)
with h5py.File(damaged, "r+") as file:
    genes = file["geneExp/bin1/gene"]
    table = genes[:]
    table["offset"][2] += 1
    genes[...] = table
case(damaged.name, "--bin-um 20", told=["geneExp/bin1/gene", "offset and count", "damaged"])
(FOLDER / "cut.gef").write_bytes((FOLDER / "single.gef").read_bytes()[:5000])
case("cut.gef", "--bin-um 20", told=["cut.gef"])
(FOLDER / "none.gef").write_text("geneID\tx\ty\n")
case("none.gef", "--bin-um 20", told=["not readable as HDF5"])
print(json.dumps(CASES))
