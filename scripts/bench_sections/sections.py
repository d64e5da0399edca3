"""The sections of the bench, and how each is prepared."""

import dataclasses
import json
import pathlib

import pyarrow.compute as pc
import pyarrow.parquet as pq

from .steps import StepFailed, identity, say


@dataclasses.dataclass(frozen=True)
class Section:
    """A section at one size of bin.

    `source` is a path below the shared data, or a Simulation. `half` keeps the transcripts on one side of x = 2,400 µm. Genes are
    chosen among those whose names begin with one of `patterns`, unless they are `named`. An `untouched` section must not be looked at
    in tuning. `phase` is the bin of each block that is measured, of the first one unless it is said.
    """

    name: str
    source: object
    bin_um: float
    origin: str = ""
    half: str = ""
    patterns: tuple = ("",)
    named: tuple = ()
    untouched: bool = False
    phase: str = ""

    @property
    def folder(self):
        """Where it is kept."""
        return f"{self.name}@{self.phase}" if self.phase else self.name

    @property
    def role(self):
        """Which mean over sections it belongs to."""
        return "apart" if self.named else "untouched" if self.untouched else "tuned"


@dataclasses.dataclass(frozen=True)
class Simulation:
    """The arguments of s2s-simulate."""

    rows: int
    cols: int
    genes: int
    seed: int


# The genes of docs/appendix/results.md: chosen by hand, so they are in no mean.
SIX = ("CFTR", "AMY2A", "INS", "GPRC5A", "CXCL6", "FBN1")

PANCREAS = "xenium_pancreas/transcripts.parquet"
MARROW = "xenium_bone_marrow/transcripts.parquet"
BREAST = "xenium_breast_crop/transcripts.parquet"
MERFISH = "merfish_brain/vizgen_transcripts.gz"
MIDDLE_UM = 2400.0

# The bins of a block that may be the measured one: opposite ones first.
PHASES = ("", "1,1", "0,1", "1,0")

# A gene with fewer counts in the measured bins is not chosen.
MIN_COUNTS = 100

SECTIONS = (
    Section("pancreas-20", PANCREAS, 20),
    # The origin of docs/appendix/results.md, so that its figures and these are of the same bins.
    Section("pancreas-30", PANCREAS, 30, origin="3.1,7.4"),
    Section("pancreas-50", PANCREAS, 50),
    Section("pancreas-left-30", PANCREAS, 30, half="left"),
    Section("pancreas-right-30", PANCREAS, 30, half="right"),
    Section("marrow-30", MARROW, 30),
    Section("marrow-40", MARROW, 40, untouched=True),
    Section("breast-10", BREAST, 10),
    Section("breast-15", BREAST, 15),
    Section("merfish-10", MERFISH, 10),
    Section("merfish-15", MERFISH, 15, untouched=True),
    Section("iss-150", "formats/iss/spots.csv", 150),
    Section("sim-smooth", Simulation(96, 96, 100, 11), 30, patterns=("SMOOTH",)),
    Section("sim-sharp", Simulation(80, 112, 100, 12), 30, patterns=("DUCT", "ISLAND", "LAYER")),
    # Bins of 12 µm hold a sixth of the molecules of bins of 30 µm: 40, of 100 genes.
    Section("sim-sparse", Simulation(128, 128, 100, 13), 12),
    Section("sim-few-genes", Simulation(64, 80, 6, 14), 30),
    Section("pancreas-30-six", PANCREAS, 30, origin="3.1,7.4", named=SIX),
)


def prepare(section, shared, work, steps):
    """Prepares a section as a benchmark of S = 2: the dataset and the identity of its content."""
    home = work / section.folder
    source, after = inputs(section, shared, work, steps)
    dataset = home / f"{section.name}.s2s"
    arguments = ["--input", source, "--bin-um", section.bin_um, "--scale", 2, "--mode", "benchmark", "--output", dataset]
    arguments += [word for name in ("origin", "phase") if getattr(section, name) for word in (f"--{name}", getattr(section, name))]
    record = steps.s2s("s2s-prep", arguments, dataset, after)
    say(f"{section.folder}: prepared")
    return dataset, identity(record)


def inputs(section, shared, work, steps):
    """What s2s-prep is to read, and the identities of what was made for it."""
    if isinstance(section.source, Simulation):
        plan, folder = section.source, work / section.name / "simulated"
        arguments = ["--rows", plan.rows, "--cols", plan.cols, "--genes", plan.genes, "--seed", plan.seed]
        record = steps.s2s("s2s-simulate", [*arguments, "--bin-um", section.bin_um, "--output", folder], folder)
        return folder, [identity(record)]
    source = shared / "data" / section.source
    if not source.exists():
        raise StepFailed(f"{source} is not there: name the folder of the shared data with --shared, or leave {section.name} out with --only")
    if section.half:
        return half(source, section.half, work / "inputs" / f"{source.parent.name}-{section.half}"), []
    if source.suffix == ".gz" and ".csv" not in source.name:
        return linked(source, work / "inputs" / f"{source.parent.name}.csv.gz"), []
    return source, []


def half(source, side, folder):
    """The transcripts on one side of the middle, as a Xenium bundle."""
    target = folder / "transcripts.parquet"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        table = pq.read_table(source)
        x = table["x_location"]
        kept = pc.less(x, MIDDLE_UM) if side == "left" else pc.greater_equal(x, MIDDLE_UM)
        part = folder / ".transcripts.part"
        pq.write_table(table.filter(kept), part)
        part.rename(target)
    return target


def linked(source, target):
    """The file under a name that tells its format."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.is_symlink():
        target.symlink_to(source.resolve())
    return target


def choose(dataset, section, count):
    """At most `count` genes of a section, chosen by its measured bins alone.

    Genes with at least 100 counts in the measured bins are ranked by counts × Moran's I; of each of `count` equal parts of the
    ranking the first is taken: with ten, the strongest gene of every decile.
    """
    if section.named:
        return list(section.named)
    manifest = json.loads((pathlib.Path(dataset) / "manifest.json").read_text())
    known = [g for g in manifest["genes"] if g["name"].startswith(section.patterns) and g["counts"] >= MIN_COUNTS]
    strength = {g["name"]: g["counts"] * max(g["morans_i"] or 0.0, 0.0) for g in known}
    ranked = sorted(strength, key=lambda name: (-strength[name], name))
    if not ranked:
        raise StepFailed(f"{section.name}: no gene has {MIN_COUNTS} counts in the measured bins")
    count = min(count, len(ranked))
    return [ranked[k * len(ranked) // count] for k in range(count)]
