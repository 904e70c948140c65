#!/usr/bin/env bash
# A Slurm of one machine in a folder of its own, for tests:
#     tools/slurm_cluster.sh start FOLDER [--accounting]
#     export SLURM_CONF=FOLDER/slurm.conf PATH=FOLDER/bin:$PATH
#     tools/slurm_cluster.sh stop FOLDER
# It has two partitions, `standard` and `gpu`, four CPUs and one GPU, whatever the machine has, and it kills jobs that take
# more memory than they asked for. tools/slurm_accounting.sh says what accounts there are with --accounting. Everything,
# munge included, has its own files, sockets and ports: a Slurm that the machine belongs to, /etc/slurm and /etc/munge are
# not touched. Missing packages are installed where that is possible: as root, on Debian or Ubuntu. Exit status 77: it
# cannot run here.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
here=$(dirname "${BASH_SOURCE[0]}")
user=$(id -un)
programs=(munged slurmctld slurmd sbatch srun)
packages=(slurmctld slurmd slurm-client munge)

cannot() {
    echo "no Slurm here: $1" >&2
    exit 77
}

last_line() {
    tail -n 1 "$folder/$1.log" 2>/dev/null || true
}

wait_for() {
    for _ in {1..60}; do
        "$@" && return
        sleep 0.5
    done
    return 1
}

installed() {
    local program
    for program in "${programs[@]}"; do
        command -v "$program" >/dev/null || return
    done
}

install_packages() {
    installed && return
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null ||
        cannot "not all of ${programs[*]} are installed, and only root on Debian can have them installed"
    export DEBIAN_FRONTEND=noninteractive
    local install=(apt-get install -y --no-install-recommends --no-remove "${packages[@]}")
    { apt-get update && "${install[@]}"; } >"$folder/apt.log" 2>&1 && installed ||
        cannot "apt-get could not install ${packages[*]}: $(last_line apt)"
}

free_ports() {
    python3 -c 'import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*(s.getsockname()[1] for s in sockets))'
}

write_configuration() {
    local host ports
    host=$(hostname -s)
    read -ra ports < <(free_ports)
    cat >"$folder/slurm.conf" <<-CONF
		ClusterName=degcraft
		SlurmctldHost=$host(127.0.0.1)
		SlurmctldPort=${ports[0]}
		SlurmdPort=${ports[1]}
		SlurmUser=$user
		SlurmdUser=$user
		AuthType=auth/munge
		AuthInfo=socket=$folder/munge/socket
		CredType=cred/munge
		StateSaveLocation=$folder/state
		SlurmdSpoolDir=$folder/spool
		SlurmctldPidFile=$folder/slurmctld.pid
		SlurmdPidFile=$folder/slurmd.pid
		SlurmctldLogFile=$folder/slurmctld.log
		SlurmdLogFile=$folder/slurmd.log
		PlugStackConfig=$folder/plugstack.conf
		ProctrackType=proctrack/linuxproc
		TaskPlugin=task/none
		SwitchType=switch/none
		MpiDefault=none
		ReturnToService=2
		KillWait=2
		# what the machine has is not asked
		SlurmdParameters=config_overrides
		SelectType=select/cons_tres
		SelectTypeParameters=CR_Core_Memory
		SchedulerParameters=sched_interval=1,batch_sched_delay=1
		# a job that takes too much memory is found by looking, every second, since there may be no cgroups
		JobAcctGatherType=jobacct_gather/linux
		JobAcctGatherFrequency=task=1
		JobAcctGatherParams=OverMemoryKill
		Include $folder/accounting.conf
		MinJobAge=3600
		GresTypes=gpu
		NodeName=$host NodeAddr=127.0.0.1 CPUs=4 RealMemory=64000 Gres=gpu:1
		PartitionName=standard Nodes=$host Default=YES MaxTime=1-0 State=UP
		PartitionName=gpu Nodes=$host MaxTime=7-0 State=UP
	CONF
    echo "NodeName=$host Name=gpu File=/dev/null" >"$folder/gres.conf"
    : >"$folder/plugstack.conf"
    if [ -n "$accounting" ]; then
        configure_accounting "${ports[2]}"
    else
        echo "AccountingStorageType=accounting_storage/none" >"$folder/accounting.conf"
    fi
    # Snakemake's plugin takes SLURM_CONF out of the environment in which it calls srun inside of a job
    printf '#!/bin/sh\nSLURM_CONF=%q exec %q "$@"\n' "$folder/slurm.conf" "$(command -v srun)" >"$folder/bin/srun"
    chmod +x "$folder/bin/srun"
}

node_idle() {
    [ "$(sinfo --noheader --partition standard --format %t 2>/dev/null)" = idle ]
}

start() {
    trap 'status=$?; [ $status = 0 ] || stop' EXIT
    mkdir -p "$folder"/{bin,munge,state,spool}
    chmod 755 "$folder/munge"
    install_packages
    write_configuration
    (umask 077 && head -c 1024 /dev/urandom >"$folder/munge/key")
    local own=(--key-file "$folder/munge/key" --socket "$folder/munge/socket" --seed-file "$folder/munge/seed")
    # --force: a world-writable /tmp above the socket would do otherwise
    munged --force "${own[@]}" --pid-file "$folder/munged.pid" --log-file "$folder/munged.log" 2>/dev/null ||
        cannot "munged does not start: $(last_line munged)"
    export SLURM_CONF=$folder/slurm.conf
    [ -z "$accounting" ] || start_accounting
    slurmctld -f "$folder/slurm.conf" || cannot "slurmctld does not start: $(last_line slurmctld)"
    slurmd -f "$folder/slurm.conf" || cannot "slurmd does not start: $(last_line slurmd)"
    wait_for node_idle || cannot "the node did not come up: $(last_line slurmd)"
}

stop() {
    export SLURM_CONF=$folder/slurm.conf
    local daemon pid
    if [ -e "$folder/slurmctld.pid" ] && scancel --user "$user" 2>/dev/null; then
        for _ in {1..120}; do # jobs would outlive a slurmd that ends before them
            [ -n "$(squeue --noheader 2>/dev/null)" ] || break
            sleep 0.25
        done
    fi
    for daemon in slurmd slurmctld slurmdbd mariadbd munged; do
        pid=$(cat "$folder/$daemon.pid" 2>/dev/null) || continue
        kill "$pid" 2>/dev/null || continue
        for _ in {1..40}; do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.25
        done
        kill -KILL "$pid" 2>/dev/null || true
    done
}

usage() {
    echo "usage: tools/slurm_cluster.sh start FOLDER [--accounting]; tools/slurm_cluster.sh stop FOLDER" >&2
    exit 2
}

accounting=
case "$#, ${1-}, ${3-}" in
    "2, start, " | "2, stop, ") ;;
    "3, start, --accounting") accounting=yes && . "$here/slurm_accounting.sh" ;;
    *) usage ;;
esac
folder=$(realpath -m "$2")
"$1"
