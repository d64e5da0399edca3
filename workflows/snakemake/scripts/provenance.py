"""Writes provenance.json: which engine made the results from what, and what identifies the content of each."""

import hashlib
import json
from importlib.metadata import version
from pathlib import Path

# What a sample's folder holds beside its batches of fits, where it is there.
OUTPUTS = ("{sample}.s2s", "genes.txt", "s2s.zarr", "nearest.zarr", "bilinear.zarr", "bicubic.zarr", "idw.zarr", "kriging.zarr", "smoothed.zarr", "cokriging.zarr", "forest.zarr", "blend.zarr", "report")


def content_hash(path):
    """SHA-256 of a file; for a folder, of a line `NAME HASH` for each file below it, in the order of their names.

    What the engine itself leaves in a folder, hidden, does not count.
    """
    if path.is_file():
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    files = (file for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))
    named = sorted((file.relative_to(path).as_posix(), file) for file in files)
    lines = "".join(f"{name} {content_hash(file)}\n" for name, file in named)
    return hashlib.sha256(lines.encode()).hexdigest()


def outputs(outdir, sample):
    """The results of a sample, by their paths below `outdir`."""
    folder = outdir / sample
    fixed = [folder / name.format(sample=sample) for name in OUTPUTS]
    found = [path for path in fixed if path.exists()] + sorted((folder / "fits").iterdir())
    return [{"path": path.relative_to(outdir).as_posix(), "sha256": content_hash(path)} for path in found]


def write(target, parameters, inputs, samples):
    """Writes the file `target` beside the results of `samples`."""
    outdir = Path(target).parent
    manifests = [json.loads((outdir / name / f"{name}.s2s" / "manifest.json").read_text()) for name in samples]
    told = {
        "format": 1,
        "engine": {"name": "snakemake", "version": version("snakemake")},
        "s2s": manifests[0]["provenance"]["version"],
        "parameters": dict(parameters),
        "inputs": [{"path": str(path), "sha256": content_hash(Path(path))} for path in inputs],
        "outputs": [output for sample in samples for output in outputs(outdir, sample)],
    }
    Path(target).write_text(json.dumps(told, indent=2) + "\n")
