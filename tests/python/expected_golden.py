"""What pandas, zarr-python and NumPy read in tests/data/golden/1 while make.sh makes it, as JSON: lists of bins row by row, null for NaN."""
import json
import pathlib

import numpy as np
import pandas as pd
import zarr

golden = pathlib.Path(__file__).parent.parent / "data/golden/1"
dataset = golden / "sample.s2s"
manifest = json.loads((dataset / "manifest.json").read_text())
shape = manifest["grid"]["rows"], manifest["grid"]["cols"]
bins = pd.read_parquet(dataset / "bins.parquet").sort_values(["row", "col"])
tables = {name: pd.read_parquet(dataset / f"{name}.parquet") for name in ("measured", "truth")}
# The first rows of the truth are the totals of the withheld bins, without a gene.
totals = tables["truth"][tables["truth"].gene.isna() | (tables["truth"].gene == "")]
true_tissue = (bins.tissue & bins.measured).to_numpy().reshape(shape).copy()
for row, col, count in totals[["row", "col", "count"]].itertuples(index=False):
    true_tissue[row, col] = count >= manifest["min_counts"]


def numbers(values):
    return [None if np.isnan(value) else float(f"{value:.7g}") for value in np.asarray(values, dtype=np.float32).ravel()]


def dense(table, gene, keep):
    image = np.zeros(shape, dtype=np.float32)
    for row, col, value in table[table.gene == gene][["row", "col", "value"]].itertuples(index=False):
        if keep[row, col]:
            image[row, col] = value
    return image


def weights(path):
    """The F32 values of a .safetensors file, and its metadata."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + length])
    return np.frombuffer(data[8 + length:], dtype="<f4"), header["__metadata__"]


measured = bins.measured.to_numpy().reshape(shape)
store, network = (zarr.open_group(golden / name, mode="r") for name in ("blend.zarr", "network.zarr"))
genes = {}
for gene in (entry["name"] for entry in manifest["genes"]):
    known = dense(tables["measured"], gene, measured)
    truth = known + dense(tables["truth"], gene, true_tissue & ~measured)
    genes[gene] = {"measured": numbers(known), "truth": numbers(truth)}
guides = pd.read_parquet(dataset / "guides.parquet").sort_values(["row", "col"])
values, metadata = weights(golden / "DUCT1.safetensors")
print(json.dumps({
    "shape": shape,
    "tissue": numbers(bins.tissue.astype(float)),
    "genes": genes,
    "blend": {name: numbers(store[f"images/{name}/s0"][0]) for name in ("imputed", "median", "lower", "upper")},
    "network": numbers(network["images/imputed/s0"][0]),
    "guides": {entry["name"]: numbers(guides[entry["name"]].astype(float)) for entry in manifest["guides"]},
    "model": {"steps": json.loads(metadata["s2s"])["steps"], "sum": float(np.abs(values.astype(float)).sum())},
}))
