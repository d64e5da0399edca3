#!/usr/bin/env bash
# Writes tests/data/golden/V by the programs in S2S_BIN (default target/release): once, when a format gets a new version V. What stands there
# already is never written again. What other software reads in it goes to tests/expected/golden.json, and of V = 2 to golden-2.json.
set -euo pipefail
PATH=$(realpath "${S2S_BIN:-target/release}"):$PATH
to=${1:?the folder to write, for example tests/data/golden/2}
mkdir "$to" && cd "$to"
if [ "$(basename "$to")" = 2 ]; then  # networks alone: embeddings of the genes that share one
  s2s-fit ../1/sample.s2s --genes all --joint --config quick --set fit.steps=40 --set fit.images=false --set network.channels=8 \
    --set network.growth=4 --set network.cascades=1 --set network.input_channels=2 --set fit.components=0 --set network.gene_embedding=3 \
    --output . --seed 1 --threads 1
  s2s-predict ../1/sample.s2s --model joint.safetensors --set predict.network_share=1 --output network.zarr --threads 1
  "${S2S_PYTHON:-python3}" ../../../python/expected_golden_2.py > ../../../expected/golden-2.json
  exec rm -r joint.fit.parquet network.zarr
fi
s2s-simulate --rows 40 --cols 36 --bin-um 20 --genes 2 --seed 7 --stain --output section
s2s-prep section --image auto --bin-um 20 --scale 2 --patch 16 --mode benchmark --output sample.s2s
s2s-fit sample.s2s --gene DUCT1 --config quick --set fit.steps=20 --set fit.images=false --set network.channels=8 \
  --set network.growth=4 --set network.cascades=1 --set network.input_channels=2 --set fit.components=0 --output DUCT1.safetensors --seed 1 --threads 1
s2s-predict sample.s2s --model DUCT1.safetensors --set predict.network_share=1 --output network.zarr --threads 1
s2s-predict sample.s2s --method blend --genes DUCT1 --output blend.zarr --threads 1
"${S2S_PYTHON:-python3}" ../../../python/expected_golden.py > ../../../expected/golden.json
rm -r section DUCT1.fit.parquet network.zarr
