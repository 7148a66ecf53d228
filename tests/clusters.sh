# shellcheck shell=bash
# Starts the servers of the tests named `clusters`, and sets these environment variables:
#
#   GALERA_URLS, GALERA_PIDS    three nodes of a Galera cluster of MariaDB, the last of which a test kills
#   PRIMARY_URL, PRIMARY_PID    a PostgreSQL server, which a test kills
#   REPLICA_URL                 its streaming replica, which the test promotes
#   POOLER_URL, POOLED_URL      pgbouncer in transaction mode, and the server behind it
#
# Sourced after tests/servers.sh, which stops them.
# shellcheck disable=SC2154 # Names of tests/servers.sh.

packages=()
[ -x "$(pg_bin)/initdb" ] || packages+=(postgresql)
command -v mariadbd >/dev/null || packages+=(mariadb-server)
[ -f /usr/lib/galera/libgalera_smm.so ] || packages+=(galera-4)
command -v rsync >/dev/null || packages+=(rsync)
command -v pgbouncer >/dev/null || packages+=(pgbouncer)
[ ${#packages[@]} = 0 ] || install_packages "${packages[@]}"

say "starting a Galera cluster of three nodes"
group=()
for _ in 1 2 3; do group+=("$(free_port)"); done
GALERA_URLS='' GALERA_PIDS=''
synced() { mariadb --no-defaults -h 127.0.0.1 -P "$1" -u root -N -e "SHOW STATUS LIKE 'wsrep_local_state_comment'" | grep -q Synced; }
for node in 0 1 2; do
    name=galera$node port=$(free_port) address=127.0.0.1:${group[$node]}
    options=(
        --binlog-format=ROW --innodb-autoinc-lock-mode=2 --wsrep-on=ON --wsrep-provider=/usr/lib/galera/libgalera_smm.so
        --wsrep-cluster-name="$(basename "$work")" --wsrep-node-name="$name" --wsrep-node-address="$address"
        --wsrep-cluster-address="gcomm://127.0.0.1:${group[0]},127.0.0.1:${group[1]},127.0.0.1:${group[2]}"
        --wsrep-provider-options="gmcast.listen_addr=tcp://$address;ist.recv_addr=127.0.0.1:$(free_port);gcache.size=64M"
        --wsrep-sst-method=rsync --wsrep-sst-receive-address="127.0.0.1:$(free_port)"
    )
    # The first node starts the cluster. The others get their data from it.
    [ "$node" != 0 ] || options+=(--wsrep-new-cluster)
    make_mariadb "$name"
    start_mariadb "$name" "$port" "${options[@]}"
    wait_for "node $node of the Galera cluster" "$work/$name.log" synced "$port"
    GALERA_URLS+="mysql://root@127.0.0.1:$port/mysql " GALERA_PIDS+="$(cat "$work/$name/pid") "
done
export GALERA_URLS GALERA_PIDS

say "starting a PostgreSQL primary, its replica, and pgbouncer"
start_postgres primary
export PRIMARY_URL="postgres://postgres@127.0.0.1:$port/postgres" PRIMARY_PID=${pids[-1]}
own postgres "$work/replica"
drop_to postgres
"${as[@]}" "$(pg_bin)/pg_basebackup" -D "$work/replica/data" -h 127.0.0.1 -p "$port" -U postgres -R -c fast --no-sync
start_postgres replica
export REPLICA_URL="postgres://postgres@127.0.0.1:$port/postgres"

start_postgres pooled
export POOLED_URL="postgres://postgres@127.0.0.1:$port/postgres"
own postgres "$work/pooler"
pooler_port=$(free_port)
cat >"$work/pooler/pgbouncer.ini" <<END
[databases]
* = host=127.0.0.1 port=$port user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $pooler_port
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
END
drop_to postgres
"${as[@]}" "$(command -v pgbouncer)" "$work/pooler/pgbouncer.ini" >"$work/pooler.log" 2>&1 &
pids+=($!)
wait_for pgbouncer "$work/pooler.log" "$(pg_bin)/pg_isready" -h 127.0.0.1 -p "$pooler_port" -U postgres
export POOLER_URL="postgres://postgres@127.0.0.1:$pooler_port/postgres"
