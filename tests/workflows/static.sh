#!/usr/bin/env bash
# What can be said without running: lints, formats, schemas that agree with what they describe.
source "$HERE/common.sh"
enter static
section
snakemake_config >run.yaml
snakemake --snakefile "$SNAKEFILE" --configfile run.yaml --lint
snakefmt --check -l 120 "$ROOT/workflows/snakemake"
hadolint "$ROOT/containers/Containerfile"
python "$HERE/schemas.py" "$ROOT"

# A recipe by its name is no file that a rule waits for.
sed -i "s/^recipe: .*/recipe: quick/" run.yaml
snakemake --snakefile "$SNAKEFILE" --configfile run.yaml --dry-run >named.log 2>&1 || { cat named.log; exit 1; }
