#!/usr/bin/env bash
# What the suites share. Sourced, with the environment that run.sh makes.
set -euo pipefail
SNAKEFILE=$ROOT/workflows/snakemake/Snakefile
NEXTFLOW=$ROOT/workflows/nextflow

# A simulated section of six genes, named as its sample is, the sample sheet, and the recipe of a tiny network, in the current folder.
section() {
  s2s-simulate --rows 64 --cols 64 --genes 6 --seed 1 --output A
  cp "$ROOT/workflows/nextflow/assets/tiny.yaml" .
  # As spreadsheets write it.
  printf '\xef\xbb\xbfsample,input,bin_um\n"A",A,30\n' >samples.csv
}

# Two serial sections that guide each other, one of them with its stain, and the sheet.
stack() {
  s2s-simulate --rows 48 --cols 48 --genes 4 --seed 2 --sections 2 --stain --output .
  printf 'sample,input,bin_um,image,section\nB,section_1,30,auto,C\nC,section_2,30,,B\n' >stack.csv
}

# What guides the samples of the stack below RESULTS.
guided() { # RESULTS
  expect "$1/B/B.s2s/manifest.json" '"name": "DAPI mean"'
  expect "$1/B/B.s2s/manifest.json" '"sample": "C"'
  expect "$1/C/C.s2s/manifest.json" '"name": "B component 1"'
  test -s "$1/C/C.s2s/sections/1.s2s/measured.parquet"
  expect "$1/provenance.json" "section_2"
}

# The same run for both engines: two jobs of three genes each.
snakemake_config() {
  cat <<END
input: samples.csv
recipe: tiny.yaml
genes: top:6
genes_per_job: 3
baselines: [bilinear, nearest]
device: cpu
threads: {prep: 1, fit: 1, predict: 1}
memory_mib: {prep: 300, fit: null, predict: 300, score: 300}
minutes: {prep: 10, fit_per_gene: null, predict: 10, score: 10}
END
}
nextflow_parameters=(--input samples.csv --recipe tiny.yaml --genes top:6 --genes_per_job 3
  --baselines bilinear,nearest --device cpu --cpus 1)

# Moves into an empty folder for the suite.
enter() {
  rm -rf "${WORK:?}/$1"
  mkdir -p "$WORK/$1"
  cd "$WORK/$1"
}

# Fails with a message unless the file holds the text.
expect() { # FILE TEXT
  grep -qF -- "$2" "$1" || { echo "$1: expected it to hold: $2"; tail -n 40 "$1"; return 1; }
}
