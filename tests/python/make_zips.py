"""Writes zipped Zarr stores as anndata, spatialdata and Xenium's instrument leave them.

usage: make_zips.py FOLDER

Prints for each its file, flags for s2s-prep, and what is to come of it, as make_anndata.py does.
"""
import json
import pathlib
import shutil
import sys
import warnings
import zipfile

import anndata
import numpy as np
import pandas as pd
import scipy.sparse as sp
import zarr

warnings.simplefilter("ignore")
FOLDER = pathlib.Path(sys.argv[1])
RNG = np.random.default_rng(4)
GENES = ["ACTB", "CD3E", "EPCAM", "INS"]
SIDE = 16
CASES = []


def case(file, flags="", counts=None, told=None, note=None):
    CASES.append({"file": file, "flags": flags, "counts": counts, "told": told, "note": note})


def zipped(store, name, within="", packed=zipfile.ZIP_STORED):
    """A folder as a zip file, perhaps with a folder's name before all names."""
    with zipfile.ZipFile(FOLDER / name, "w", packed) as file:
        for path in sorted(store.rglob("*")):
            if path.is_file():
                file.write(path, within + str(path.relative_to(store)))


# AnnData: a square of bins.
rows, cols = (axis.ravel() for axis in np.mgrid[0:SIDE, 0:SIDE])
x = RNG.poisson(2.0, (len(rows), len(GENES)))
obs = pd.DataFrame({"array_row": rows, "array_col": cols, "kind": pd.Categorical(["a"] * len(rows))}, index=[f"b{i}" for i in range(len(rows))])
expected = [[GENES[j], int(rows[i]), int(cols[i]), int(x[i, j])] for j in range(len(GENES)) for i in range(len(rows)) if x[i, j]]
adata = anndata.AnnData(sp.csr_matrix(x.astype("f4")), obs=obs, var=pd.DataFrame(index=GENES))
for version in (2, 3):
    anndata.settings.zarr_write_format = version
    adata.write_zarr(FOLDER / f"v{version}.zarr")
    zipped(FOLDER / f"v{version}.zarr", f"v{version}.zarr.zip")
    zipped(FOLDER / f"v{version}.zarr", f"v{version}-within.zarr.zip", within=f"v{version}.zarr/")
    zipped(FOLDER / f"v{version}.zarr", f"v{version}-packed.zarr.zip", packed=zipfile.ZIP_DEFLATED)
    for name in (f"v{version}", f"v{version}-within", f"v{version}-packed"):
        case(f"{name}.zarr.zip", counts=expected)
(FOLDER / "cut.zarr.zip").write_bytes((FOLDER / "v2.zarr.zip").read_bytes()[:3000])
case("cut.zarr.zip", told=["cut.zarr.zip", "not readable as Zarr"])
# A byte of a chunk is another: the checksum tells.
damaged = bytearray((FOLDER / "v2.zarr.zip").read_bytes())
with zipfile.ZipFile(FOLDER / "v2.zarr.zip") as file:
    chunk = file.getinfo("X/data/0")
damaged[chunk.header_offset + 30 + len(chunk.filename) + chunk.compress_size // 2] ^= 1
(FOLDER / "flipped.zarr.zip").write_bytes(damaged)
case("flipped.zarr.zip", told=["flipped.zarr.zip", "checksum"])
zarr.open_group(FOLDER / "other.zarr", mode="w", zarr_format=2).create_group("analysis")
zipped(FOLDER / "other.zarr", "analysis.zarr.zip")
case("analysis.zarr.zip", told=["neither AnnData nor SpatialData"])

# SpatialData: a table in a store.
store = FOLDER / "sd.zarr"
anndata.settings.zarr_write_format = 2
zarr.open_group(store, mode="w", zarr_format=2).create_group("tables")
adata.write_zarr(store / "tables" / "bins")
zipped(store, "sd.zarr.zip")
case("sd.zarr.zip", counts=expected)

# Xenium: molecules in tiles of 250 µm, of which some are not valid, of low quality, of controls, or of no gene.
NAMES = [*GENES, "NegControlProbe_00042", "UnassignedCodeword_0001"]
number = 6000
molecules = pd.DataFrame({
    "gene": RNG.choice([*range(len(NAMES)), 65535], number),
    "x": RNG.uniform(0, SIDE * 20, number).astype("f4"),
    "y": RNG.uniform(0, SIDE * 20, number).astype("f4"),
    "qv": RNG.choice([40.0, 20.0, 19.9, 5.0], number, p=[0.7, 0.1, 0.1, 0.1]).astype("f4"),
    "valid": RNG.random(number) < 0.95,
})


def transcripts(path, change=None):
    root = zarr.open_group(path, mode="w", zarr_format=2)
    root.attrs.update({"gene_names": NAMES, "major_version": 4, "spatial_units": "micron", "number_genes": len(NAMES)})
    tiles = molecules.groupby([molecules.x // 250, molecules.y // 250])
    for level in (0, 1):
        for (i, j), tile in tiles:
            # Coarser grids hold parts.
            tile = tile.iloc[:: level + 1]
            group = root.create_group(f"grids/{level}/{int(i)},{int(j)}")
            arrays = {
                "location": np.c_[tile.x, tile.y, np.full(len(tile), 12.5, "f4")],
                "gene_identity": tile.gene.to_numpy("u2")[:, None],
                "quality_score": tile.qv.to_numpy()[:, None],
                "valid": tile.valid.to_numpy("u1")[:, None],
                "status": np.zeros((len(tile), 1), "u1"),
            }
            for name, array in arrays.items():
                group.create_array(name, data=array, chunks=(500, array.shape[1]))
    if change is not None:
        change(root)
    return path


kept = molecules[(molecules.qv >= 20) & molecules.valid & (molecules.gene < len(GENES))]
kept = kept.assign(row=(kept.y // 20).astype(int), col=(kept.x // 20).astype(int))
sums = kept.groupby(["gene", "row", "col"]).size()
expected = [[GENES[gene], int(row), int(col), int(count)] for (gene, row, col), count in sums.items()]
zipped(transcripts(FOLDER / "t.zarr"), "transcripts.zarr.zip")
invalid = f"{(~molecules.valid).sum()} molecules left out: not valid"
case("transcripts.zarr.zip", counts=expected, note=invalid)
case("transcripts.zarr.zip", "--platform xenium", counts=expected)
case("transcripts.zarr.zip", "--platform cosmx", told=["--platform cosmx", "Xenium"])
case("t.zarr", counts=expected)
(FOLDER / "bundle").mkdir()
shutil.copy(FOLDER / "transcripts.zarr.zip", FOLDER / "bundle" / "GSM1_transcripts.zarr.zip")
(FOLDER / "bundle" / "experiment.xenium").write_text(json.dumps({"panel_name": "hSkin", "pixel_size": 0.2125}))
case("bundle", counts=expected, note="panel hSkin")


def shorter(root):
    tile = root["grids/0/0,0"]
    array = tile["valid"][:-1]
    del tile["valid"]
    tile.create_array("valid", data=array)


zipped(transcripts(FOLDER / "d.zarr", shorter), "damaged.zarr.zip")
case("damaged.zarr.zip", told=["grids/0/0,0", "damaged"])
print(json.dumps(CASES))
