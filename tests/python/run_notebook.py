#!/usr/bin/env python3
"""Runs the code of a notebook, cell by cell in one namespace, in the current folder: run_notebook.py NOTEBOOK. Prints how many cells ran."""

import json
import os
import sys
import warnings

os.environ["MPLBACKEND"] = "Agg"
warnings.simplefilter("ignore")
with open(sys.argv[1]) as file:
    cells = [cell for cell in json.load(file)["cells"] if cell["cell_type"] == "code"]
namespace = {"__name__": "__main__"}
out, sys.stdout = sys.stdout, sys.stderr
for i, cell in enumerate(cells):
    source = "".join(cell["source"])
    try:
        exec(compile(source, f"cell {i}", "exec"), namespace)
    except Exception as error:
        sys.exit(f"cell {i}: {error!r}\n{source}")
json.dump({"cells": len(cells), "genes": namespace["bins"].n_vars, "correlation": float(namespace["both"].corr().iloc[0, 1])}, out)
