"""What zarr-python and NumPy read in tests/data/golden/2 while make.sh makes it, as JSON: lists of bins row by row, null for NaN."""
import json
import pathlib

import numpy as np
import zarr

golden = pathlib.Path(__file__).parent.parent / "data/golden/2"
data = (golden / "joint.safetensors").read_bytes()
start = 8 + int.from_bytes(data[:8], "little")
header = json.loads(data[8:start])
table = header["genes.table"]
first, end = table["data_offsets"]
store = zarr.open_group(golden / "network.zarr", mode="r")
images = np.asarray(store["images/imputed/s0"], dtype=np.float32)
names = [gene["name"] for gene in json.loads(header["__metadata__"]["s2s"])["genes"]]
print(json.dumps({
    "format": header["__metadata__"]["s2s.format"],
    "shape": table["shape"],
    "table": np.frombuffer(data[start + first:start + end], dtype="<f4").astype(float).round(7).tolist(),
    "network": {
        name: [None if np.isnan(value) else float(f"{value:.7g}") for value in image.ravel()]
        for name, image in zip(names, images, strict=True)
    },
}))
