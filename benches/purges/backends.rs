//! The tables on each backend, and the comparisons that it makes.

pub mod postgres {
    use diesel::connection::SimpleConnection;
    use diesel::prelude::*;
    use diesel::sql_types::Timestamp as Instant_;
    use soft_delete_benches::postgres::{another, empty};

    pub type Conn = PgConnection;
    const NAME: &str = "PostgreSQL";

    const INSTANT: &str = "TIMESTAMP";

    include!("ways.rs");

    fn fresh(conn: &mut Conn) {
        conn.batch_execute(
            "DROP TABLE IF EXISTS posts; DROP TABLE IF EXISTS posts_archive;
             CREATE TABLE posts (LIKE template INCLUDING ALL); INSERT INTO posts SELECT * FROM template;
             ALTER TABLE posts ADD PRIMARY KEY (id);
             CREATE INDEX ON posts (id, deleted_at) WHERE (is_deleted = TRUE);
             CREATE TABLE posts_archive (LIKE posts);",
        )
        .expect("a fresh table");
        conn.batch_execute("VACUUM ANALYZE posts").expect("statistics");
        conn.batch_execute("CHECKPOINT").expect("a checkpoint");
    }

    fn another_here(conn: &mut Conn) -> Conn {
        let path = diesel::select(diesel::dsl::sql::<diesel::sql_types::Text>("current_setting('search_path')"))
            .get_result::<String>(conn)
            .expect("a schema");
        let mut other = another();
        other.batch_execute(&format!("SET search_path TO {path}")).expect("the schema is there");
        other
    }

    pub fn measure(rows: &mut crate::Rows) {
        let mut database = empty();
        let conn = &mut database.conn;
        conn.batch_execute(&format!(
            "CREATE UNLOGGED TABLE template (id INTEGER, author_id INTEGER NOT NULL, title VARCHAR(100) NOT NULL, \
                 is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at TIMESTAMP);
             INSERT INTO template SELECT n, n % 100, repeat('x', 60), deleted, \
                 CASE WHEN deleted THEN TIMESTAMP '2024-01-01' + (n::bigint * 7919 % 10000000) * INTERVAL '1 second' END \
                 FROM (SELECT n, (n::bigint * 2654435761 / 65536) % 2 = 0 AS deleted FROM generate_series(1, {}) AS n) AS numbers;",
            crate::ROWS
        ))
        .expect("the template");
        compare_threads(rows, conn);
        compare(rows, (NAME, "batches of 5000 to one DELETE", 3.5), conn, fresh, |conn| job(conn, 5000), one_delete);
        compare(
            rows,
            (NAME, "batches of 5000 to DELETE .. IN (SELECT .. LIMIT 5000)", 0.25),
            conn,
            fresh,
            |conn| job(conn, 5000),
            in_select,
        );
        compare(
            rows,
            (NAME, "our loop to the same statements by hand, 1000 rows", 1.05),
            conn,
            fresh,
            |conn| job_without_pause(conn, 1000),
            by_hand,
        );
        compare(
            rows,
            (NAME, "archive to INSERT .. SELECT and DELETE by hand, 5000 rows", 1.2),
            conn,
            fresh,
            |conn| archive(conn, 5000),
            archive_by_hand,
        );
        beside_writer(rows, conn, 0.05);
        old_snapshot(rows, conn);
    }

    /// Compares the last tenth of the batches with the first, while a transaction holds an old snapshot.
    ///
    /// The same comparison without a snapshot shows what comes from the machine.
    fn old_snapshot(rows: &mut crate::Rows, conn: &mut Conn) {
        let held = "with an old snapshot open, last tenth of the batches to the first";
        let free = "control: the same without an old snapshot";
        if !crate::is_wanted(NAME, held) {
            return;
        }
        let mut both = [held, free].map(|what| crate::Row::new(NAME, what, 1.3));
        for _ in 0..crate::ROUNDS {
            for (row, is_held) in both.iter_mut().zip([true, false]) {
                fresh(conn);
                let mut reader = another_here(conn);
                if is_held {
                    reader
                        .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT COUNT(*) FROM posts")
                        .expect("a snapshot");
                }
                row.push(last_and_first_tenth(conn));
            }
        }
        both.into_iter().for_each(|row| rows.push(row));
    }

    fn last_and_first_tenth(conn: &mut Conn) -> [std::time::Duration; 2] {
        let mut took = Vec::new();
        let before = &mut std::time::Instant::now();
        eligible!()
            .in_batches()
            .batch_size(1000)
            .on_progress(|_| {
                took.push(before.elapsed());
                *before = std::time::Instant::now();
            })
            .run(conn)
            .expect("it purges");
        // The first batch is left out, since it includes the look at the catalog. The median of a tenth ignores a
        // checkpoint.
        let tenth = took.len() / 10;
        [took.split_off(took.len() - tenth), took.drain(1..=tenth).collect()].map(|mut part| {
            part.sort();
            part[part.len() / 2]
        })
    }

    /// Deletes by a loop that finds ids with LIMIT each time, as the loop of a framework does.
    fn in_select(conn: &mut Conn) {
        let delete = diesel::sql_query(
            "DELETE FROM posts WHERE id IN (SELECT id FROM posts WHERE is_deleted = TRUE AND deleted_at < $1 LIMIT 5000)",
        );
        while delete.clone().bind::<diesel::sql_types::Timestamp, _>(cutoff()).execute(conn).expect("it deletes") > 0 {}
    }
}

pub mod mysql {
    use diesel::connection::SimpleConnection;
    use diesel::prelude::*;
    use diesel::sql_types::Datetime as Instant_;
    use soft_delete_benches::mysql::{empty, settle};

    pub type Conn = MysqlConnection;
    const NAME: &str = "MariaDB";

    const INSTANT: &str = "DATETIME(6)";

    include!("ways.rs");

    fn fresh(conn: &mut Conn) {
        conn.batch_execute(
            "DROP TABLE IF EXISTS posts; DROP TABLE IF EXISTS posts_archive;
             CREATE TABLE posts LIKE template; INSERT INTO posts SELECT * FROM template;
             CREATE TABLE posts_archive LIKE template; ANALYZE TABLE posts;",
        )
        .expect("a fresh table");
        settle(conn);
    }

    fn another_here(conn: &mut Conn) -> Conn {
        let name = diesel::select(diesel::dsl::sql::<diesel::sql_types::Text>("DATABASE()"))
            .get_result::<String>(conn)
            .expect("a database");
        let mut other = MysqlConnection::establish(&url()).expect("the server answers");
        other.batch_execute(&format!("USE {name}")).expect("the database is there");
        other
    }

    fn url() -> String {
        std::env::var("MYSQL_DATABASE_URL").expect("`benches/run` starts a server")
    }

    pub fn measure(rows: &mut crate::Rows) {
        let mut database = empty();
        let conn = &mut database.conn;
        conn.batch_execute(&format!(
            "CREATE TABLE template (id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL, title VARCHAR(100) NOT NULL, \
                 is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at DATETIME(6));
             INSERT INTO template SELECT n, n % 100, REPEAT('x', 60), deleted, \
                 IF(deleted, TIMESTAMP'2024-01-01 00:00:00' + INTERVAL (n * 7919 % 10000000) SECOND, NULL) \
                 FROM (SELECT n, (n * 2654435761 DIV 65536) % 2 = 0 AS deleted \
                     FROM JSON_TABLE(CONCAT('[0', REPEAT(',0', {} - 1), ']'), '$[*]' COLUMNS (n FOR ORDINALITY)) AS s) AS numbers;",
            crate::ROWS
        ))
        .expect("the template");
        compare_threads(rows, conn);
        compare(rows, (NAME, "batches of 5000 to one DELETE", 2.5), conn, fresh, |conn| job(conn, 5000), one_delete);
        compare(
            rows,
            (NAME, "our loop to the same statements by hand, 1000 rows", 1.05),
            conn,
            fresh,
            |conn| job_without_pause(conn, 1000),
            by_hand,
        );
        compare(
            rows,
            (NAME, "archive to INSERT .. SELECT and DELETE by hand, 5000 rows", 1.2),
            conn,
            fresh,
            |conn| archive(conn, 5000),
            archive_by_hand,
        );
        compare(
            rows,
            (NAME, "batches of 1000 to pt-archiver --bulk-delete --limit 1000", 0.5),
            conn,
            fresh,
            |conn| job(conn, 1000),
            pt_archiver,
        );
        beside_writer(rows, conn, 0.05);
    }

    fn pt_archiver(conn: &mut Conn) {
        let name = diesel::select(diesel::dsl::sql::<diesel::sql_types::Text>("DATABASE()"))
            .get_result::<String>(conn)
            .expect("a database");
        let url = url();
        let server = url.split('@').nth(1).and_then(|rest| rest.split('/').next()).expect("a server");
        let (host, port) = server.split_once(':').unwrap_or((server, "3306"));
        let done = std::process::Command::new("pt-archiver")
            .args(["--source", &format!("h={host},P={port},u=root,D={name},t=posts")])
            .args([
                "--purge",
                "--bulk-delete",
                "--limit",
                "1000",
                "--commit-each",
                "--no-check-charset",
                "--no-version-check",
            ])
            .args(["--where", "is_deleted = TRUE AND deleted_at < '2025-01-01'"])
            .status()
            .expect("pt-archiver runs: `benches/run` installs it");
        assert!(done.success());
        let left = posts::table.deleted().count().get_result::<i64>(conn).expect("a count");
        assert!(left <= 1, "{left} rows are left");
    }
}

pub mod sqlite {
    use diesel::connection::SimpleConnection;
    use diesel::prelude::*;
    use diesel::sql_types::Timestamp as Instant_;

    pub type Conn = SqliteConnection;
    const NAME: &str = "SQLite";

    const INSTANT: &str = "TIMESTAMP";

    include!("ways.rs");

    /// Returns the path of a database file, since a second connection needs one. Like the servers, it does not wait for
    /// the disk.
    fn path() -> std::path::PathBuf {
        std::env::temp_dir().join(format!("dsd_bench_{}.db", std::process::id()))
    }

    fn open() -> Conn {
        let mut conn = SqliteConnection::establish(path().to_str().expect("a path of text")).expect("a file");
        conn.batch_execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA busy_timeout = 60000")
            .expect("pragmas");
        conn
    }

    fn another_here(_: &mut Conn) -> Conn {
        open()
    }

    fn fresh(conn: &mut Conn) {
        conn.batch_execute(
            "DROP TABLE IF EXISTS posts; DROP TABLE IF EXISTS posts_archive;
             CREATE TABLE posts (id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL, title VARCHAR(100) NOT NULL, \
                 is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at TIMESTAMP);
             INSERT INTO posts SELECT * FROM template;
             CREATE INDEX posts_purge ON posts (id, deleted_at) WHERE (is_deleted = TRUE);
             CREATE TABLE posts_archive AS SELECT * FROM posts WHERE FALSE; ANALYZE; PRAGMA wal_checkpoint(TRUNCATE);",
        )
        .expect("a fresh table");
    }

    pub fn measure(rows: &mut crate::Rows) {
        let conn = &mut open();
        conn.batch_execute(&format!(
            "CREATE TABLE template AS WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {})
             SELECT n AS id, n % 100 AS author_id, printf('%.60c', 'x') AS title, (n * 2654435761 / 65536) % 2 = 0 AS is_deleted,
                 CASE WHEN (n * 2654435761 / 65536) % 2 = 0 THEN strftime('%Y-%m-%d %H:%M:%S', 1704067200 + n * 7919 % 10000000, 'unixepoch') END AS deleted_at
             FROM n;",
            crate::ROWS
        ))
        .expect("the template");
        compare_threads(rows, conn);
        compare(rows, (NAME, "batches of 5000 to one DELETE", 3.0), conn, fresh, |conn| job(conn, 5000), one_delete);
        compare(
            rows,
            (NAME, "our loop to the same statements by hand, 1000 rows", 1.05),
            conn,
            fresh,
            |conn| job_without_pause(conn, 1000),
            by_hand,
        );
        compare(
            rows,
            (NAME, "archive to INSERT .. SELECT and DELETE by hand, 5000 rows", 1.2),
            conn,
            fresh,
            |conn| archive(conn, 5000),
            archive_by_hand,
        );
        beside_writer(rows, conn, 0.05);
        for ending in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{ending}", path().display()));
        }
    }
}

use crate::compare;
