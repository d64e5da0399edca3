"""Writes SpatialData stores into a folder by spatialdata itself: the points of spots.parquet and an image with a pyramid, laid on them by
a transformation; and what is seen at 0.85 µm from (0, 0) on as .npy.

morphology.zarr: two stains, and points scaled to the pixels of the coordinate system `global`; turned.zarr: a coloured picture that is transposed, scaled
and shifted by a sequence. Prints the names of the stores."""
import json, sys, warnings
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

warnings.filterwarnings("ignore")
# spatialdata tells what it does on stdout.
told, sys.stdout = sys.stdout, sys.stderr
import dask.dataframe as dd
import spatialdata as sd
from spatialdata.models import Image2DModel, PointsModel
from spatialdata.transformations import Affine, Identity, Scale, Sequence, Translation

folder = Path(sys.argv[1])
UM = 0.85
rng = np.random.default_rng(3)
y, x = np.mgrid[:420, :600]
smooth = 2000 * (1 + np.sin(x / 31) * np.cos(y / 17)) + 500 * rng.random((420, 600))
spots = pq.read_table(folder / "spots.parquet").to_pandas().rename(columns={"x_location": "x", "y_location": "y"})
points = dd.from_pandas(spots[["x", "y", "feature_name"]], npartitions=1)


def write(name, images, to_global):
    model = PointsModel.parse(points, coordinates={"x": "x", "y": "y"}, feature_key="feature_name", transformations={"global": to_global})
    sd.SpatialData(images=images, points={"transcripts": model}).write(folder / name, overwrite=True)


grey = smooth.astype(np.uint16)
stains = Image2DModel.parse(
    np.stack([grey, grey[::-1]]), dims=("c", "y", "x"), c_coords=["DAPI", "18S"], scale_factors=[2], transformations={"global": Identity()}
)
write("morphology.zarr", {"morphology": stains}, Scale([1 / UM, 1 / UM], axes=("x", "y")))
np.save(folder / "morphology.zarr.npy", grey)

colours = (255 - np.stack([smooth, smooth / 2, smooth / 3], 2) / 30).clip(0, 255).astype(np.uint8)
transposed = colours.transpose(2, 1, 0)
swap = Affine(np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1]]), input_axes=("x", "y"), output_axes=("x", "y"))
lies = Sequence([swap, Scale([UM, UM], axes=("x", "y")), Translation([7, -9], axes=("x", "y"))])
picture = Image2DModel.parse(transposed, dims=("c", "y", "x"), transformations={"global": lies})
write("turned.zarr", {"he": picture}, Translation([7, -9], axes=("x", "y")))
np.save(folder / "turned.zarr.npy", colours)
print(json.dumps(["morphology.zarr", "turned.zarr"]), file=told)
