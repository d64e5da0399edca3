"""The crates that the programs are linked from, for the lists that go along with them."""

import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def cargo(*words):
    command = ["cargo", *words, "--locked", "--manifest-path", str(ROOT / "Cargo.toml")]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def metadata():
    return json.loads(cargo("metadata", "--format-version", "1"))


def linked(metadata, flags):
    """Without ours: build scripts and tests leave nothing in the programs."""
    tree = cargo("tree", "--edges", "normal", "--prefix", "none", "--format", "{p}", *flags)
    wanted = {tuple(line.split(" ")[:2]) for line in tree.splitlines() if line}
    found = [one for one in metadata["packages"] if (one["name"], "v" + one["version"]) in wanted and Path(one["manifest_path"]).parent != ROOT]
    return sorted(found, key=lambda one: (one["name"], one["version"]))
