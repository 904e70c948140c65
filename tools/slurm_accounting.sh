# shellcheck shell=bash
# The accounting of a Slurm of slurm_cluster.sh, which reads this file and has folder, user, cannot, last_line and wait_for:
# slurmdbd, and a MariaDB of its own, without a port. Whoever starts it has two accounts: `visitors`, the default, from
# which the partitions take no jobs, and `lab`. Jobs without an account, or with one that is not there, are refused.
programs+=(slurmdbd sacctmgr sacct mariadbd mariadb-install-db)
packages+=(slurmdbd mariadb-server-core mariadb-client-core)

configure_accounting() {
    local port=$1
    cat >"$folder/accounting.conf" <<-CONF
		AccountingStorageType=accounting_storage/slurmdbd
		AccountingStorageHost=127.0.0.1
		AccountingStoragePort=$port
		AccountingStoragePass=$folder/munge/socket
		AccountingStorageEnforce=associations
		AccountingStorageTRES=gres/gpu
		AccountingStoreFlags=job_comment
		EnforcePartLimits=ALL
		PartitionName=DEFAULT AllowAccounts=lab
	CONF
    (umask 077 && cat >"$folder/slurmdbd.conf") <<-CONF
		DbdHost=localhost
		DbdAddr=127.0.0.1
		DbdPort=$port
		SlurmUser=$user
		AuthType=auth/munge
		AuthInfo=socket=$folder/munge/socket
		StorageType=accounting_storage/mysql
		StorageHost=localhost
		StorageUser=$user
		PidFile=$folder/slurmdbd.pid
		LogFile=$folder/slurmdbd.log
	CONF
}

accounts_known() {
    sacctmgr --noheader list clusters >/dev/null 2>&1
}

start_accounting() {
    local database=(--no-defaults --user="$user" --datadir="$folder/database" --innodb-log-file-size=16M)
    # who the kernel says is $user may do everything, without a password
    mariadb-install-db "${database[@]}" --auth-root-authentication-method=socket --auth-root-socket-user="$user" \
        --skip-test-db >"$folder/mariadb-install-db.log" 2>&1 ||
        cannot "mariadb-install-db fails: $(last_line mariadb-install-db)"
    setsid mariadbd "${database[@]}" --skip-networking --socket="$folder/database/socket" \
        </dev/null >"$folder/mariadbd.log" 2>&1 &
    echo $! >"$folder/mariadbd.pid"
    wait_for test -S "$folder/database/socket" || cannot "mariadbd does not start: $(last_line mariadbd)"
    MYSQL_UNIX_PORT=$folder/database/socket slurmdbd || cannot "slurmdbd does not start: $(last_line slurmdbd)"
    wait_for accounts_known || cannot "slurmdbd does not answer: $(last_line slurmdbd)"
    {
        sacctmgr --immediate add cluster degcraft
        sacctmgr --immediate add account visitors,lab
        sacctmgr --immediate add user "$user" account=visitors,lab
        sacctmgr --immediate modify user "$user" set defaultaccount=visitors
    } >"$folder/sacctmgr.log" 2>&1 || cannot "sacctmgr fails: $(last_line sacctmgr)"
}
