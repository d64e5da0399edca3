#!/usr/bin/env bash
# Snakemake → SLURM (three nodes) → Apptainer, with jobs that are killed for memory, and one that is preempted.
source "$HERE/common.sh"
[ -s "$IMAGE" ] || { echo "no image: the suite containers makes it"; exit 1; }
"$HERE/cluster.sh" start "$WORK/cluster"
engine=
trap 'if [ -n "$engine" ]; then kill "$engine" 2>/dev/null || true; fi; "$HERE/cluster.sh" stop "$WORK/cluster"' EXIT
enter slurm_snakemake
section
snakemake_config >run.yaml
echo "container: $IMAGE" >>run.yaml
# The cluster has no accounting, and answers at once. Snakemake itself takes more than the 100 MB of the first try.
timeout -k 10 240 snakemake --snakefile "$SNAKEFILE" --profile "$ROOT/workflows/snakemake/profiles/slurm" --configfile run.yaml \
  --sdm apptainer --slurm-no-account --slurm-status-command squeue --slurm-init-seconds-before-status-checks 2 --latency-wait 10 \
  --set-resources 'fit:mem_mb=100 if attempt == 1 else 700' 'fit:slurm_partition=gpu' 'fit:gpu=1' >run.log 2>&1 &
engine=$!

# The job that fits the second batch is preempted once one of its genes is done and another has begun.
until ls results/A/fitting/batch_0002-*/*.safetensors >/dev/null 2>&1; do
  kill -0 "$engine" 2>/dev/null || { cat run.log; exit 1; }
  sleep 0.2
done
job=$(squeue -h -o '%i %k' | grep batch_0002 | cut -d ' ' -f 1)
scancel --signal=TERM "$job"
wait "$engine" || { cat run.log; exit 1; }
python "$HERE/compare.py" "$WORK/snakemake/results" results
grep -rq "exceeded memory limit" .snakemake/slurm_logs
grep -qE "resumed after step|done already" results/logs/A.batch_0002.fit.log
