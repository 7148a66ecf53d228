# shellcheck shell=bash
# Installs missing Debian packages, and starts private servers in a temporary directory on free ports of 127.0.0.1. It
# always stops them at the end. If PG_DATABASE_URL or MYSQL_DATABASE_URL is set, that server is used instead.
#
# tests/run and benches/run source this file from the root of the workspace. Afterwards both variables are set, and
# `$work` is a directory that is removed at the end.

# Debian installs servers in directories that are not in an ordinary user's PATH.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

say() { printf '\n== %s\n' "$*"; }
sudo=; [ "$(id -u)" = 0 ] || sudo=sudo
install_packages() {
    say "installing Debian packages: $*"
    $sudo apt-get update -qq
    # With this run level, most systems do not start the servers of the packages.
    $sudo env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

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
[ ${#packages[@]} = 0 ] || install_packages "${packages[@]}"

# --- private servers -----------------------------------------------------------------------------

work=$(mktemp -d "${TMPDIR:-/tmp}/diesel_soft_delete.XXXXXX")
chmod 755 "$work"
# The servers that are stopped, and the files that are removed, at the end.
pids=() leftovers=()
# Root started the servers in a chroot.
signal() { kill -s "$1" "$2" 2>/dev/null || [ ! -d "/proc/$2" ] || ${sudo:-:} kill -s "$1" "$2" 2>/dev/null || :; }
stop_servers() {
    local status=$? pid
    trap - EXIT INT TERM
    # INT is PostgreSQL's fast shutdown. MySQL and MariaDB stop on TERM.
    for pid in "${pids[@]}"; do signal INT "$pid"; signal TERM "$pid"; done
    for pid in "${pids[@]}"; do
        for _ in $(seq 100); do [ -d "/proc/$pid" ] || break; sleep 0.1; done
        [ ! -d "/proc/$pid" ] || signal KILL "$pid"
    done
    rm -rf "$work"
    [ ${#leftovers[@]} = 0 ] || $sudo rm -rf --one-file-system "${leftovers[@]}"
    exit "$status"
}
trap stop_servers EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# A server that root starts changes to its own user. This is an array and not a function, so that `$!` is the server.
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
        # The port is below those that Linux gives to clients, since a client could take it before the server.
        port=$((10000 + RANDOM % 22000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
    done
    echo "no free port" >&2; return 1
}
wait_for() {
    local what=$1 log=$2; shift 2
    for _ in $(seq 300); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
    echo "$what does not answer; its log:" >&2; tail -n 30 "$log" >&2; return 1
}

# Starts a server on `$work/<name>/data`, which is created if it is missing, and sets `$port`.
start_postgres() {
    local name=$1 bin
    bin=$(pg_bin) port=$(free_port)
    own postgres "$work/$name"
    drop_to postgres
    [ -d "$work/$name/data" ] ||
        "${as[@]}" "$bin/initdb" -D "$work/$name/data" -U postgres -A trust -E UTF8 --no-sync >"$work/$name.init.log"
    "${as[@]}" "$bin/postgres" -D "$work/$name/data" -p "$port" -k "$work/$name" \
        -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200 >"$work/$name.log" 2>&1 &
    pids+=($!)
    wait_for PostgreSQL "$work/$name.log" "$bin/pg_isready" -h 127.0.0.1 -p "$port" -U postgres
}

# Creates the files of a MariaDB server in `$work/<name>` for `start_mariadb <name> <port> [option ..]`.
make_mariadb() {
    own mysql "$work/$1"
    # If root runs the installer, it gives the files to the server's user.
    local user_option=(); [ "$(id -u)" != 0 ] || user_option=(--user=mysql)
    mariadb-install-db --no-defaults "${user_option[@]}" --datadir="$work/$1/data" \
        --auth-root-authentication-method=normal --skip-test-db >"$work/$1.init.log" 2>&1
}
start_mariadb() {
    local name=$1 port=$2; shift 2
    drop_to mysql
    "${as[@]}" "$(command -v mariadbd)" --no-defaults --datadir="$work/$name/data" --port="$port" \
        --socket="$work/$name/socket" --pid-file="$work/$name/pid" --bind-address=127.0.0.1 \
        --innodb-flush-log-at-trx-commit=0 --skip-name-resolve "$@" >"$work/$name.log" 2>&1 &
    pids+=($!)
    wait_for MariaDB "$work/$name.log" mariadb-admin --no-defaults --connect-timeout=5 -h 127.0.0.1 -P "$port" -u root ping
}

if [ -z "${PG_DATABASE_URL:-}" ]; then
    say "starting a private PostgreSQL"
    start_postgres pg
    export PG_DATABASE_URL="postgres://postgres@127.0.0.1:$port/postgres"
    "$(pg_bin)/postgres" --version
fi

if [ -z "${MYSQL_DATABASE_URL:-}" ]; then
    say "starting a private MariaDB"
    port=$(free_port)
    make_mariadb mysql
    start_mariadb mysql "$port"
    # Over TCP, root is another user.
    export MYSQL_DATABASE_URL="mysql://root@127.0.0.1:$port/mysql"
    mariadbd --version
fi
