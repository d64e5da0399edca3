#!/usr/bin/env bash
# A SLURM cluster on this host alone: controller and three nodes, each with two GPUs in name. For Debian, as root.
#
#   cluster.sh start|stop FOLDER
#
# The nodes run jobs for real, and end those that take more memory than they asked for.
set -euo pipefail
action=$1 folder=$2
nodes=(n1 n2 n3)
settings=(slurm.conf gres.conf cgroup.conf)

stop() {
  local file
  for file in "$folder"/run/slurmd-*.pid "$folder"/run/slurmctld.pid "$folder"/run/munged.pid; do
    if [ -s "$file" ]; then kill "$(cat "$file")" 2>/dev/null || true; fi
  done
  # Left behind, they would make every later call of Snakemake ask a controller that is gone.
  for file in "${settings[@]}"; do
    if [ "$(readlink "/etc/slurm/$file")" = "$folder/$file" ]; then rm "/etc/slurm/$file"; fi
  done
}

configure() {
  local host k=0 node file
  host=$(hostname -s)
  cat >"$folder/slurm.conf" <<END
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
SlurmctldPort=26817
SlurmctldPidFile=$folder/run/slurmctld.pid
SlurmctldLogFile=$folder/log/slurmctld.log
StateSaveLocation=$folder/state
SlurmdPidFile=$folder/run/slurmd-%n.pid
SlurmdLogFile=$folder/log/slurmd-%n.log
SlurmdSpoolDir=$folder/spool/%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
SwitchType=switch/none
MpiDefault=none
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
ReturnToService=2
SlurmdParameters=config_overrides
MinJobAge=300
KillWait=5
DefMemPerCPU=100
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$folder/log/jobs.txt
END
  : >"$folder/gres.conf"
  echo "CgroupAutomount=no" >"$folder/cgroup.conf"
  for node in "${nodes[@]}"; do
    k=$((k + 1))
    echo "NodeName=$node NodeHostname=$host NodeAddr=127.0.0.1 Port=$((26820 + k)) CPUs=8 RealMemory=6000 Gres=gpu:2 State=UNKNOWN" >>"$folder/slurm.conf"
    echo "Nodename=$node Name=gpu File=$folder/dev/nvidia[0-1]" >>"$folder/gres.conf"
  done
  echo "PartitionName=main Nodes=n1,n2,n3 Default=YES MaxTime=60 State=UP" >>"$folder/slurm.conf"
  echo "PartitionName=gpu Nodes=n1,n2,n3 Default=NO MaxTime=60 State=UP" >>"$folder/slurm.conf"
  # Snakemake's jobs drop SLURM_CONF from their environment: the settings must be where SLURM looks by itself.
  mkdir -p /etc/slurm
  for file in "${settings[@]}"; do ln -sfn "$folder/$file" "/etc/slurm/$file"; done
}

start() {
  local gpu node
  mkdir -p "$folder"/{run,log,state,spool,dev}
  chmod 755 "$folder" "$folder/run"
  # GPUs in name: copies of /dev/null, since plain files are refused.
  for gpu in 0 1; do [ -e "$folder/dev/nvidia$gpu" ] || mknod "$folder/dev/nvidia$gpu" c 1 3; done
  install -d -o munge -g munge -m 755 /run/munge
  if ! munge -n >/dev/null 2>&1; then
    runuser -u munge -- /usr/sbin/munged
    cp /run/munge/munged.pid "$folder/run/munged.pid"
  fi
  configure
  slurmctld -f "$folder/slurm.conf"
  for node in "${nodes[@]}"; do
    mkdir -p "$folder/spool/$node"
    slurmd -f "$folder/slurm.conf" -N "$node"
  done
  for _ in $(seq 150); do
    if [ "$(sinfo -h -t idle -o %D -p main 2>/dev/null)" = "${#nodes[@]}" ]; then return; fi
    sleep 0.2
  done
  echo "SLURM did not come up; its logs are in $folder/log" >&2
  return 1
}

"$action"
