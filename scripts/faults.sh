#!/usr/bin/env bash
# Kills s2s-prep and s2s-predict at the first six calls of every kind that renames or removes while they replace an earlier output, by strace: at any
# time the output's name is that of a whole one, and a rerun leaves nothing beside it. S2S_BIN: the folder of the binaries.
set -euo pipefail
bin=$(realpath "${S2S_BIN:-target/release}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"$bin/s2s-simulate" --rows 32 --cols 32 --genes 3 --seed 1 --output section 2>/dev/null
prep="$bin/s2s-prep --input section --bin-um 30 --scale 2 --mode benchmark --output d.s2s"
predict="$bin/s2s-predict --dataset d.s2s --method bilinear --output p.zarr"
score="$bin/s2s-score --dataset d.s2s --prediction p.zarr --output report"
for stage in prep predict; do
  output=$([ $stage = prep ] && echo d.s2s || echo p.zarr)
  ${!stage} 2>/dev/null
  tries=0 lost=0 left=0
  for call in rename renameat renameat2 unlink unlinkat rmdir; do
    for ((n = 1; n <= 6; n++)); do
      code=0
      strace -f -qq -o /dev/null -e trace=$call -e inject=$call:signal=KILL:when=$n ${!stage} 2>/dev/null || code=$?
      [ $code -eq 0 ] && break
      tries=$((tries + 1))
      if [ $stage = prep ]; then rm -rf p.zarr && $predict 2>/dev/null || lost=$((lost + 1)); else $score 2>/dev/null || lost=$((lost + 1)); fi
      ${!stage} 2>/dev/null
      left=$((left + $(find . -name '.*s2s-tmp*' | wc -l)))
    done
  done
  echo "s2s-$stage: killed $tries times while it replaced $output, lost $lost, left behind after the rerun $left"
done
