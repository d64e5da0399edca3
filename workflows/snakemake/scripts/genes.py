"""Chooses the genes of a sample, and parts them into batches: one job each."""

import json
import sys
from pathlib import Path


def choose(spec, manifest):
    """The names that `spec` means in the dataset of `manifest`, in the order in which they will be fitted.

    `spec` is all, top:N (the N genes with the highest Moran's I over the measured bins), A,B,C, or a file with a name per line. Genes
    without counts in the measured tissue are left out: nothing can be learned of them.
    """
    genes = manifest["genes"]
    silent = {gene["name"] for gene in genes if gene["bins"] == 0}
    if spec == "all":
        return heard([gene["name"] for gene in genes], silent)
    if spec.startswith("top:"):
        structured = [gene for gene in genes if gene.get("morans_i") is not None]
        structured.sort(key=lambda gene: (-gene["morans_i"], gene["name"]))
        return [gene["name"] for gene in structured[: int(spec.removeprefix("top:"))]]
    listed = Path(spec).read_text().splitlines() if Path(spec).is_file() else spec.split(",")
    names = list(dict.fromkeys(name.strip() for name in listed if name.strip()))
    known = {gene["name"] for gene in genes}
    absent = [name for name in names if name not in known]
    if absent:
        raise ValueError(f"genes {spec}: not in dataset {manifest['sample']}: {', '.join(absent[:10])}. Take them off the list")
    return heard(names, silent)


def heard(names, silent):
    """The names that are not `silent`, with a note of the others."""
    out = [name for name in names if name in silent]
    if out:
        named = ", ".join(out[:10]) + (", …" if len(out) > 10 else "")
        print(f"note: left out, without counts in the measured tissue: {len(out)} of {len(names)} genes ({named})", file=sys.stderr)
    return [name for name in names if name not in silent]


def batches(spec, per_job, dataset, everything, folder):
    """Writes the file `everything` with all genes that `spec` means, and into `folder` a file for each `per_job` of them."""
    manifest = json.loads((Path(dataset) / "manifest.json").read_text())
    names = choose(spec, manifest)
    if not names:
        raise ValueError(f"genes {spec}: none in dataset {manifest['sample']}")
    Path(everything).write_text("".join(f"{name}\n" for name in names))
    Path(folder).mkdir(parents=True)
    for number, first in enumerate(range(0, len(names), per_job), start=1):
        batch = names[first : first + per_job]
        (Path(folder) / f"batch_{number:04}.txt").write_text("".join(f"{name}\n" for name in batch))
