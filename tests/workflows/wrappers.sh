#!/usr/bin/env bash
# The Snakemake wrappers: their tests, as the catalogue runs them but with the programs on PATH, and what it lints.
source "$HERE/common.sh"
enter wrappers
wrappers=$ROOT/packaging/snakemake-wrappers
black --quiet --check "$wrappers"
snakefmt --check "$wrappers"
mkdir prefix
cp -r "$wrappers" prefix/master
"$wrappers/test-data" prefix/master/bio/s2s
prefix=file://$PWD/prefix/
try() { # WRAPPER TARGET...
  (
    cd "prefix/master/bio/s2s/$1/test"
    snakemake --lint
    snakemake --cores 1 --forceall --quiet --wrapper-prefix "$prefix" "${@:2}" || { cat logs/*; exit 1; }
  )
}
try prep prepared/A.s2s
try fit fits/A
try predict predicted/A.zarr network/A.zarr
try score reports/A
cd prefix/master/bio/s2s
test -s prep/test/prepared/A.s2s/truth.parquet
test "$(ls fit/test/fits/A/*.safetensors | wc -l)" = 3
test -s predict/test/predicted/A.zarr/zarr.json -a -s predict/test/network/A.zarr/zarr.json
expect score/test/reports/A/scores.csv blend
expect score/test/reports/A/report.html bilinear
