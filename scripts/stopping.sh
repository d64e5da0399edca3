#!/usr/bin/env bash
# How good a fit's stopping point is: every look at the held-out measured bins beside the error on the withheld truth.
# The truth is opened by s2s-score alone, after the fit; nothing of it reaches the training.
#
#   scripts/stopping.sh SAMPLE.s2s GENE[,GENE…] [CONFIG [IMAGES [OUTPUT]]]
#
# SAMPLE.s2s must be a benchmark. Writes OUTPUT/stopping.md (default stopping/). S2S_BIN: the folder of the s2s programs.
set -euo pipefail
export LC_ALL=C

dataset=$1 genes=$2 config=${3:-$(dirname "$0")/../configs/quick.yaml} images=${4:-} out=${5:-stopping}
bin=${S2S_BIN:-$(dirname "$0")/../target/release}
mkdir -p "$out"

# The last line of the fit's log names the step it kept: "kept step N".
fit() {
  mkdir -p "$out/$1"
  "$bin/s2s-fit" --dataset "$dataset" --gene "$1" --config "$config" ${images:+--images "$images"} --patience 0 --restart \
    --snapshots "$out/$1" --output "$out/$1.safetensors" 2>&1 | tee /dev/stderr | grep -o 'kept step [0-9]*' | grep -o '[0-9]*'
}

# MAE on the unmeasured bins of each snapshot: "STEP MAE", one per line.
truth() {
  local stores=() labels=() model
  for model in "$out/$1"/step*.safetensors; do
    "$bin/s2s-predict" --dataset "$dataset" --config "$config" --model "$model" --force --output "${model%.safetensors}.zarr" 2>/dev/null
    stores+=("${model%.safetensors}.zarr")
    labels+=("$(basename "${model%.safetensors}")")
  done
  "$bin/s2s-score" --dataset "$dataset" --prediction "${stores[@]}" --label "${labels[@]}" --force --output "$out/$1/scores" 2>/dev/null
  awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
    $at["region"] == "unmeasured" { sub("step0*", "", $at["method"]); print $at["method"], $at["mae"] }' "$out/$1/scores/scores.csv"
}

{
  echo "| gene | step kept by held-out bins | its MAE | best step by truth | its MAE | lost | last step's MAE |"
  echo "|---|---|---|---|---|---|---|"
  for gene in ${genes//,/ }; do
    kept=$(fit "$gene")
    truth "$gene" | awk -v gene="$gene" -v kept="$kept" '
      NR == 1 || $2 < best { best = $2; at = $1 }
      $1 == kept { mine = $2 }
      { last = $2 }
      END { printf "| %s | %d | %.4f | %d | %.4f | %.2f %% | %.4f |\n", gene, kept, mine, at, best, 100 * (mine / best - 1), last }'
  done
} | tee "$out/stopping.md"
