# shellcheck shell=bash
# Starts MySQL 9.7 and PostgreSQL 18 of Debian's unstable suite on free ports of 127.0.0.1, and sets
# `$newer_mysql` and `$newer_postgres` to their URLs.
#
# Their programs are unpacked once, into a folder outside of the repository. Remove that folder to get the newest
# versions in the next run. They run in a chroot there, with nothing mounted, which needs root or sudo. Source this
# file after tests/servers.sh, which stops them and removes their data.
# shellcheck disable=SC2154,SC2034 # Names of tests/servers.sh, and names for tests/run.

cache=${DIESEL_SOFT_DELETE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/diesel_soft_delete}
unstable=$cache/unstable

if [ ! -d "$unstable" ]; then
    command -v debootstrap >/dev/null || install_packages debootstrap
    # shellcheck disable=SC2016 # apt replaces these.
    mirror=$(apt-get indextargets --format '$(SITE) $(LABEL)' 'Created-By: Packages' 'Origin: Debian' 2>/dev/null |
        awk '$2 == "Debian" { print $1; exit }')
    [ -n "$mirror" ] || { echo "no Debian mirror is configured for apt: run apt-get update" >&2; exit 1; }
    say "unpacking MySQL and PostgreSQL 18 of Debian's unstable suite into $unstable, from $mirror"
    mkdir -p "$cache"
    # This run unpacks into its own folder and renames it when it is complete.
    half_made=$(mktemp -d "$cache/unstable.XXXXXX")
    leftovers+=("$half_made")
    $sudo debootstrap --variant=minbase --include=mysql-server-core,postgresql-18 unstable "$half_made" "$mirror" \
        >"$work/debootstrap.log" || { tail -n 30 "$work/debootstrap.log" >&2; exit 1; }
    $sudo rm -rf "$half_made/var/cache/apt/archives"
    $sudo chmod 755 "$half_made"
    # Another run may have created it meanwhile.
    mv -T "$half_made" "$unstable" || [ -d "$unstable" ]
fi

# Both run as the user that PostgreSQL's package creates. Only names of the chroot are known there.
inside() { $sudo chroot --userspec=postgres:postgres "$unstable" "$@"; }
data=/srv/$(basename "$work")
leftovers+=("$unstable$data")
$sudo chroot "$unstable" install -d -o postgres -m 755 "$data"
answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

say "starting PostgreSQL 18 and MySQL 9.7"
bin=/usr/lib/postgresql/18/bin port=$(free_port)
inside "$bin/initdb" -D "$data/pg" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$work/newer_pg.init.log" 2>&1
$sudo chroot --userspec=postgres:postgres "$unstable" "$bin/postgres" -D "$data/pg" -p "$port" -k "$data" \
    -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200 >"$work/newer_pg.log" 2>&1 &
pids+=($!)
wait_for "PostgreSQL 18" "$work/newer_pg.log" inside "$bin/pg_isready" -h 127.0.0.1 -p "$port" -U postgres
newer_postgres="postgres://postgres@127.0.0.1:$port/postgres"
inside "$bin/postgres" --version

port=$(free_port)
inside mysqld --no-defaults --initialize-insecure --datadir="$data/mysql" >"$work/newer_mysql.init.log" 2>&1
# Over TCP, root is another user, which is created before the server listens.
inside sh -c "echo \"CREATE USER root@'127.0.0.1'; GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;\" >$data/init.sql"
$sudo chroot --userspec=postgres:postgres "$unstable" mysqld --no-defaults --datadir="$data/mysql" --port="$port" \
    --socket="$data/socket" --pid-file="$data/pid" --init-file="$data/init.sql" --bind-address=127.0.0.1 --mysqlx=OFF \
    --secure-file-priv=NULL --skip-log-bin --innodb-flush-log-at-trx-commit=0 --skip-name-resolve >"$work/newer_mysql.log" 2>&1 &
pids+=($!)
wait_for "MySQL 9.7" "$work/newer_mysql.log" answers "$port"
newer_mysql="mysql://root@127.0.0.1:$port/mysql"
inside mysqld --version
