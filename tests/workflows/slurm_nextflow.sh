#!/usr/bin/env bash
# Nextflow → SLURM (three nodes) → Apptainer, with jobs that are killed for memory, and one that is preempted.
source "$HERE/common.sh"
[ -s "$IMAGE" ] || { echo "no image: the suite containers makes it"; exit 1; }
"$HERE/cluster.sh" start "$WORK/cluster"
engine=
trap 'if [ -n "$engine" ]; then kill "$engine" 2>/dev/null || true; fi; "$HERE/cluster.sh" stop "$WORK/cluster"' EXIT
enter slurm_nextflow
section
# This cluster answers at once, and allows an hour.
cat >fast.config <<'END'
process.resourceLimits = [time: 10.min]
executor { pollInterval = '1 sec'; queueStatInterval = '2 sec'; exitReadTimeout = '5 sec' }
END
# A container alone takes more than the memory of the first try.
timeout -k 10 200 nextflow -c fast.config run "$NEXTFLOW" "${nextflow_parameters[@]}" -profile slurm,apptainer \
  --container "$IMAGE" --gpus 1 --fit_memory_mib 60 -with-trace trace.txt >run.log 2>&1 &
engine=$!

# The job that fits the second batch is told what a time limit or a preemption tells it, once one of its genes is done.
until ls work/fitting/A-batch_0002-*/*.safetensors >/dev/null 2>&1; do
  kill -0 "$engine" 2>/dev/null || { cat run.log; exit 1; }
  sleep 0.2
done
# It may just have been killed for memory: then the next try is told, and only once its fit speaks. Told while its shell still
# starts, Nextflow's own wrapper trips over a process that it has not yet, and ends with 1.
tell_the_fit() {
  local job folder
  read -r job folder < <(squeue -h -t R -o '%i %j %Z' | awk '/batch_0002/ { print $1, $NF }') || return 1
  [ -s "$folder/fit.log" ] && scancel --batch --signal=TERM "$job" 2>/dev/null
}
until tell_the_fit; do
  kill -0 "$engine" 2>/dev/null || { cat run.log; exit 1; }
  sleep 0.2
done
wait "$engine" || { cat run.log; exit 1; }
python3 "$HERE/compare.py" "$WORK/snakemake/results" results
cat trace.txt
grep -rq "xceeded.* memory limit" work/*/*/.command.log
grep -q "stopped by a signal" work/*/*/fit.log
grep -qE "resumed after step|done already" work/*/*/fit.log
