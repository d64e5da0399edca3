"""The methods of the bench: what predicts a section, and how it is run."""

import dataclasses
import json
import pathlib
import re
import subprocess

import numpy as np

from .scores import Store
from .steps import StepFailed, digest, identity

BASELINES = ("nearest", "bilinear", "bicubic", "idw", "kriging")
RIVALS = ("ridge-stencil-pc", "gbm-pc-l2", "stack-l1")
# The rivals' principal components need as many genes.
RIVAL_GENES = 40


@dataclasses.dataclass(frozen=True)
class Job:
    """A dataset and the genes to predict of it, known by `after`; results go below `home`. `phase` is the number of the one that it
    was measured on, `rates` those of a simulated section."""

    section: str
    phase: int
    dataset: pathlib.Path
    genes: tuple
    after: str
    home: pathlib.Path
    rates: pathlib.Path | None


@dataclasses.dataclass(frozen=True)
class Interpolation:
    """`s2s-predict --method NAME`."""

    name: str
    seeds: int = 1

    def predict(self, job, seed, steps):
        target = job.home / self.name / "predicted.zarr"
        arguments = ["--dataset", job.dataset, "--method", self.name, "--genes", ",".join(job.genes), "--output", target]
        record = steps.s2s("s2s-predict", arguments, target, [job.after])
        return Store(target), record["seconds"]


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Networks, one a gene, by `s2s-fit` with a config and changes to it."""

    name: str
    config: pathlib.Path
    changes: tuple
    images: pathlib.Path | None
    seeds: int

    def predict(self, job, seed, steps):
        home = job.home / self.name / f"seed{seed}"
        fits = [self.fit(job, gene, seed, home, steps) for gene in job.genes]
        target = home / "predicted.zarr"
        models = [model for model, _ in fits]
        arguments = ["--dataset", job.dataset, *self.recipe("predict."), "--model", *models, "--output", target]
        record = steps.s2s("s2s-predict", arguments, target, [job.after, *(identity(fit) for _, fit in fits), self.version()])
        return Store(target), sum(fit["seconds"] for _, fit in fits) + record["seconds"]

    def fit(self, job, gene, seed, home, steps):
        model = home / f"{re.sub(r'[^A-Za-z0-9._-]', '_', gene)}.safetensors"
        images = ["--images", self.images] if self.images else []
        arguments = ["--dataset", job.dataset, "--gene", gene, *self.recipe(""), *images, "--seed", seed, "--output", model]
        return model, steps.s2s("s2s-fit", arguments, model, [job.after, self.version()], resume=True)

    def recipe(self, part):
        """The config and its changes: those of prediction for s2s-predict, the others for s2s-fit."""
        ours = [c for c in self.changes if c.startswith("predict.") == (part == "predict.")]
        return ["--config", self.config, *(word for change in ours for word in ("--set", change))]

    def version(self):
        return digest(self.config.read_bytes())


@dataclasses.dataclass(frozen=True)
class Rival:
    """A method of ../shared/tools/rivals, run by a Python of its own."""

    name: str
    python: str
    folder: pathlib.Path
    seeds: int = 1

    def predict(self, job, seed, steps):
        if panel(job.dataset) < RIVAL_GENES:
            return None, 0.0
        target = job.home / self.name / f"{self.name}.npz"
        env = {"S2S_DATASET": str(job.dataset), "GENES": ",".join(job.genes), "OUT": str(target.parent)}
        env |= {name: str(steps.threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
        scripts = [digest((self.folder / name).read_bytes()) for name in ("cheap.py", "cokrige.py", "feats.py", "harness.py")]
        target.parent.mkdir(parents=True, exist_ok=True)
        what = ["cheap.py", self.name, *job.genes]
        record = steps.run(what, [self.python, "cheap.py", self.name], target, [job.after, *scripts], env=env, cwd=self.folder)
        return Arrays(target), record["seconds"]


@dataclasses.dataclass(frozen=True)
class External:
    """Predictions made elsewhere: FOLDER/SECTION.npz holds an array [rows, cols] for each gene."""

    name: str
    folder: pathlib.Path
    seeds: int = 1

    def predict(self, job, seed, steps):
        path = self.folder / f"{job.home.name}.npz"
        return (Arrays(path), 0.0) if path.exists() else (None, 0.0)


class Arrays:
    """Predictions of a NumPy archive, read as those of a store are."""

    def __init__(self, path):
        self.path, self.arrays = path, np.load(path)

    def image(self, name, gene):
        if name != "imputed":
            return None
        if gene not in self.arrays:
            raise StepFailed(f"{self.path}: no array is called {gene}")
        return self.arrays[gene].astype(float)


def panel(dataset):
    """How many genes a dataset holds."""
    return len(json.loads((dataset / "manifest.json").read_text())["genes"])


def known_interpolations(steps):
    """What `s2s-predict --method` offers."""
    said = subprocess.run([steps.program("s2s-predict"), "-h"], capture_output=True, text=True).stdout
    found = re.search(r"--method <METHOD>.*?\[possible values: ([^\]]*)\]", " ".join(said.split()))
    if not found:
        raise StepFailed(f"{steps.program('s2s-predict')} -h lists no methods")
    return [name.strip() for name in found[1].split(",")]
