#!/usr/bin/env bash
# Nextflow on this machine, with the strict parser.
source "$HERE/common.sh"
export NXF_SYNTAX_PARSER=v2
enter nextflow
section
run=(nextflow run "$NEXTFLOW" "${nextflow_parameters[@]}")
"${run[@]}" -with-report report.html -with-trace trace.txt -with-timeline timeline.html -with-dag dag.html >run.log 2>&1 ||
  { cat run.log; exit 1; }
test -s report.html -a -s timeline.html -a -s dag.html
python "$HERE/check_provenance.py" results
if [ -d "$WORK/snakemake/results" ]; then python "$HERE/compare.py" "$WORK/snakemake/results" results; fi

# Again: every task is there already.
"${run[@]}" -resume -with-trace again.txt >again.log 2>&1
test "$(grep -c CACHED again.txt)" = "$(grep -c COMPLETED trace.txt)"
if grep -q COMPLETED again.txt; then cat again.txt; exit 1; fi

# Without the programs.
PATH=${PATH#"$ROOT/target/release:"} nextflow run "$NEXTFLOW" -profile test -stub-run --outdir stub >stub.log 2>&1 ||
  { cat stub.log; exit 1; }
test -e stub/simulated/report/report.html

# Mistakes are told before anything runs.
mistake() { # TEXT PARAMETER...
  if nextflow run "$NEXTFLOW" "${@:2}" >mistake.log 2>&1; then exit 1; fi
  expect mistake.log "$1"
}
mistake "--genez: no such parameter" --input samples.csv --genez all --genes_per_job 0
expect mistake.log "--genes_per_job 0: expected 1 or more"
printf 'sample,input\nA,A\nA,A\n' >twice.csv
mistake "sample A is there twice" --input twice.csv
