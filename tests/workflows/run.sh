#!/usr/bin/env bash
# Runs both workflows on their real engines: locally, and on a SLURM cluster of this host with Apptainer images.
#
#   run.sh [SUITE...]        # make test-workflows; the programs must be built
#
# What an engine needs is installed into .engines (or $S2S_ENGINES). Where that cannot be, for want of Java or of root, the
# suites that need it say so and are skipped. S2S_KEEP=FOLDER keeps what the runs left.
set -uo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
ENGINES=${S2S_ENGINES:-$ROOT/.engines}
WORK=${S2S_KEEP:-$(mktemp -d "${TMPDIR:-/tmp}/s2s-workflows.XXXXXX")}
mkdir -p "$WORK"
IMAGE=$WORK/s2s.sif
PATH=$ROOT/target/release:$ENGINES/python/bin:$ENGINES/nextflow/bin:$ENGINES/apptainer/usr/bin:$PATH
export HERE ROOT ENGINES WORK IMAGE PATH
export NXF_HOME=$WORK/nextflow-home NXF_ANSI_LOG=false APPTAINER_CACHEDIR=$WORK/apptainer-cache XDG_CACHE_HOME=$WORK/cache
passed=0 failed=0 skipped=0

cleanup() {
  "$HERE/cluster.sh" stop "$WORK/cluster" >/dev/null 2>&1
  if [ -z "${S2S_KEEP:-}" ]; then rm -rf "$WORK"; fi
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# Installs a thing once; whether it is there.
have() {
  timeout 300 "$HERE/engines.sh" "$ENGINES" "$1" >>"$WORK/engines.log" 2>&1
}

suite() { # NAME SECONDS NEED...
  local name=$1 seconds=$2 need start=$SECONDS
  shift 2
  case " ${chosen:-$name} " in *" $name "*) ;; *) return ;; esac
  for need in "$@"; do
    if ! have "$need"; then
      echo "skipped: $name, since $need cannot be had here: $(tail -1 "$WORK/engines.log")"
      skipped=$((skipped + 1))
      return
    fi
  done
  if timeout -k 10 "$seconds" bash "$HERE/$name.sh" >"$WORK/$name.log" 2>&1; then
    echo "ok: $name ($((SECONDS - start)) s)"
    passed=$((passed + 1))
  else
    echo "FAILED: $name ($((SECONDS - start)) s)"
    tail -n 80 "$WORK/$name.log" | sed 's/^/  | /'
    failed=$((failed + 1))
  fi
}

chosen=$*
# Installed side by side, since each waits for a registry.
for one in python nextflow nfcore; do have "$one" & done
(have debian && { have apptainer & have base; wait; }) &
wait
# The seconds end a suite that hangs; on a busy machine an honest one takes three times what it takes alone.
suite static 300 python
suite snakemake 600 python
suite wrappers 400 python
suite nextflow 900 python nextflow
suite nfcore 300 nextflow nfcore
suite containers 400 python debian apptainer base
suite slurm_snakemake 600 python debian apptainer
suite slurm_nextflow 600 nextflow debian apptainer
# 1 GB to install: only where it is wanted.
if [ -n "${S2S_MULTIQC:-}" ] || [ -e "$ENGINES/multiqc.done" ]; then
  suite multiqc 400 multiqc
else
  echo "skipped: multiqc, a large installation; S2S_MULTIQC=1 runs it"
  skipped=$((skipped + 1))
fi
echo "workflows: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
