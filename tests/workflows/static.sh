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

# Genes of which nothing was found in the measured tissue are in no batch.
PYTHONPATH=$ROOT/workflows/snakemake/scripts python - 2>silent.log <<'END'
from genes import choose

manifest = {"sample": "A", "genes": [{"name": name, "bins": bins, "morans_i": None} for name, bins in (("HEARD", 3), ("SILENT", 0))]}
assert choose("all", manifest) == choose("SILENT,HEARD", manifest) == ["HEARD"]
END
expect silent.log "without counts in the measured tissue: 1 of 2 genes (SILENT)"

# A recipe by its name is no file that a rule waits for.
sed -i "s/^recipe: .*/recipe: quick/" run.yaml
snakemake --snakefile "$SNAKEFILE" --configfile run.yaml --dry-run >named.log 2>&1 || { cat named.log; exit 1; }
