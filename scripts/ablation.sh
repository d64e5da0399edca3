#!/usr/bin/env bash
# What each part of the method gives: trains one gene with one thing changed at a time, predicts, and scores all variants
# against the full recipe. `make ablation` runs it; docs/appendix/ablation.md tells how to read what it writes.
#
# From the environment:
#   ABLATION_DATASET  SAMPLE.s2s prepared as a benchmark; without it, a section is simulated
#   ABLATION_GENE     the gene to learn (default DUCT1, of the simulated section)
#   ABLATION_CONFIG   the full recipe (default configs/quick.yaml)
#   ABLATION_STEPS    optimiser steps of every variant (default 600)
#   ABLATION_SEED     seed of every variant but one (default 0)
#   ABLATION_IMAGES   a folder of photographs for co-learning (default: dead leaves)
#   ABLATION_ONLY     the variants to run beside full, by the first column below, separated by commas (default: all)
#   ABLATION_OUTPUT   the folder to write into (default ablation)
#   S2S_BIN           the folder of the s2s programs (default target/release)
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C # $EPOCHREALTIME and awk agree on the decimal point

recipe=${ABLATION_CONFIG:-configs/quick.yaml}
steps=${ABLATION_STEPS:-600}
seed=${ABLATION_SEED:-0}
gene=${ABLATION_GENE:-DUCT1}
only=${ABLATION_ONLY:-}
out=${ABLATION_OUTPUT:-ablation}
bin=${S2S_BIN:-target/release}
images=()
[[ -z ${ABLATION_IMAGES:-} ]] || images=(--images "$ABLATION_IMAGES")

# file|label|the keys that change: one, unless two only make sense together.
variants='
images-off|images off|fit.images=false
dc-off|data consistency off|network.data_consistency=false
k1|K = 1|network.cascades=1
k2|K = 2|network.cascades=2
k3|K = 3|network.cascades=3
k4|K = 4|network.cascades=4
k5|K = 5|network.cascades=5
attention-off|attention off|network.attention=false
nearest|nearest start|fit.upsampling=nearest
bilinear|bilinear start|fit.upsampling=bilinear
paper-start|start of the paper|fit.upsampling=nearest network.zero_reconstruct=false
lambda1|λ = 1|fit.lambda=1.0
lambda10|λ = 10|fit.lambda=10.0
lambda100|λ = 100|fit.lambda=100.0
beta9|β₁ = 0.9|fit.betas=[0.9,0.999]
beta5|β₁ = 0.5|fit.betas=[0.5,0.999]
'

# What section.key was when the full recipe was trained: the config in force stands in the metadata of the weights.
value() {
  local section=${1%%.*} key=${1#*.}
  head -c 1000000 "$out/full.safetensors" | tr -d '\\\0' | grep -ao "\"$section\":{[^}]*}" |
    grep -o "\"$key\":\(\[[^]]*\]\|[^,}]*\)" | sed 's/^[^:]*://; s/"//g; q'
}

# Whether all the changes given are what the full recipe has anyway.
is_full() {
  local change
  for change in "$@"; do
    [[ $(value "${change%%=*}") == "${change#*=}" ]] || return 1
  done
}

# Adds a store to the scoring: FILE LABEL CHANGED SECONDS.
add() {
  stores+=("$out/$1.zarr")
  labels+=("$2")
  printf '%s\t%s\t%s\n' "$2" "$3" "$4" >>"$out/variants.tsv"
}

# Trains a variant, predicts with it and adds it: FILE LABEL SEED [KEY=VALUE ...].
# What an earlier run finished by the same command is kept.
variant() {
  local file=$out/$1 name=$1 label=$2 seed=$3 change start
  shift 3
  local fit=("$bin/s2s-fit" --dataset "$dataset" --gene "$gene" --config "$recipe" --seed "$seed" --set "fit.steps=$steps")
  for change in "$@"; do fit+=(--set "$change"); done
  fit+=("${images[@]}" --output "$file.safetensors")
  if [[ ! -e $file.seconds || $(cat "$file.command") != "${fit[*]}" ]]; then
    rm -rf "$file".{seconds,command,zarr,safetensors,fit.parquet,ckpt}
    echo "$label" >&2
    start=$EPOCHREALTIME
    "${fit[@]}"
    awk -v start="$start" -v end="$EPOCHREALTIME" 'BEGIN { printf "%.1f\n", end - start }' >"$file.fitted"
    "$bin/s2s-predict" --dataset "$dataset" --config "$recipe" --model "$file.safetensors" --output "$file.zarr"
    echo "${fit[*]}" >"$file.command"
    mv "$file.fitted" "$file.seconds"
  fi
  add "$name" "$label" "$*" "$(cat "$file.seconds")"
}

# The lines of $out/report/scores.csv as rows of a table, with what $out/variants.tsv says of each label.
rows() {
  awk -F '\t' '
    function shown(column, digits) { return row[column] == "" ? "–" : sprintf("%." digits "f", row[column]) }
    FNR == NR { changed[$1] = $2; seconds[$1] = $3; next }
    FNR == 1 { for (i = 1; i <= NF; i++) name[i] = $i; next }
    {
      for (i = 1; i <= NF; i++) row[name[i]] = $i
      if (row["region"] != "unmeasured") next
      printf "| %s | %s | %s | %s | %s | %s ", row["method"], changed[row["method"]],
        shown("mae", 4), shown("rmse", 4), shown("pcc", 4), shown("ssim", 4)
      printf "| %s | %s | %s | %s | %s |\n", shown("mae_ratio", 3), seconds[row["method"]],
        shown("improvement_ratio", 3), shown("tie_ratio", 3), shown("mean_gain", 5)
    }' "$out/variants.tsv" <(tr ',' '\t' <"$out/report/scores.csv")
}

table() {
  cat <<END
# Ablation: $gene of $(basename "$dataset")

**full** is \`$recipe\` with $steps steps and seed $seed${same:+; it already has $same}. Every other variant changes what stands
beside it. Figures are of the unmeasured bins: *better* is the share of them where the variant's error is below that of full,
*same* where both are equal, *mean gain* the MAE of full less that of the variant. Seconds are the wall clock of \`s2s-fit\`.
*Another seed* changes nothing but the random draws: differences of its size are noise. The maps: [report.html](report/report.html).

| variant | changed | MAE | RMSE | PCC | SSIM | MAE / bilinear | seconds | better | same | mean gain |
|---|---|---|---|---|---|---|---|---|---|---|
END
  rows
}

for name in ${only//,/ }; do
  grep -q "^$name|" <<<"$variants"$'\nseed|' || { echo "ABLATION_ONLY: no variant is called $name; see $0" >&2 && exit 2; }
done
mkdir -p "$out"
dataset=${ABLATION_DATASET:-$out/section.s2s}
if [[ -z ${ABLATION_DATASET:-} && ! -e $dataset ]]; then
  "$bin/s2s-simulate" --rows 96 --cols 96 --genes 12 --seed 1 --output "$out/section"
  "$bin/s2s-prep" --input "$out/section" --bin-um 30 --scale 2 --mode benchmark --output "$dataset"
fi

stores=() labels=() same=
rm -f "$out/variants.tsv"
variant full full "$seed"
while IFS='|' read -r -u 3 name label changes; do
  [[ -n $name && (-z $only || ,$only, == *,$name,*) ]] || continue
  read -ra keys <<<"$changes"
  if is_full "${keys[@]}"; then same+=${same:+, }$label; else variant "$name" "$label" "$seed" "${keys[@]}"; fi
done 3<<<"$variants"
[[ -n $only && ,$only, != *,seed,* ]] || variant seed "another seed" $((seed + 1))

rm -rf "$out/interpolation.zarr"
"$bin/s2s-predict" --dataset "$dataset" --method bilinear --genes "$gene" --output "$out/interpolation.zarr"
add interpolation bilinear "interpolation, no network" –
"$bin/s2s-score" --dataset "$dataset" --prediction "${stores[@]}" --label "${labels[@]}" --reference full --force --output "$out/report"
table >"$out/.ablation.md.part"
mv "$out/.ablation.md.part" "$out/ablation.md"
cat "$out/ablation.md" >&2
