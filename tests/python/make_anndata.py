"""Writes AnnData objects as people make them, all of one section of 16 × 16 places and 6 genes.

usage: make_anndata.py FOLDER

Prints for each its file, flags for s2s-prep, and what is to come of it: `counts` (gene, row, column, count) and a `note`, or
`told`: words of an error.
"""
import json
import pathlib
import sys
import warnings

import anndata
import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp
import zarr

warnings.simplefilter("ignore")
FOLDER = pathlib.Path(sys.argv[1])
GENES = ["ACTB", "CD3E", "EPCAM", "INS", "KRT8", "VIM"]
SIDE = 16
SPOTS = SIDE * SIDE
RNG = np.random.default_rng(5)
ROWS, COLS = (axis.ravel() for axis in np.mgrid[0:SIDE, 0:SIDE])
X = RNG.poisson(2.0, (SPOTS, len(GENES))).astype(np.float32)
# Positions in µm of squares of 20 µm.
XY = np.c_[COLS, ROWS] * 20.0 + 10
KEPT = np.ones(SPOTS, bool)
KEPT[[0, 5, 77]] = False
BUT_FIRST = np.arange(SPOTS) > 0
CASES = []
# HDF5, and Zarr of both versions.
ENDINGS = ["h5ad", "zarr", "v3.zarr"]


def counts(x=X, kept=None, names=GENES, rows=ROWS, cols=COLS):
    """The counts of every gene and place, added up where they meet."""
    sums = {}
    for i in range(SPOTS) if kept is None else np.flatnonzero(kept):
        for name, count in zip(names, x[i]):
            if count:
                key = (name, int(rows[i]), int(cols[i]))
                sums[key] = sums.get(key, 0) + int(count)
    return [[*key, count] for key, count in sorted(sums.items())]


ALL, MOST, ALL_BUT_FIRST = counts(), counts(kept=KEPT), counts(kept=BUT_FIRST)


def section(matrix=X, array=True, spatial=None, names=None, uns=None, var=None, **obs):
    """An object with these columns of obs and var."""
    names = [f"b{i}" for i in range(SPOTS)] if names is None else names
    table = pd.DataFrame({"array_row": ROWS, "array_col": COLS} if array else {}, index=pd.Index(names))
    adata = anndata.AnnData(matrix, obs=table.assign(**obs), var=pd.DataFrame(index=GENES).assign(**(var or {})))
    if spatial is not None:
        adata.obsm["spatial"] = spatial
    if uns is not None:
        adata.uns["spatial"] = {"V1": {"scalefactors": uns}}
    return adata


def case(name, adata, flags="", counts=None, told=None, note=None, ending="h5ad", change=None, **how):
    """Writes an object, perhaps changes the file by `change`, and lists it."""
    path = FOLDER / f"{name}.{ending}"
    anndata.settings.zarr_write_format = 3 if ending == "v3.zarr" else 2
    if "zarr" in ending:
        adata.write_zarr(path, **how)
    else:
        adata.write_h5ad(path, **how)
    if change is not None:
        with h5py.File(path, "r+") if path.is_file() else zarr.open_group(path, mode="r+") as file:
            change(file)
    CASES.append({"file": path.name, "flags": flags, "counts": counts, "told": told, "note": note})


def tissue():
    """in_tissue in every dress."""
    missing = pd.array(KEPT, dtype="boolean")
    missing[~KEPT] = pd.NA
    dresses = {
        "yes": np.where(KEPT, "yes", "no"),
        "in": np.where(KEPT, "in", "out"),
        "upper": np.where(KEPT, "TRUE", "FALSE"),
        "text": np.where(KEPT, "1", "0"),
        "bool": KEPT,
        "uint8": KEPT.astype(np.uint8),
        "float32": KEPT.astype(np.float32),
        "nan": np.where(KEPT, 1.0, np.nan),
        "nullable_boolean": pd.array(KEPT, dtype="boolean"),
        "nullable_integer": pd.array(KEPT.astype(int), dtype="Int64"),
        "nullable_missing": missing,
        "nullable_text": pd.array(np.where(KEPT, "True", None), dtype="string"),
        "ordered": pd.Categorical(np.where(KEPT, "True", "False"), categories=["True", "False"], ordered=True),
        "code_below_zero": pd.Categorical(np.where(KEPT, "True", None)),
        "categories_bool": pd.Categorical(KEPT),
        "categories_int": pd.Categorical(KEPT.astype(int)),
    }
    told = {"nan", "nullable_missing", "nullable_text", "code_below_zero"}
    for name, values in dresses.items():
        note = "3 of 256 observations left out: in_tissue is missing" if name in told else None
        for ending in ENDINGS:
            case(f"tissue_{name}", section(in_tissue=values), counts=MOST, note=note, ending=ending)
    unknown = np.where(KEPT, "tissue", "background")
    case("tissue_unknown", section(in_tissue=unknown), told=["in_tissue", '"background", "tissue"', "true or false"])
    case("tissue_number", section(in_tissue=np.where(KEPT, 1, 7)), told=["in_tissue", "found 7"])
    case("tissue_none", section(in_tissue=np.zeros(SPOTS, int)), told=["none of 256 observations", "in_tissue"])


def places():
    """array_row and array_col in every dress, with one missing."""
    left_out = "1 of 256 observations left out: without a place"
    floats = [np.where(BUT_FIRST, axis, np.nan) for axis in [ROWS, COLS]]
    nullable = [pd.array(ROWS, dtype="Int64"), pd.array(COLS, dtype="Int32")]
    nullable[0][0] = pd.NA
    r = np.where(BUT_FIRST, ROWS, -(2**31)).astype(np.int32)
    dresses = {
        "nan": (floats, left_out),
        "nullable": (nullable, left_out),
        "r_missing": ((r, COLS), left_out),
        "category": ((pd.Categorical(ROWS), pd.Categorical(COLS.astype(str))), None),
        "text": ((ROWS.astype(str), COLS.astype(str)), None),
        "narrow": ((ROWS.astype(np.uint16), COLS.astype(np.int8)), None),
    }
    for name, ((rows, cols), note) in dresses.items():
        for ending in ENDINGS:
            adata = section(array=False, array_row=rows, array_col=cols)
            case(f"place_{name}", adata, counts=ALL_BUT_FIRST if note else ALL, note=note, ending=ending)
    words = section(array=False, array_row=np.char.add("R", ROWS.astype(str)), array_col=COLS)
    case("place_words", words, told=["array_row", '"R0"', "expected a number"])
    absent = np.full(SPOTS, np.nan)
    case("place_none", section(array=False, array_row=absent, array_col=absent), told=["no positions", "array_row"])
    means = section(array=False, array_row=ROWS + 0.25, array_col=COLS + 0.5, spatial=XY)
    case("place_means", means, counts=ALL, note="no whole numbers")


def positions():
    """obsm/spatial and what stands in for it."""
    frame = pd.DataFrame(XY, columns=["x", "y"], index=[f"b{i}" for i in range(SPOTS)])
    of_squidpy = frame.rename(columns={"x": "pxl_col_in_fullres", "y": "pxl_row_in_fullres"})
    hole, far = XY.copy(), XY.copy()
    hole[0], far[0] = np.nan, np.inf
    left_out = "1 of 256 observations left out: without a place in obsm/spatial"
    dresses = {
        "frame": (frame, ALL, None),
        "frame_backwards": (of_squidpy[["pxl_row_in_fullres", "pxl_col_in_fullres"]], ALL, None),
        "frame_own_names": (frame.rename(columns={"x": "zeta", "y": "alpha"}), ALL, None),
        "sparse": (sp.csr_matrix(XY), ALL, None),
        "int32": (XY.astype(np.int32), ALL, None),
        "float16": (XY.astype(np.float16), ALL, None),
        "with_z": (np.c_[XY, XY[:, 0]].astype(np.float32), ALL, "z is not"),
        "nan": (hole, ALL_BUT_FIRST, left_out),
        "infinite": (far, ALL_BUT_FIRST, left_out),
    }
    for name, (spatial, expected, note) in dresses.items():
        for ending in ENDINGS:
            case(f"xy_{name}", section(array=False, spatial=spatial), counts=expected, note=note, ending=ending)
    three = frame.assign(z=1).rename(columns={"x": "a", "y": "b", "z": "c"})
    case("xy_frame_three", section(array=False, spatial=three), told=["data frame", "a, b, c"])
    case("xy_one_column", section(array=False, spatial=XY[:, :1]), told=["256 × 1, expected 256 × 2"])
    case("xy_absent", section(array=False), told=["no positions", "obsm"])
    other = section(array=False)
    other.obsm["X_spatial"] = XY
    case("xy_other_name", other, counts=ALL)
    case("xy_in_obs", section(array=False, x=XY[:, 0], y=XY[:, 1]), counts=ALL)
    case("xy_centroids", section(array=False, x_centroid=XY[:, 0], y_centroid=XY[:, 1]), counts=ALL)


def pixels():
    """Positions in pixels, with and without a scale."""
    scattered = XY * 5 + RNG.normal(0, 12, XY.shape)
    visium = section(array=False, spatial=scattered, uns={"spot_diameter_fullres": 89.44, "tissue_hires_scalef": 0.17})
    case("pixels", visium, told=["--um-per-unit 0.7267", "spot_diameter_fullres 89.44"])
    hexagonal = np.c_[137.5 * (COLS + 0.5 * (ROWS % 2)), 137.5 * np.sqrt(0.75) * ROWS] + 500
    turned = hexagonal @ np.array([[0.98, 0.199], [-0.199, 0.98]])
    case("pixels_hexagonal", section(array=False, spatial=turned), told=["--um-per-unit 0.727", "hexagonal"])
    hd = {"microns_per_pixel": 1 / 36.5, "bin_size_um": 20.0, "spot_diameter_fullres": 730.0}
    case("pixels_hd", section(array=False, spatial=XY * 36.5, uns=hd), counts=ALL)
    sums = counts(rows=ROWS // 2, cols=COLS // 2)
    case("pixels_hd_sums", section(array=False, spatial=XY * 36.5, uns=hd), flags="--bin-um 40", counts=sums)


def layers():
    """Counts in X, in a layer, in raw; values that are none elsewhere."""
    adata = section()
    adata.layers["counts"] = X.copy()
    adata.X = np.log1p(X) * 1.5
    case("layer", adata, flags="--layer counts", counts=ALL)
    case("layer_not_named", adata, told=["--layer: counts"])
    case("layer_misspelt", adata, flags="--layer count", told=["no layer count", "X, counts"])
    adata.raw = anndata.AnnData(X, obs=adata.obs[[]], var=adata.var)
    case("layer_raw", adata, flags="--layer raw", counts=ALL)
    case("layer_raw_not_named", adata, told=["--layer: counts, raw"])
    alone = section()
    alone.layers["counts"] = X.copy()
    alone.X = None
    for ending in ENDINGS:
        case("layer_without_x", alone, counts=ALL, note="counts is the only matrix", ending=ending)
    alone.layers["data"] = np.log1p(X)
    case("layers_without_x", alone, told=["no X", "--layer: counts, data"])


def matrices():
    """X in every type and layout."""
    wide = sp.csr_matrix(X)
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    kinds = {"int64_indices": wide, "csr": sp.csr_matrix(X), "csc": sp.csc_matrix(X), "csr_array": sp.csr_array(X.astype(np.int32))}
    kinds |= {name: X.astype(name) for name in ["int64", "uint8", "float16", "float64", ">f4"]}
    for name, x in kinds.items():
        for ending in ENDINGS:
            case(f"matrix_{name.strip('>')}", section(x), counts=ALL, ending=ending)
    case("matrix_gzip", section(sp.csc_matrix(X)), counts=ALL, compression="gzip")
    case("matrix_lzf", section(), counts=ALL, compression="lzf")
    case("matrix_of_a_view", section(wide)[BUT_FIRST], counts=ALL_BUT_FIRST)
    case("matrix_of_another_name", section(), counts=ALL, ending="hdf5")


def genes():
    """Names that are missing or stand twice, identifiers, kinds of features."""
    ids = [f"ENSG{i:011}" for i in range(6)]

    def named(title, names, flags="--gene-column symbol", note=None, ending="h5ad", **var):
        adata = section(var=var)
        adata.var_names = ids
        case(f"genes_{title}", adata, flags=flags, counts=counts(names=names), note=note, ending=ending)

    symbols = ["ACTB", None, "EPCAM", "INS", None, "VIM"]
    mended = ["ACTB", ids[1], "EPCAM", "INS", ids[4], "VIM"]
    for ending in ENDINGS:
        how = {"note": "2 of 6 features have no name", "ending": ending}
        named("missing", mended, **how, symbol=symbols)
        named("nullable", mended, **how, symbol=pd.array(symbols, dtype="string"))
        named("categories", mended, **how, symbol=pd.Categorical(symbols))
    named("nan", mended, symbol=["ACTB", "nan", "EPCAM", "INS", "nan", "VIM"])
    twice = ["ACTB", "ACTB", "EPCAM", "INS", "KRT8", "VIM"]
    named("twice", twice, note="added up: ACTB", symbol=twice)
    named("identifiers", ids, flags="", note="--gene-column feature_name", feature_name=GENES)
    wrong = section(var={"feature_name": GENES})
    case("genes_no_column", wrong, flags="--gene-column symbol", told=["no column symbol", "feature_name"])
    for word in ["Gene Expression", "gene", "RNA", "GEX", "Gene.Expression", "gene_expression", "Spatial Transcriptomics"]:
        kinds = [word] * 5 + ["Antibody Capture"]
        expected = [entry for entry in ALL if entry[0] != "VIM"]
        name = "kind_" + word.replace(" ", "_").replace(".", "_")
        case(name, section(var={"feature_types": kinds}), counts=expected, note="1 Antibody Capture")
    case("kind_unknown", section(var={"feature_types": ["left", "right"] * 3}), told=["left, right", "Gene Expression"])
    case("kind_biotypes", section(var={"feature_types": ["protein_coding", "lncRNA"] * 3}), counts=ALL)
    case("kind_missing", section(var={"feature_types": [np.nan] + ["Gene Expression"] * 5}), counts=ALL)


def sections():
    """Several sections in one object, and choices of observations."""
    other = counts(X[::-1])
    two = anndata.concat({"S1": section(library_id="S1"), "S2": section(X[::-1].copy(), library_id="S2")}, index_unique="-")
    case("sections", two, told=["taken twice", '"b0-S1" and "b0-S2"', "--where library_id=S1"])
    for ending in ENDINGS:
        case("sections_one", two, flags="--where library_id=S2", counts=other, ending=ending)
    case("sections_both", two, flags="--where library_id=S1 --where library_id=S2", told=["taken twice"])
    case("sections_no_value", two, flags="--where library_id=S9", told=["no observation has S9; found S1, S2"])
    case("sections_no_column", two, flags="--where librari=S1", told=["no column librari", "library_id"])
    case("sections_no_condition", two, flags="--where library_id", told=["COLUMN=VALUE"])
    number = two.copy()
    number.obs = two.obs[["array_row", "array_col"]].assign(batch=np.repeat([0, 1], SPOTS))
    case("sections_number", number, told=["--where batch=0"])
    case("sections_number_one", number, flags="--where batch=1", counts=other)
    mice = two.copy()
    mice.obs = two.obs.rename(columns={"library_id": "mouse"})
    case("sections_other_column", mice, told=["--where mouse=S1"])
    nameless = two.copy()
    nameless.obs = two.obs[["array_row", "array_col"]]
    case("sections_no_name", nameless, told=["taken twice", "No column of obs tells them apart"])

    def concat(spatial):
        parts = {name: section(array=False, spatial=xy, sample=name) for name, xy in spatial.items()}
        return anndata.concat(parts, index_unique="-")

    lattices = concat({"A": XY, "B": XY})
    case("sections_lattice", lattices, told=["taken twice", "--where sample=A"])
    case("sections_lattice_one", lattices, flags="--where sample=B", counts=ALL)
    cells = {name: RNG.uniform(0, 240, (SPOTS, 2)) for name in "AB"}
    case("sections_cells", concat(cells), told=["lie over each other", "--where sample=A"])
    cells["B"] += [300, 0]
    case("sections_beside", concat(cells), note="side by side")
    half = np.where(COLS < 6, "left", "right")
    kinds = section(kind=np.where(KEPT, "T", "B"), side=pd.Categorical(half), good=KEPT)
    case("where_columns", kinds, flags="--where kind=T --where side=left", counts=counts(kept=KEPT & (half == "left")))
    case("where_values", kinds, flags="--where kind=T --where kind=B", counts=ALL)
    case("where_yes", kinds, flags="--where good=True", counts=MOST)


def visium_hd():
    """Squares whose size the object tells, in bins of another."""
    names = [f"s_008um_{row:05}_{col:05}-1" for row, col in zip(ROWS, COLS)]
    sums = counts(rows=ROWS // 2, cols=COLS // 2)
    case("hd", section(names=names), flags="--bin-um 16", counts=sums, note="8 µm")
    case("hd_without_array", section(array=False, names=names), flags="--bin-um 16", counts=sums)
    case("hd_joined", section(names=[f"S1_{name}-0" for name in names]), flags="--bin-um 16", counts=sums)
    case("hd_cut", section(names=names), flags="--bin-um 20", told=["squares of 8 µm", "multiple"])
    factors = {"bin_size_um": 8.0, "microns_per_pixel": 0.27, "spot_diameter_fullres": 29.2}
    case("hd_factors", section(uns=factors), flags="--bin-um 16", counts=sums)
    case("hd_region", section(region=pd.Categorical(["S_square_008um"] * SPOTS)), flags="--bin-um 16", counts=sums)


def older():
    """Files of earlier versions and other programs."""
    adata = section(in_tissue=pd.Categorical(np.where(KEPT, "True", "False")))

    def categories_apart(file):
        obs = file["obs"]
        categories, codes = obs["in_tissue/categories"][:], obs["in_tissue/codes"][:]
        del obs["in_tissue"]
        obs["__categories/in_tissue"], obs["in_tissue"] = categories, codes
        obs["in_tissue"].attrs["categories"] = obs["__categories/in_tissue"].ref

    def fixed_width(file):
        for name, texts in [("obs/in_tissue", np.where(KEPT, b"True", b"False")), ("var/_index", np.array(GENES, "S8"))]:
            del file[name]
            file[name] = texts

    def without_encodings(file):
        for name in ["obs", "var", "X", "obs/array_row", "obs/array_col"]:
            for key in [key for key in file[name].attrs if key != "_index"]:
                del file[name].attrs[key]

    def compound(file):
        del file["obs"]
        file["obs"] = np.zeros(SPOTS, dtype=[("index", "S8"), ("array_row", "i8")])

    def too_short(file):
        del file["obs/array_row"]
        file["obs/array_row"] = np.arange(3)

    case("old_categories", adata, counts=MOST, change=categories_apart)
    case("old_fixed_width", adata, counts=MOST, change=fixed_width)
    case("old_without_encodings", section(), counts=ALL, change=without_encodings)
    case("old_compound", section(), told=["compound", "write_h5ad"], change=compound)
    case("damaged", section(), told=["3 positions for 256"], change=too_short)


for write in [tissue, places, positions, pixels, layers, matrices, genes, sections, visium_hd, older]:
    write()
print(json.dumps(CASES))
