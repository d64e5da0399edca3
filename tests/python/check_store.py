"""Opens a store of s2s-predict with spatialdata, anndata, ome-zarr and zarr-python, each warning an error, and compares what
they find with each other and with the dataset that it was made from.

usage: check_store.py STORE DATASET

Prints what it found as JSON; fails on the first thing that is not as docs/output.md says.
"""
import json
import pathlib
import sys
import tempfile
import warnings

import anndata
import numpy as np
import pandas as pd
import spatialdata
import spatialdata.models
import spatialdata.transformations
import zarr
from ome_zarr.io import parse_url
from ome_zarr.reader import Reader

# The libraries warn of each other while they are imported; of our store they must not.
spatialdata.read_zarr
warnings.simplefilter("error")

path, dataset = map(pathlib.Path, sys.argv[1:])
manifest = json.loads((dataset / "manifest.json").read_text())
grid = manifest["grid"]
shape, side, origin = (grid["rows"], grid["cols"]), grid["bin_um"], grid["origin_um"]
bins = pd.read_parquet(dataset / "bins.parquet").sort_values(["row", "col"])
counts = pd.read_parquet(dataset / "measured.parquet")
tissue = bins.tissue.to_numpy().reshape(shape)
measured = bins.measured.to_numpy().reshape(shape) & tissue
inside = bins[bins.tissue]


def same(found, expected):
    np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))


def halved(image):
    """The mean of each 2 x 2 block over what is no NaN."""
    rows, cols = image.shape
    padded = np.full((rows + rows % 2, cols + cols % 2), np.nan)
    padded[:rows, :cols] = image
    blocks = padded.reshape(padded.shape[0] // 2, 2, padded.shape[1] // 2, 2).swapaxes(1, 2).reshape(-1, 4)
    known = ~np.isnan(blocks)
    sums, numbers = np.where(known, blocks, 0).sum(1), known.sum(1)
    means = np.where(numbers > 0, sums / np.maximum(numbers, 1), np.nan)
    return means.reshape(padded.shape[0] // 2, padded.shape[1] // 2)


def check_image(sdata, group, name, genes, predicted):
    """One image in spatialdata, ome-zarr and zarr-python. Returns its values [gene, row, col] and the number of levels."""
    element = sdata[name]
    levels = [element] if not hasattr(element, "children") else [element[level].image for level in element.children]
    values = np.asarray(levels[0].data)
    assert values.dtype == np.float32 and levels[0].dims == ("c", "y", "x")
    assert list(levels[0].coords["c"].values) == genes and values.shape == (len(genes), *shape)
    same(group[f"images/{name}/s0"][:], values)
    assert group[f"images/{name}/s0"].chunks[0] == 1
    for gene, image in zip(genes, values):
        # A gene may be predicted without an uncertainty.
        empty = gene not in predicted or (name == "uncertainty" and np.isnan(image).all())
        assert (np.isfinite(image) == (False if empty else tissue)).all(), gene
    for above, below in zip(levels, levels[1:]):
        for image, smaller in zip(np.asarray(above.data), np.asarray(below.data)):
            np.testing.assert_allclose(smaller, halved(image), rtol=1e-6)
    assert max(levels[-1].shape[1:]) <= 256
    # SpatialData: pixel corners to um.
    transformation = spatialdata.transformations.get_transformation(element, "global")
    matrix = transformation.to_affine_matrix(input_axes=("x", "y"), output_axes=("x", "y"))
    np.testing.assert_allclose(matrix, [[side, 0, origin[0]], [0, side, origin[1]], [0, 0, 1]])
    # OME-Zarr: pixel centres to um, level by level.
    (node,) = Reader(parse_url(path / "images" / name))()
    assert [data.shape for data in node.data] == [level.shape for level in levels]
    assert node.metadata["channel_names"] == genes
    assert [axis.get("unit") for axis in node.metadata["axes"]] == [None, "micrometer", "micrometer"]
    for level, (scale, translation) in enumerate(node.metadata["coordinateTransformations"]):
        width = side * 2**level
        assert scale["scale"] == [1, width, width]
        assert translation["translation"] == [0, origin[1] + width / 2, origin[0] + width / 2]
    return values, len(levels)


def check_labels(sdata):
    ids = np.arange(1, tissue.size + 1).reshape(shape)
    same(sdata["tissue"].data, np.where(tissue, ids, 0))
    same(sdata["measured"].data, np.where(measured, ids, 0))
    for name in ("tissue", "measured"):
        (node,) = Reader(parse_url(path / "labels" / name))()
        same(node.data[0], sdata[name].data)


def check_picture(table):
    """What scanpy and squidpy lay bins on: the size of a bin, and the tissue in grey, its first pixel at (0, 0) um."""
    (library,) = table.uns["spatial"]
    picture = table.uns["spatial"][library]
    factors = {name: float(factor) for name, factor in picture["scalefactors"].items()}
    assert factors["spot_diameter_fullres"] == side
    scale = factors["tissue_hires_scalef"]
    if min(origin) < 0:
        assert scale == 1 and not picture["images"]
        return
    image = picture["images"]["hires"]
    ends = np.array([origin[1] + shape[0] * side, origin[0] + shape[1] * side])
    assert scale == min(1 / side, 1000 / ends.max()) and image.dtype == np.uint8
    same(image.shape, [*np.ceil(ends * scale), 3])
    # Every bin lies on the picture, and the pixel around its centre is of its kind, wherever it holds that bin alone.
    where = (table.obsm["spatial"][:, ::-1] * scale).astype(int)
    shade = image[where[:, 0], where[:, 1]]
    assert (shade == shade[:, :1]).all()
    whole = scale * side == 1 and all(float(edge / side).is_integer() for edge in origin)
    assert (shade == 230).all() if whole else (shade == 230).mean() > 0.8
    assert set(np.unique(image)) <= {230, 255}


def check_table(sdata, genes, images):
    table = sdata["bins"]
    spatialdata.models.TableModel().validate(table)
    obs = table.obs
    for column in ("row", "col", "measured", "tissue"):
        same(obs[column], inside[column])
    same(obs.total, inside.total.where(inside.measured).astype(float))
    same(obs.instance_id, inside.row * shape[1] + inside.col + 1)
    centres = np.column_stack([origin[0] + (obs.col + 0.5) * side, origin[1] + (obs.row + 0.5) * side])
    np.testing.assert_allclose(table.obsm["spatial"], centres)
    assert list(table.var_names) == genes and table.obs_names.is_unique
    for name, matrix in (("imputed", table.X), ("uncertainty", table.layers.get("uncertainty"))):
        assert (matrix is None) == (name not in images)
        if matrix is not None:
            same(matrix, images[name][:, tissue].T)
    expected = np.zeros((len(genes), *shape))
    known = counts[counts.gene.isin(genes)]
    expected[known.gene.map(genes.index), known.row, known.col] = known["count"]
    same(table.layers["measured"].toarray(), expected[:, tissue].T)
    assert table.layers["measured"].indices.dtype == table.layers["measured"].indptr.dtype
    raw = zarr.open_group(path, mode="r")["tables/bins/layers/measured"]
    assert raw["indices"].dtype == raw["indptr"].dtype
    told = table.uns["s2s"]
    assert (float(told["bin_um"]), float(told["target"])) == (side, manifest["target"])
    assert told["version"] and told["method"] == zarr.open_group(path, mode="r").attrs["s2s"]["method"]
    check_picture(table)
    # What scanpy asks to know whether values are logarithms, and of which base.
    assert table.uns["log1p"].get("base") is None
    for entry in manifest["genes"]:
        if entry["name"] in genes:
            row = table.var.loc[entry["name"]]
            assert (row.counts, row.bins) == (entry["counts"], entry["bins"])
            assert row.morans_i == entry["morans_i"] or np.isnan(row.morans_i)
    # Linked: every row has its pixel, and the pixel lies where the row says.
    _, joined = spatialdata.join_spatialelement_table(
        sdata=sdata, spatial_element_names="tissue", table_name="bins", how="left"
    )
    assert joined.n_obs == table.n_obs == tissue.sum()
    centroids = spatialdata.get_centroids(sdata["tissue"]).compute()
    np.testing.assert_allclose(centroids.loc[obs.instance_id, ["x", "y"]], table.obsm["spatial"])
    # anndata alone, and through HDF5.
    alone = anndata.read_zarr(path / "tables" / "bins")
    with tempfile.TemporaryDirectory() as folder:
        alone.write_h5ad(f"{folder}/bins.h5ad", convert_strings_to_categoricals=False)
        back = anndata.read_h5ad(f"{folder}/bins.h5ad")
    for other in (alone, back):
        same(other.X, table.X)
        pd.testing.assert_frame_equal(other.obs, table.obs)
        pd.testing.assert_frame_equal(other.var, table.var)
        same(other.layers["measured"].toarray(), table.layers["measured"].toarray())
    return table


def main():
    group = zarr.open_group(path, mode="r")
    members = [name for name, _ in group.members(max_depth=None)]
    header = dict(group.attrs)["s2s"]
    genes = header["genes"]
    records = [json.loads(text) if text else None for text in group["s2s/genes"][:]]
    predicted = [gene for gene, record in zip(genes, records) if record and record["gene"] == gene]
    sdata = spatialdata.read_zarr(path)
    found = {name: check_image(sdata, group, name, genes, predicted) for name in sdata.images}
    images = {name: values for name, (values, _) in found.items()}
    assert set(images) == ({"imputed", "uncertainty"} if header["uncertainty"] else {"imputed"})
    known = counts[counts.gene.isin(predicted)]
    kept = images["imputed"][known.gene.map(genes.index), known.row, known.col]
    same(kept[tissue[known.row, known.col]], known.value[tissue[known.row, known.col]])
    check_labels(sdata)
    table = check_table(sdata, genes, images)
    assert list(table.var_names[table.var.predicted]) == predicted
    for record in filter(None, records):
        assert f"s2s/jobs/{record['job']}" in members
    print(json.dumps({
        "genes": genes,
        "predicted": predicted,
        "images": sorted(images),
        "levels": found["imputed"][1],
        "bins": table.n_obs,
        "model_steps": [int(steps) for steps in table.var.model_steps],
        "model_sha256": list(table.var.model_sha256),
    }))


main()
