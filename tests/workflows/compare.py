#!/usr/bin/env python3
"""Compares the results of two runs of a workflow, file by file.

    compare.py RESULTS OTHER

Files must be equal byte for byte, apart from what tells how they came to be: provenance in JSON and in the metadata of
.safetensors. Files that hold little else (reports, loss curves with their times, a store's records of its models) must only be
there on both sides; the runs that wrote a store are called by what they were, and have other names.
"""

import hashlib
import json
import sys
from pathlib import Path

APART = {"logs", "benchmarks", "pipeline_info", "fitting", "jobs"}
TELL_HOW = ("provenance.json", "estimate.json", "report.html", "scores.parquet", ".fit.parquet")
RECORDS = (".zarr/s2s/genes/c.", ".zarr/tables/bins/var/model_sha256/c.")


def files(results):
    """The files of the samples below `results`, by their relative paths; what engines leave for themselves is hidden."""
    found = {path.relative_to(results).as_posix(): path for path in results.rglob("*") if path.is_file()}
    return {name: path for name, path in found.items() if not path.name.startswith(".") and not APART & set(Path(name).parts)}


def without_provenance(value):
    if isinstance(value, dict):
        return {key: without_provenance(inner) for key, inner in value.items() if key not in ("provenance", "path")}
    return [without_provenance(inner) for inner in value] if isinstance(value, list) else value


def content(path):
    """What must be equal."""
    data = path.read_bytes()
    if path.suffix == ".json" and not path.name.endswith("_mqc.json"):
        return without_provenance(json.loads(data))
    if path.suffix == ".safetensors":
        end = 8 + int.from_bytes(data[:8], "little")
        header = json.loads(data[8:end])
        header.pop("__metadata__")
        return header, hashlib.sha256(data[end:]).hexdigest()
    return hashlib.sha256(data).hexdigest()


def main(one, other):
    one, other = files(Path(one)), files(Path(other))
    wrong = [f"only on one side: {name}" for name in sorted(one.keys() ^ other.keys())]
    both = sorted(one.keys() & other.keys())
    tells_how = lambda name: name.endswith(TELL_HOW) or any(record in name for record in RECORDS)
    compared = [name for name in both if not tells_how(name)]
    wrong += [f"differs: {name}" for name in compared if content(one[name]) != content(other[name])]
    kinds = {Path(name).suffix for name in compared}
    if not {".safetensors", ".parquet", ".csv", ".json", ".txt"} <= kinds:
        wrong.append(f"nothing to compare but {kinds}")
    print("\n".join(wrong) or f"equal: {len(compared)} files")
    sys.exit(bool(wrong))


main(*sys.argv[1:])
