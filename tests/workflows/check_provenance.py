#!/usr/bin/env python3
"""Checks that RESULTS/provenance.json names the inputs and outputs, and that its hashes are those of the files."""

import json
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "workflows/snakemake/scripts"))
from provenance import content_hash

results = Path(sys.argv[1])
told = json.loads((results / "provenance.json").read_text())
assert told["engine"]["version"] and told["s2s"] and told["parameters"]["genes"], told
assert {Path(one["path"]).name for one in told["inputs"]} == {"samples.csv", "A", "tiny.yaml"}, told["inputs"]
found = {one["path"] for one in told["outputs"]}
expected = {"A.s2s", "genes.txt", "s2s.zarr", "nearest.zarr", "bilinear.zarr", "report", "fits/batch_0001", "fits/batch_0002"}
assert found == {f"A/{name}" for name in expected}, found
for one, folder in [(one, Path()) for one in told["inputs"]] + [(one, results) for one in told["outputs"]]:
    assert one["sha256"] == content_hash(folder / one["path"]), one
print(f"provenance: {len(told['inputs'])} inputs, {len(found)} outputs")
