# Nextflow → SLURM (three nodes) → Apptainer, with a job that is killed for memory, and one that is preempted.
source "$HERE/common.sh"
