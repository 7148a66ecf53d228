# shellcheck shell=bash
# Installs what is missing (Debian packages), starts private servers in a temporary directory on
# free ports of 127.0.0.1, and stops them whatever happens. With PG_DATABASE_URL or
# MYSQL_DATABASE_URL set, that server is used instead.
#
# Sourced by tests/run and benches/run, from the root of the workspace. Afterwards both variables are
# set and `$work` is a directory that is removed at the end.

# Debian keeps servers where an ordinary user's PATH does not reach.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

say() { printf '\n== %s\n' "$*"; }

# --- what must be installed ----------------------------------------------------------------------

pg_bin() {
    local dir
    for dir in /usr/lib/postgresql/*/bin; do [ -x "$dir/initdb" ] && { echo "$dir"; return; }; done
    dirname "$(command -v initdb 2>/dev/null || echo /nowhere/initdb)"
}
has_library() { pkg-config --exists "$1" 2>/dev/null; }

packages=()
command -v cc >/dev/null || packages+=(gcc libc6-dev)
command -v pkg-config >/dev/null || packages+=(pkg-config)
has_library libpq || packages+=(libpq-dev)
has_library libmariadb || has_library mysqlclient || packages+=(libmariadb-dev)
[ -n "${PG_DATABASE_URL:-}" ] || [ -x "$(pg_bin)/initdb" ] || packages+=(postgresql)
[ -n "${MYSQL_DATABASE_URL:-}" ] || command -v mariadbd >/dev/null || packages+=(mariadb-server)
if [ ${#packages[@]} -gt 0 ]; then
    say "installing Debian packages: ${packages[*]}"
    sudo=; [ "$(id -u)" = 0 ] || sudo=sudo
    $sudo apt-get update -qq
    # Private servers are started below; with this run level most systems start none of the package's.
    $sudo env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
fi

# --- private servers -----------------------------------------------------------------------------

work=$(mktemp -d "${TMPDIR:-/tmp}/diesel_soft_delete.XXXXXX")
chmod 755 "$work"
pids=()
stop_servers() {
    local status=$? pid
    trap - EXIT INT TERM
    # INT is PostgreSQL's fast shutdown; MariaDB stops on TERM.
    for pid in "${pids[@]}"; do kill -INT "$pid" 2>/dev/null || :; kill -TERM "$pid" 2>/dev/null || :; done
    for pid in "${pids[@]}"; do
        for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
        kill -KILL "$pid" 2>/dev/null || :
    done
    rm -rf "$work"
    exit "$status"
}
trap stop_servers EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# As root a server drops to its own user. An array and not a function, so that `$!` is the server's.
drop_to() {
    as=()
    if [ "$(id -u)" = 0 ]; then as=(setpriv "--reuid=$1" "--regid=$1" --clear-groups --); fi
}
own() {
    mkdir -p "$2"
    if [ "$(id -u)" = 0 ]; then chown "$1" "$2"; fi
}
free_port() {
    local port
    for _ in $(seq 100); do
        port=$((20000 + RANDOM % 20000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
    done
    echo "no free port" >&2; return 1
}
wait_for() {
    local what=$1 log=$2; shift 2
    for _ in $(seq 300); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
    echo "$what does not answer; its log:" >&2; tail -n 30 "$log" >&2; return 1
}

if [ -z "${PG_DATABASE_URL:-}" ]; then
    say "starting a private PostgreSQL"
    bin=$(pg_bin) port=$(free_port)
    own postgres "$work/pg"
    drop_to postgres
    "${as[@]}" "$bin/initdb" -D "$work/pg/data" -U postgres -A trust -E UTF8 --no-sync >"$work/pg.init.log"
    "${as[@]}" "$bin/postgres" -D "$work/pg/data" -p "$port" -k "$work/pg" \
        -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200 >"$work/pg.log" 2>&1 &
    pids+=($!)
    wait_for PostgreSQL "$work/pg.log" "$bin/pg_isready" -h 127.0.0.1 -p "$port" -U postgres
    export PG_DATABASE_URL="postgres://postgres@127.0.0.1:$port/postgres"
    "$bin/postgres" --version
fi

if [ -z "${MYSQL_DATABASE_URL:-}" ]; then
    say "starting a private MariaDB"
    port=$(free_port)
    own mysql "$work/mysql"
    # By root, the installer makes the files the server's own itself.
    user_option=(); [ "$(id -u)" != 0 ] || user_option=(--user=mysql)
    mariadb-install-db --no-defaults "${user_option[@]}" --datadir="$work/mysql/data" \
        --auth-root-authentication-method=normal --skip-test-db >"$work/mysql.init.log" 2>&1
    drop_to mysql
    "${as[@]}" "$(command -v mariadbd)" --no-defaults --datadir="$work/mysql/data" --port="$port" \
        --socket="$work/mysql/socket" --pid-file="$work/mysql/pid" --bind-address=127.0.0.1 \
        --innodb-flush-log-at-trx-commit=0 --skip-name-resolve >"$work/mysql.log" 2>&1 &
    pids+=($!)
    wait_for MariaDB "$work/mysql.log" mariadb-admin --no-defaults -h 127.0.0.1 -P "$port" -u root ping
    # Over TCP, root is a user of its own.
    export MYSQL_DATABASE_URL="mysql://root@127.0.0.1:$port/mysql"
    mariadbd --version
fi
