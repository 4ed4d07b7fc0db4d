#!/usr/bin/env bash
# Starts a Slurm of two nodes on the loopback address, with everything below DIR, and prints what to export.
#
#     tests/slurm/up.sh DIR
#
# Needs root and Debian's slurm-wlm. No munge, no cgroups, no systemd. tests/slurm/down.sh DIR ends it.
set -euo pipefail
mkdir -p "$1"
dir=$(cd "$1" && pwd)
host=$(hostname -s)
mkdir -p "$dir"/{state,spool/n1,spool/n2,log,run}
# Three ports that are free now.
mapfile -t ports < <(python3 -c '
import socket
held = [socket.socket() for _ in range(3)]
for s in held:
    s.bind(("127.0.0.1", 0))
for s in held:
    print(s.getsockname()[1])')
cat >"$dir/slurm.conf" <<CONF
ClusterName=fewlabel
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=${ports[0]}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
CredType=cred/none
MailProg=/bin/true
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool/%n
SlurmctldPidFile=$dir/run/slurmctld.pid
SlurmdPidFile=$dir/run/%n.pid
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdLogFile=$dir/log/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
# Small, so that tests meet it.
MaxArraySize=8
# A node that does not answer is soon given up, and the queue is looked at every second: tests wait for both.
SlurmdTimeout=10
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=1
KillWait=2
CompleteWait=0
ReturnToService=2
JobRequeue=1
MinJobAge=3600
AccountingStorageType=accounting_storage/none
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=${ports[1]} CPUs=1 RealMemory=2048 State=UNKNOWN
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=${ports[2]} CPUs=1 RealMemory=2048 State=UNKNOWN
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF=$dir/slurm.conf
slurmctld -c
slurmd -N n1
slurmd -N n2
for _ in $(seq 100); do
    if [ "$(sinfo -h -t idle -o %D 2>/dev/null || true)" = 2 ]; then
        echo "export SLURM_CONF=$SLURM_CONF"
        exit 0
    fi
    sleep 0.2
done
echo "slurm did not come up:" >&2
tail -n 5 "$dir"/log/*.log >&2
exit 1
