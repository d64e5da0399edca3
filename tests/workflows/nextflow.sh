#!/usr/bin/env bash
# Nextflow on this machine.
source "$HERE/common.sh"
enter nextflow
section
# By the strict parser, the workflow and the modules alone: that of configs does not know the inputs of processes in this version.
echo 'params.help = true' >strict.config
NXF_SYNTAX_PARSER=v2 nextflow -C strict.config run "$NEXTFLOW" >strict.log 2>&1 || { cat strict.log; exit 1; }
expect strict.log "--genes_per_job"
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

# Sections guide each other, and images.
stack
nextflow run "$NEXTFLOW" "${nextflow_parameters[@]}" --input stack.csv --genes DUCT1 --outdir guided >guided.log 2>&1 ||
  { cat guided.log; exit 1; }
guided guided
if [ -d "$WORK/snakemake/guided" ]; then python "$HERE/compare.py" "$WORK/snakemake/guided" guided; fi

# Without the programs, but for what tells their version: a module asks for it in a stub, too.
mkdir version
for stage in simulate prep fit predict score; do printf '#!/bin/sh\necho stub 0\n' >version/s2s-$stage; done
chmod +x version/*
PATH=$PWD/version:${PATH#"$ROOT/target/release:"} nextflow run "$NEXTFLOW" -profile test -stub-run --outdir stub >stub.log 2>&1 ||
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
printf 'sample,input\nA,A,30\n' >more.csv
mistake "more cells than the header has columns" --input more.csv
printf 'sample,input,section\nA,"a, b",A\n' >itself.csv
mistake "sample A is its own section" --input itself.csv
printf 'sample,input,section\nA,A,D\n' >nobody.csv
mistake "section D of sample A is no sample of the sheet" --input nobody.csv
printf 'sample,input,transform\nA,A,map.csv\n' >no_image.csv
mistake "the column transform is the map from its pixels" --input no_image.csv
