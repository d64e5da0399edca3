#!/usr/bin/env bash
# MultiQC over a finished run of either engine, and over two samples: the scores are in its tables.
source "$HERE/common.sh"
enter multiqc
mkdir two
cp "$WORK"/snakemake/results/A/report/*_mqc.json two
for name in summary genes; do sed 's/"A /"B /' "two/A.${name}_mqc.json" >"two/B.${name}_mqc.json"; done
for run in "$WORK/snakemake/results" "$WORK/nextflow/results" two; do
  rm -rf out
  "$ENGINES/multiqc/bin/multiqc" --quiet --outdir out "$run"
  expect out/multiqc_data/multiqc_general_stats.txt "A bilinear"
  expect out/multiqc_data/multiqc_s2s_genes_table.txt "A DUCT1 s2s"
done
expect out/multiqc_data/multiqc_general_stats.txt "B bilinear"
expect out/multiqc_data/multiqc_s2s_genes_table.txt "B DUCT1 s2s"

# The figures are those of the table of scores.
python3 - "$WORK/snakemake/results/A/report/scores.csv" out/multiqc_data/multiqc_s2s_genes_table.txt <<'END'
import csv
import sys

scores = {f"A {row['gene']} {row['method']}": row for row in csv.DictReader(open(sys.argv[1])) if row["region"] == "unmeasured"}
shown = {row["Sample"]: row for row in csv.DictReader(open(sys.argv[2]), delimiter="\t") if row["Sample"].startswith("A ")}
assert scores.keys() == shown.keys(), scores.keys() ^ shown.keys()
for name, row in scores.items():
    for figure in ("mae", "rmse", "pcc", "ssim"):
        assert abs(float(row[figure]) - float(shown[name][figure])) < 1e-9, (name, figure)
print(f"MultiQC: {len(shown)} rows")
END
