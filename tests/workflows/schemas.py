#!/usr/bin/env python3
"""Checks that schemas, defaults and documentation of both workflows agree: schemas.py ROOT."""

import json
import re
import sys
from pathlib import Path

import jsonschema
import yaml

root = Path(sys.argv[1])
snakemake, nextflow = root / "workflows/snakemake", root / "workflows/nextflow"


def nextflow_defaults():
    """The block params of nextflow.config."""
    block = re.search(r"^params \{\n(.*?)^\}", (nextflow / "nextflow.config").read_text(), re.S | re.M).group(1)
    pairs = re.findall(r"^\s+(\w+)\s+= (.*)$", block, re.M)
    plain = {"null": None, "true": True, "false": False}
    values = {key: plain[text] if text in plain else text.strip("'\"") for key, text in pairs}
    return {key: int(text) if isinstance(text, str) and text.isdigit() else text for key, text in values.items()}


schema = json.loads((nextflow / "nextflow_schema.json").read_text())
jsonschema.Draft202012Validator.check_schema(schema)
properties = {name: rule for group in schema["$defs"].values() for name, rule in group["properties"].items()}
defaults = nextflow_defaults()
assert set(properties) == set(defaults), set(properties) ^ set(defaults)
for name, rule in properties.items():
    default = rule.get("default")
    own = defaults[name]
    assert own == default or str(own).endswith(f"/{default}"), f"{name}: {own} in nextflow.config, {default} in the schema"
    if default is not None:
        jsonschema.validate(default, rule)
assert {f"#/$defs/{name}" for name in schema["$defs"]} == {one["$ref"] for one in schema["allOf"]}

rules = yaml.safe_load((snakemake / "schemas/config.schema.yaml").read_text())
config = yaml.safe_load((snakemake / "config/config.yaml").read_text())
jsonschema.Draft202012Validator.check_schema(rules)
jsonschema.validate(config, rules)
assert set(config) == set(rules["properties"]) == set(rules["required"]), set(config) ^ set(rules["properties"])

# What both engines know under one name means the same; the sheet, the list and the image are said differently.
for name in set(config) & set(properties) - {"input", "baselines", "container"}:
    assert config[name] == properties[name].get("default"), name
    assert rules["properties"][name].get("pattern") == properties[name].get("pattern"), name
sheets = [
    yaml.safe_load((snakemake / "schemas/samples.schema.yaml").read_text()),
    json.loads((nextflow / "assets/schema_input.json").read_text())["items"],
]
assert set(sheets[0]["properties"]) == set(sheets[1]["properties"])

version = re.search(r'^version = "(.*)"', (root / "Cargo.toml").read_text(), re.M).group(1)
for path, line in [
    (nextflow / "nextflow.config", f"version         = '{version}'"),
    (root / "containers/Containerfile", f"ARG VERSION={version}\n"),
    (root / "containers/s2s.def", f"VERSION={version}\n"),
]:
    assert line in path.read_text(), f"{path}: version of Cargo.toml is {version}"

# The guide tells every parameter.
guide = (root / "docs/workflows.md").read_text()
untold = [name for name in sorted(set(config) | set(properties)) if f"`{name}`" not in guide]
assert not untold, f"docs/workflows.md does not tell {untold}"
print(f"schemas: {len(properties)} parameters of Nextflow, {len(config)} keys of Snakemake")
