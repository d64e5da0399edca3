# What the stages are told.
import hashlib
import json
import shlex


def recipe(wildcards, input):
    """The recipe: the file, or the name of one that the programs carry."""
    return input.recipe[0] if input.recipe else RECIPE


def prep_flags(wildcards):
    """The flags of s2s-prep: the sample's own columns before the config's keys."""
    row = SAMPLES[wildcards.sample]
    chosen = {key: row.get(key, config[key]) for key in ("mode", "platform", "bin_um", "scale")}
    flags = [f"--{key.replace('_', '-')} {value}" for key, value in chosen.items() if value is not None]
    return " ".join(flags + [config["prep_args"]]).strip()


def guide_files(key):
    """The files that guide a sample; those of the bundle come with it."""
    return lambda wildcards: [name for name in SAMPLES[wildcards.sample][key] if name != "auto"]


def given_guides():
    """The files that guide samples and were there before the run, each once."""
    files = [name for row in SAMPLES.values() for key in samples.GUIDES for name in row[key]]
    return [name for name in dict.fromkeys(files) if name != "auto" and not name.startswith(f"{OUT}/sections/")]


def guide_flags(wildcards):
    """The flags of s2s-prep for what guides the sample."""
    named = {"image": "--image", "transform": "--image-transform", "section": "--section"}
    row = SAMPLES[wildcards.sample]
    return " ".join(f"{flag} {shlex.quote(name)}" for key, flag in named.items() for name in row[key])


def fitting(wildcards, input):
    """Where a batch is fitted: the same folder at every try, so that it resumes; another one when anything changed."""
    prepared = json.loads((Path(input.dataset) / "manifest.json").read_text())["fingerprints"]
    prepared.pop("truth.parquet", None)
    known = [
        Path(RECIPE).read_text() if RECIPE_FILE else RECIPE,
        Path(input.genes).read_text(),
        fit_flags(wildcards),
        prepared,
    ]
    digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:12]
    return f"{OUT}/{wildcards.sample}/fitting/{wildcards.batch}-{digest}"


def fit_flags(wildcards):
    """The flags of s2s-fit."""
    images = f"--images '{config['images']}'" if config["images"] else ""
    return f"--seed {config['seed']} --device {config['device']} {images} {config['fit_args']}".strip()


def batches(wildcards):
    """The batches of a sample, known once its genes are chosen."""
    folder = Path(checkpoints.batches.get(sample=wildcards.sample).output.batches)
    return sorted(path.stem for path in folder.glob("batch_*.txt"))
