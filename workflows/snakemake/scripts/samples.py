"""Reads the sample sheet; a mistake in it is one line that says where, what and what to do."""

import csv
from pathlib import Path

import jsonschema
import yaml


# Columns with several values in a cell, separated by semicolons.
GUIDES = ("image", "transform", "section")


def read(path, schema, sections):
    """The rows of the sheet by sample, as the file `schema` wants a row; relative inputs, images, maps and datasets start at the folder of the sheet.

    Samples that guide others are prepared without guides into the folder `sections`, and stand by their paths there."""
    schema = yaml.safe_load(Path(schema).read_text())
    known, needed = list(schema["properties"]), schema["required"]

    def wrong(what):
        # Any other error is told with the places in these scripts that it came from, which help nobody.
        return SystemExit(f"{path}: {what}")

    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise wrong(f"no such sample sheet. Give one: --config input=FILE, a CSV file with the header {','.join(needed)}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise wrong(f"not readable as text: {error}") from None
    rows = csv.DictReader(text.splitlines())
    header = [column.strip() for column in rows.fieldnames or []]
    strange = [column for column in header if column not in known]
    if strange or not set(needed) <= set(header):
        raise wrong(f"found the header {','.join(header)}; expected {','.join(needed)}, and of {','.join(known[len(needed):])} what is needed, by commas")
    rows.fieldnames = header
    check = jsonschema.Draft202012Validator(schema)
    samples = {}
    for row in rows:
        if None in row:
            raise wrong(f"line {rows.line_num}: more cells than the header has columns")
        row = {key: value.strip() for key, value in row.items() if value and value.strip()}
        if not row:
            continue
        for error in check.iter_errors(row):
            missing = [column for column in needed if column not in row]
            if missing:
                raise wrong(f"line {rows.line_num}: no {missing[0]}")
            if error.validator == "dependentRequired":
                raise wrong(f"line {rows.line_num}: transform without image, from whose pixels it leads")
            column = error.path[0]
            raise wrong(f"line {rows.line_num}: {column} {row[column]}: expected {schema['properties'][column]['description']}")
        if row["sample"] in samples:
            raise wrong(f"line {rows.line_num}: sample {row['sample']} is there twice. Give each row a name of its own")
        folder = Path(path).parent
        row["input"] = str(folder / row["input"])
        for key in GUIDES:
            row[key] = [word.strip() for word in row.get(key, "").split(";") if word.strip()]
        row["transform"] = [str(folder / name) for name in row["transform"]]
        row["image"] = [name if name == "auto" else str(folder / name) for name in row["image"]]
        samples[row["sample"]] = row
    if not samples:
        raise wrong(f"no samples. Expected a line for each below the header {','.join(needed)}")
    for name, row in samples.items():
        for place, section in enumerate(row["section"]):
            if section == name:
                raise wrong(f"sample {name} is its own section. Name another one, cut beside it")
            if section not in samples and not section.endswith(".s2s"):
                raise wrong(f"section {section} of sample {name} is no sample of the sheet, and no dataset (OTHER.s2s)")
            row["section"][place] = f"{sections}/{section}.s2s" if section in samples else str(Path(path).parent / section)
    return samples
