"""The programs, one by one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from ._run import execute

PathLike: TypeAlias = "str | os.PathLike[str]"
Flag: TypeAlias = "str | os.PathLike[str] | int | float | bool | Iterable[object] | None"
Genes: TypeAlias = "str | Iterable[str] | None"


def run(program: str, *arguments: object, progress: bool = True, **flags: Flag) -> str:
    """Runs `program` and returns its stdout. `bin_um=30` is `--bin-um 30`, `joint=True` is `--joint`, a list is its items separated
    by commas; None and False are left out. Raises an `S2SError` with what the program said."""
    line = [os.fspath(one) if isinstance(one, os.PathLike) else str(one) for one in arguments]
    for name, value in flags.items():
        line += _flag("--" + name.replace("_", "-"), value)
    return execute(program, line, progress)


def _flag(name: str, value: Flag) -> list[str]:
    if value is None or value is False:
        return []
    if value is True:
        return [name]
    if isinstance(value, (str, int, float)):
        return [f"{name}={value}"]
    if isinstance(value, os.PathLike):
        return [f"{name}={os.fspath(value)}"]
    return [f"{name}={','.join(str(one) for one in value)}"]


def prep(
    data: PathLike,
    output: PathLike,
    *,
    mode: Literal["impute", "benchmark"] = "impute",
    progress: bool = True,
    **flags: Flag,
) -> Path:
    """`s2s-prep`: bins a section and writes the dataset `output`, by custom SAMPLE.s2s."""
    run("s2s-prep", data, output=output, mode=mode, progress=progress, **flags)
    return Path(output)


def fit(dataset: PathLike, output: PathLike, *, genes: Genes = "all", progress: bool = True, **flags: Flag) -> Path:
    """`s2s-fit`: trains a network for each of the genes (one for all of them with `joint=True`) into the folder `output`."""
    run("s2s-fit", dataset, genes=genes, output=output, progress=progress, **flags)
    return Path(output)


def predict(
    dataset: PathLike,
    output: PathLike,
    *,
    method: str | None = None,
    model: PathLike | None = None,
    genes: Genes = None,
    progress: bool = True,
    **flags: Flag,
) -> Path:
    """`s2s-predict`: imputes by a `method` (by default blend), or by the networks of a `model`, a file or folder of `fit`."""
    if method is None and model is None:
        method = "blend"
    run("s2s-predict", dataset, method=method, model=model, genes=genes, output=output, progress=progress, **flags)
    return Path(output)


def score(
    dataset: PathLike, predictions: PathLike | Sequence[PathLike], output: PathLike, *, progress: bool = True, **flags: Flag
) -> Path:
    """`s2s-score`: scores predictions of a benchmark, and writes tables and report.html into the folder `output`."""
    stores = [predictions] if isinstance(predictions, (str, os.PathLike)) else list(predictions)
    run("s2s-score", dataset, *stores, output=output, progress=progress, **flags)
    return Path(output)


def simulate(
    output: PathLike, *, rows: int = 96, cols: int = 96, genes: int = 12, progress: bool = True, **flags: Flag
) -> Path:
    """`s2s-simulate`: makes a synthetic section in the layout of a Xenium bundle."""
    run("s2s-simulate", output=output, rows=rows, cols=cols, genes=genes, progress=progress, **flags)
    return Path(output)
