"""Writes folders of Visium, Visium HD and Xenium as instruments, downloads and people leave them, all of one section.

usage: make_folders.py FOLDER

Prints for each its input, flags for s2s-prep, and what is to come of it: `counts` (gene, row, column, count) and a `note`, or
`told`: words of an error, and `silent`: words that it must not hold.
"""
import gzip
import io
import json
import pathlib
import sys

import h5py
import numpy as np
import pandas as pd
import scipy.io
import scipy.sparse as sp

FOLDER = pathlib.Path(sys.argv[1])
GENES = ["ACTB", "CD3E", "EPCAM", "INS", "KRT8", "VIM"]
SIDE = 16
ROWS, COLS = (axis.ravel() for axis in np.mgrid[0:SIDE, 0:SIDE])
BARCODES = ["".join("ACGT"[(i >> 2 * k) & 3] for k in range(8)) + "-1" for i in range(SIDE * SIDE)]
SQUARES = [f"s_008um_{row:05}_{col:05}-1" for row, col in zip(ROWS, COLS)]
X = np.random.default_rng(7).poisson(2.0, (SIDE * SIDE, len(GENES)))
KEPT = ~np.isin(np.arange(SIDE * SIDE), [0, 5, 77])
POSITIONS = pd.DataFrame({"barcode": BARCODES, "in_tissue": KEPT.astype(int), "array_row": ROWS, "array_col": 2 * COLS + ROWS % 2,
                          "pxl_row_in_fullres": 100 * ROWS, "pxl_col_in_fullres": 116 * COLS})
OF_SQUARES = POSITIONS.assign(barcode=SQUARES, array_col=COLS)
CASES = []


def counts(kept=KEPT, rows=ROWS, cols=COLS):
    sums = {}
    for i in np.flatnonzero(kept):
        for name, count in zip(GENES, X[i]):
            if count:
                key = (name, int(rows[i]), int(cols[i]))
                sums[key] = sums.get(key, 0) + int(count)
    return [[*key, count] for key, count in sorted(sums.items())]


def h5(path, barcodes=BARCODES, x=X):
    """A matrix as Cell Ranger 3 and later write it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    matrix = sp.csr_matrix(x)
    with h5py.File(path, "w") as file:
        for name, value in {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr, "shape": [len(GENES), len(x)]}.items():
            file[f"matrix/{name}"] = value
        file["matrix/barcodes"] = np.array(barcodes, "S")
        file["matrix/features/id"] = np.array([f"ENSG{i:011}" for i in range(len(GENES))], "S")
        file["matrix/features/name"] = np.array(GENES, "S")
        file["matrix/features/feature_type"] = np.array(["Gene Expression"] * len(GENES), "S")


def mtx(folder, prefix="", ending=".gz", barcodes=BARCODES):
    """A matrix as a folder of three files, or with words before their names."""
    folder.mkdir(parents=True, exist_ok=True)
    packed = io.BytesIO()
    scipy.io.mmwrite(packed, sp.coo_matrix(X.T))
    rows = "".join(f"ENSG{i:011}\t{name}\tGene Expression\n" for i, name in enumerate(GENES))
    names = "".join(f"{barcode}\n" for barcode in barcodes)
    for name, content in [("matrix.mtx", packed.getvalue()), ("features.tsv", rows.encode()), ("barcodes.tsv", names.encode())]:
        content = gzip.compress(content) if ending else content
        (folder / f"{prefix}{name}{ending}").write_bytes(content)


def table(path, positions=POSITIONS, **how):
    """The table of positions, by its name with a header or without."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        positions.to_parquet(path)
    else:
        positions.to_csv(path, **{"index": False, "header": "_list" not in path.name} | how)


def case(name, flags="--bin-um 100", counts=None, told=None, note=None, silent=(), input=""):
    path = str(pathlib.PurePath(name) / input)
    CASES.append({"file": path, "flags": flags, "counts": counts, "told": told, "note": note, "silent": list(silent)})


def visium(name, file="spatial/tissue_positions.csv", positions=POSITIONS, matrix="filtered_feature_bc_matrix.h5", input="", expected=None, note=None, **how):
    """A folder of Visium whose counts are right."""
    h5(FOLDER / name / matrix)
    table(FOLDER / name / file, positions, **how)
    case(name, counts=counts() if expected is None else expected, note=note, input=input)


def tables():
    """The table of positions in every version and dress."""
    for file in ["tissue_positions.csv", "tissue_positions.csv.gz", "tissue_positions.parquet", "tissue_positions_list.csv",
                 "tissue_positions_list.csv.gz"]:
        visium("table_" + file.replace(".", "_"), f"spatial/{file}")
    visium("table_list_with_header", "spatial/tissue_positions_list.csv", header=True)
    visium("table_without_header", header=False)
    visium("table_tabs", sep="\t")
    visium("table_bom", encoding="utf-8-sig")
    visium("table_row_names", positions=POSITIONS.set_index("barcode").rename_axis(None), index=True)
    visium("table_index", index=True)
    flags = {"true": KEPT, "yes": np.where(KEPT, "yes", "no"), "float": KEPT.astype(float), "in": np.where(KEPT, "in", "out")}
    for name, values in flags.items():
        visium(f"tissue_{name}", positions=POSITIONS.assign(in_tissue=values))
        visium(f"tissue_{name}_parquet", "spatial/tissue_positions.parquet", POSITIONS.assign(in_tissue=values))
    but_first = KEPT & (np.arange(len(KEPT)) != 1)
    hole = POSITIONS.assign(in_tissue=1.0).where(KEPT[:, None] | (POSITIONS.columns == "barcode")[None], np.nan)
    visium("table_missing", positions=hole, note="3 rows of")
    visium("table_missing_parquet", "spatial/tissue_positions.parquet", hole, note="3 rows of")
    visium("table_shorter", positions=POSITIONS.drop(1), expected=counts(but_first), note="1 of 256 barcodes left out")
    h5(FOLDER / "table_of_others/filtered_feature_bc_matrix.h5")
    table(FOLDER / "table_of_others/spatial/tissue_positions.csv", POSITIONS.assign(barcode=[b[::-1] for b in BARCODES]))
    case("table_of_others", told=["is not in it", "of the same section?"])
    h5(FOLDER / "table_words/filtered_feature_bc_matrix.h5")
    table(FOLDER / "table_words/spatial/tissue_positions.csv", POSITIONS.assign(in_tissue="tissue"))
    case("table_words", told=["line 2", "in_tissue is \"tissue\"", "true or false"])


def layouts():
    """Where the files lie, and what stands before their names."""
    visium("prefix", "spatial/GSM1_tissue_positions_list.csv.gz", matrix="GSM1_A_filtered_feature_bc_matrix.h5")
    visium("prefix_of_folder", "GSM1_spatial/tissue_positions.csv", matrix="GSM1_filtered_feature_bc_matrix.h5")
    visium("flat", "GSM1_tissue_positions_list.csv.gz", matrix="GSM1_filtered_feature_bc_matrix.h5")
    visium("any_name", matrix="sample.h5")
    visium("sub/sample/outs")
    case("sub", counts=counts())
    case("sub/sample", counts=counts())
    visium("input_is_matrix", input="filtered_feature_bc_matrix.h5")
    for name, ending in [("mtx", ".gz"), ("mtx_unpacked", "")]:
        mtx(FOLDER / name / "filtered_feature_bc_matrix", ending=ending)
        table(FOLDER / name / "spatial/tissue_positions.csv")
        case(name, counts=counts())
        case(name, counts=counts(), input="filtered_feature_bc_matrix")
    mtx(FOLDER / "mtx_flat", prefix="GSM1_")
    table(FOLDER / "mtx_flat/GSM1_tissue_positions_list.csv.gz")
    case("mtx_flat", counts=counts())
    case("mtx_flat", counts=counts(), input="GSM1_matrix.mtx.gz")
    visium("raw_and_filtered")
    h5(FOLDER / "raw_and_filtered/raw_feature_bc_matrix.h5", x=X + 1)
    visium("apple", "spatial/tissue_positions.csv")
    for name in ["._filtered_feature_bc_matrix.h5", "spatial/._tissue_positions.csv", "._other_filtered_feature_bc_matrix.h5"]:
        (FOLDER / "apple" / name).write_bytes(b"\0\5\26\7\0\2\0\0Mac OS X")
    two = FOLDER / "two"
    for sample in ["GSM1", "GSM2"]:
        h5(two / f"{sample}_filtered_feature_bc_matrix.h5")
        table(two / f"{sample}_tissue_positions_list.csv.gz")
    case("two", told=["GSM1_filtered", "GSM2_filtered", "Give the matrix"])
    case("two", counts=counts(), input="GSM2_filtered_feature_bc_matrix.h5")
    for sample in ["A", "B"]:
        h5(FOLDER / "two_below" / sample / "outs/filtered_feature_bc_matrix.h5")
        table(FOLDER / "two_below" / sample / "outs/spatial/tissue_positions.csv")
    case("two_below", told=["A/outs", "B/outs", "Give the folder"])
    visium("two_tables", expected=[], input="nothing")
    CASES.pop()
    table(FOLDER / "two_tables/other_spatial/tissue_positions.csv")
    case("two_tables", counts=counts())
    (FOLDER / "two_tables/spatial").rename(FOLDER / "two_tables/one_spatial")
    case("two_tables", told=["one_spatial", "other_spatial"])
    CASES.pop(-2)
    twice = pd.concat([POSITIONS.head(255), POSITIONS.tail(1).assign(array_row=0, array_col=2)])
    h5(FOLDER / "place_twice/filtered_feature_bc_matrix.h5")
    table(FOLDER / "place_twice/spatial/tissue_positions.csv", twice)
    case("place_twice", told=["taken twice"])


def between_spots():
    """Bins of 50 µm where spots lie, 100 µm apart in rows that are 50 √3 µm apart, and others between."""
    h5(FOLDER / "between/filtered_feature_bc_matrix.h5")
    table(FOLDER / "between/spatial/tissue_positions.csv")
    lying = {"rows": (ROWS * 50 * np.sqrt(3) + 25) // 50, "cols": 2 * COLS + ROWS % 2}
    case("between", flags="--mode impute --preset visium-between-spots", counts=counts(**lying))
    finer = {axis: (at * 50 + 25 if axis == "cols" else ROWS * 50 * np.sqrt(3) + 25) // 25 for axis, at in lying.items()}
    first = {axis: int(at.min()) for axis, at in finer.items()}
    finer = {axis: at - first[axis] for axis, at in finer.items()}
    case("between", flags="--mode impute --preset visium-between-spots --bin-um 25", counts=counts(**finer))
    case("between", flags="--preset visium-between-spots", told=["--pattern spots", "there is no truth"])
    case("between", flags="--mode impute --pattern spots --bin-um 200", told=["two spots lie in bin", "smaller --bin-um"])


def visium_hd():
    """Squares of 8 µm, in bins of 16."""
    sums = counts(rows=ROWS // 2, cols=COLS // 2)
    for name, square in [("hd/outs/binned_outputs", "square_008um"), ("hd_prefix", "GSM1_square_008um")]:
        h5(FOLDER / name / square / "filtered_feature_bc_matrix.h5", SQUARES)
        table(FOLDER / name / square / "spatial/tissue_positions.parquet", OF_SQUARES)
    for name in ["hd", "hd/outs", "hd/outs/binned_outputs", "hd/outs/binned_outputs/square_008um", "hd_prefix"]:
        case(name, flags="--bin-um 16", counts=sums)
    # Without a folder that tells the size, barcodes do; the spots of Visium are no squares.
    h5(FOLDER / "hd_flat/GSM1_filtered_feature_bc_matrix.h5", SQUARES)
    table(FOLDER / "hd_flat/GSM1_tissue_positions.parquet", OF_SQUARES)
    case("hd_flat", flags="--bin-um 16", counts=sums)
    case("hd_flat", flags="--bin-um 100", told=["squares of 8 µm"])
    case("hd", flags="--mode impute --pattern spots --bin-um 16", told=["--pattern spots", "is read as visium-hd"])


def stripes():
    """A weak row and a strong column of Visium HD are told by what is measured; of withheld rows and columns nothing is."""
    rows, cols = (axis.ravel() for axis in np.mgrid[0:64, 0:64])
    names = [f"s_008um_{row:05}_{col:05}-1" for row, col in zip(rows, cols)]
    lines = [(rows == 20, 0.4), (rows == 31, 0.1), (cols == 12, 1.5)]
    strength = np.prod([np.where(here, factor, 1.0) for here, factor in lines], axis=0)
    x = np.repeat((20 * strength)[:, None], len(GENES), axis=1).astype(int)
    for name, x in [("striped", x), ("plain", np.full_like(x, 20))]:
        h5(FOLDER / name / "square_008um/filtered_feature_bc_matrix.h5", names, x)
        positions = pd.DataFrame({"barcode": names, "in_tissue": 1, "array_row": rows, "array_col": cols, "pxl_row_in_fullres": rows, "pxl_col_in_fullres": cols})
        table(FOLDER / name / "square_008um/spatial/tissue_positions.parquet", positions)
    case("striped", flags="--bin-um 8", note="1 of 32 rows (the weakest is row 20, 0.40 times as strong) and 1 of 32 columns (the weakest is column 12, 1.50")
    case("plain", flags="--bin-um 8", silent=["stripes"])


def segmented():
    """Space Ranger's cells, outlined in pixels of a quarter of a µm, each in the square of its centroid."""
    names = [f"cellid_{i + 1:09}-1" for i in range(len(ROWS))]
    triangle = np.array([[0, 0], [30, 0], [0, 30], [0, 0]])
    outlines = [(triangle + [80 * col + 30, 80 * row + 30]).tolist() for row, col in zip(ROWS, COLS)]
    features = [{"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [outline]}, "properties": {"cell_id": i + 1}}
                for i, outline in enumerate(outlines)]
    everything = np.ones(len(ROWS), bool)

    def write(folder, features, scales={"microns_per_pixel": 0.25}):
        h5(FOLDER / folder / "filtered_feature_cell_matrix.h5", names)
        (FOLDER / folder / "cell_segmentations.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
        (FOLDER / folder / "spatial").mkdir()
        (FOLDER / folder / "spatial/scalefactors_json.json").write_text(json.dumps(scales))

    write("segmented/segmented_outputs", features[::-1])
    for name in ["segmented", "segmented/segmented_outputs"]:
        case(name, flags="--bin-um 20", counts=counts(everything), note="256 cells")
    case("segmented/segmented_outputs", flags="--bin-um 20", counts=counts(everything), input="filtered_feature_cell_matrix.h5")
    # Beside squares, cells are read where they are asked for.
    write("both/segmented_outputs", features)
    h5(FOLDER / "both/binned_outputs/square_008um/filtered_feature_bc_matrix.h5", SQUARES)
    table(FOLDER / "both/binned_outputs/square_008um/spatial/tissue_positions.parquet", OF_SQUARES)
    case("both", flags="--bin-um 16", counts=counts(rows=ROWS // 2, cols=COLS // 2))
    case("both", flags="--bin-um 20 --visium-hd-cells", counts=counts(everything))
    case("hd", flags="--bin-um 20 --visium-hd-cells", told=["filtered_feature_cell_matrix.h5"])
    write("missing/segmented_outputs", features[1:])
    case("missing", flags="--bin-um 20", told=["cellid_000000001-1", "cell_segmentations.geojson"])
    write("unscaled/segmented_outputs", features, {})
    case("unscaled", flags="--bin-um 20", told=["microns_per_pixel"])
    write("open/segmented_outputs", features)
    outlines = FOLDER / "open/segmented_outputs/cell_segmentations.geojson"
    outlines.write_text(outlines.read_text()[:-100])
    case("open", flags="--bin-um 20", told=["cell_segmentations.geojson", "complete"])


def xenium():
    """Cells of Xenium, each in the square of its centroid."""
    cells = pd.DataFrame({"cell_id": BARCODES, "x_centroid": 20.0 * COLS + 10, "y_centroid": 20.0 * ROWS + 10})
    hole = cells.assign(x_centroid=np.where(KEPT, cells["x_centroid"], np.nan))
    for name, prefix, end in [("xenium", "", "csv.gz"), ("xenium_prefix", "GSM1_", "parquet"), ("xenium_unpacked", "S_", "csv")]:
        h5(FOLDER / name / f"{prefix}cell_feature_matrix.h5")
        path = FOLDER / name / f"{prefix}cells.{end}"
        hole.to_parquet(path) if end == "parquet" else hole.to_csv(path, index=False)
        case(name, flags="--bin-um 20", counts=counts(), note="3 of 256 cells left out")
    case("xenium", flags="--bin-um 20", counts=counts(), input="cell_feature_matrix.h5")


def strangers():
    """What is known and not read, and what is said to be another."""
    for name, words in {"a.tar.gz": ["Unpack"], "a.rds": ["h5ad"], "a.h5mu": ["mudata"],
                        "a.safetensors": ["s2s-predict"], "._a.h5ad": ["macOS"], "feature_slice.h5": ["outs"]}.items():
        folder = FOLDER / f"stranger_{name.replace('.', '_')}"
        folder.mkdir()
        (folder / name).write_bytes(b"?")
        case(folder.name, told=words, input=name)
        # What macOS leaves is passed over in a folder.
        apple = name.startswith("._")
        case(folder.name, told=["no transcripts in this folder"] + ([] if apple else words), silent=[] if apple else ["itself"])
    h5(FOLDER / "matrix_alone/filtered_feature_bc_matrix.h5")
    case("matrix_alone", told=["filtered_feature_bc_matrix.h5", "tissue_positions"], silent=["itself"])
    visium("contradicted")
    case("contradicted", flags="--platform anndata", told=["--platform anndata", "10x Visium", "say visium"])
    case("contradicted", flags="--platform visium-hd", told=["--platform visium-hd", "say visium"])
    case("contradicted", flags="--platform visium --bin-um 100", counts=counts())
    case("hd", flags="--platform visium", told=["--platform visium", "say visium-hd"], input="outs")
    case("xenium", flags="--platform visium", told=["--platform visium", "say xenium"])


for write in [tables, layouts, between_spots, visium_hd, stripes, segmented, xenium, strangers]:
    write()
print(json.dumps(CASES))
