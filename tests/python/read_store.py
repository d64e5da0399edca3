"""Reads a store of s2s-predict with zarr-python and prints what it holds as JSON.

usage: read_store.py STORE
"""
import json
import sys

import numpy as np
import zarr

group = zarr.open_group(sys.argv[1], mode="r")
imputed, measured, tissue = (group[name] for name in ("imputed", "measured", "tissue"))
values = imputed[:]
print(json.dumps({
    "zarr_format": group.metadata.zarr_format,
    "s2s": dict(group.attrs)["s2s"],
    "shape": list(imputed.shape),
    "chunks": list(imputed.chunks),
    "dtype": str(imputed.dtype),
    "dimension_names": list(imputed.metadata.dimension_names),
    "nan_outside_tissue": bool(np.isnan(values[:, ~tissue[:]]).all()),
    "finite_in_tissue": bool(np.isfinite(values[:, tissue[:]]).all()),
    "measured_in_tissue": bool((tissue[:] | ~measured[:]).all()),
    "measured_bins": int(measured[:].sum()),
    "sums": [float(np.nansum(gene.astype(float))) for gene in values],
}))
