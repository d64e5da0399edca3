#!/usr/bin/env bash
# Snakemake on this machine.
source "$HERE/common.sh"
enter snakemake
section
snakemake_config >run.yaml
run=(snakemake --snakefile "$SNAKEFILE" --profile "$ROOT/workflows/snakemake/profiles/local" --configfile run.yaml)
"${run[@]}"
test "$(ls results/A/fits/*/*.safetensors | wc -l)" = 6
test -s results/A/report/report.html
test ! -e results/A/fitting
python "$HERE/check_provenance.py" results

# Nothing is left to do.
"${run[@]}" --dry-run >again.log 2>&1
expect again.log "Nothing to be done"
# The engine's report holds ours.
"${run[@]}" --report engine.html
expect engine.html "Scores and maps"

# Sections guide each other, and images: in the order that they need.
stack
"${run[@]}" --config input=stack.csv genes=DUCT1 outdir=guided
guided guided
printf 'sample,input,section\nB,section_1,B\n' >itself.csv
if "${run[@]}" --config input=itself.csv outdir=wrong >wrong.log 2>&1; then exit 1; fi
expect wrong.log "sample B is its own section"
printf 'sample,input,transform\nB,section_1,map.csv\n' >no_image.csv
if "${run[@]}" --config input=no_image.csv outdir=wrong >wrong.log 2>&1; then exit 1; fi
expect wrong.log "transform without image"

# A mistake is told once, and not tried again.
if "${run[@]}" --config genes=NOT_A_GENE outdir=wrong >wrong.log 2>&1; then exit 1; fi
expect wrong.log "not in dataset A: NOT_A_GENE"
if "${run[@]}" --config fit_args=--wrong-flag outdir=wrong >wrong.log 2>&1; then exit 1; fi
expect wrong.log "unexpected argument '--wrong-flag'"
test "$(head -n 1 wrong/logs/A.prep.log.final)" = 2
if "${run[@]}" --config genes=top:none outdir=wrong >wrong.log 2>&1; then exit 1; fi
expect wrong.log "'top:none' does not match"

# The test that comes with the workflow, as its README tells it; nothing empty is left.
cp -r "$ROOT/workflows/snakemake" workflow
cd workflow/.test
rm -rf results
snakemake --snakefile ../Snakefile --configfile config/config.yaml --cores 2
test -s results/simulated/report/report.html
test -z "$(find results -type d -empty)"
