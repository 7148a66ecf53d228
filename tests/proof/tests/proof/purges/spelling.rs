//! What the backends spell differently.

pub mod sqlite {
    /// The settings of every connection. SQLite enforces foreign keys only if they are switched on.
    pub const SESSION: &str = "PRAGMA foreign_keys = ON";
    /// The settings of another connection, which waits for the job.
    pub const PATIENT: &str = "PRAGMA busy_timeout = 10000";
    /// The pause between writes of another connection. Without it, four of them would not leave the file to the job.
    pub const REST: std::time::Duration = std::time::Duration::from_millis(15);
    /// An isolation level that is not the default.
    pub const ISOLATION: &str = "SELECT 1";
    /// Records each row that is removed.
    pub const NOTE_REMOVED: &[&str] = &["CREATE TRIGGER note AFTER DELETE ON posts BEGIN
            INSERT INTO removed (post_id, was_deleted) VALUES (OLD.id, OLD.is_deleted); END"];
    pub const NUMBERED: &str = "INTEGER PRIMARY KEY AUTOINCREMENT";

    /// Inserts this many deleted rows into `singles`.
    pub fn many_singles(rows: i32) -> String {
        format!(
            "INSERT INTO singles WITH RECURSIVE n (a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n WHERE a < {rows})
             SELECT a, 0, '2020-01-01 00:00:00' FROM n"
        )
    }

    /// A trigger that refuses to remove a row.
    pub fn precious(id: i32) -> Vec<String> {
        vec![format!(
            "CREATE TRIGGER precious BEFORE DELETE ON posts WHEN OLD.id = {id}
                BEGIN SELECT RAISE(ABORT, 'this row is precious'); END"
        )]
    }

    /// Triggers that silently keep rows.
    pub fn keep(ids: &[i32]) -> Vec<String> {
        ids.iter()
            .map(|id| {
                format!(
                    "CREATE TRIGGER keep_{id} BEFORE DELETE ON posts WHEN OLD.id = {id} BEGIN SELECT RAISE(IGNORE); END"
                )
            })
            .collect()
    }

    /// Counts attempts to remove a row, also those that were rolled back. On SQLite the journal tells.
    pub const COUNT_ATTEMPTS: &[&str] = &[];

    /// Whether a transaction was cut off. In this case its journal still exists.
    pub fn was_cut(_: &mut diesel::SqliteConnection, url: &str, _: i64) -> bool {
        std::fs::metadata(format!("{url}-journal")).is_ok_and(|journal| journal.len() > 0)
    }
}

#[cfg(feature = "postgres")]
pub mod postgres {
    use diesel::prelude::*;

    pub const SESSION: &str = "SELECT 1";
    pub const PATIENT: &str = "SET deadlock_timeout = '50ms'";
    pub const REST: std::time::Duration = std::time::Duration::ZERO;
    pub const ISOLATION: &str = "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ";
    pub const NOTE_REMOVED: &[&str] = &[
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO removed (post_id, was_deleted) VALUES (OLD.id, OLD.is_deleted); RETURN NULL; END $$",
        "CREATE TRIGGER note AFTER DELETE ON posts FOR EACH ROW EXECUTE FUNCTION note()",
    ];
    pub const NUMBERED: &str = "SERIAL PRIMARY KEY";

    pub fn precious(id: i32) -> Vec<String> {
        vec![
            String::from(
                "CREATE FUNCTION precious() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    RAISE EXCEPTION 'this row is precious'; END $$",
            ),
            format!(
                "CREATE TRIGGER precious BEFORE DELETE ON posts FOR EACH ROW WHEN (OLD.id = {id})
                    EXECUTE FUNCTION precious()"
            ),
        ]
    }

    pub fn keep(ids: &[i32]) -> Vec<String> {
        let list = ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        vec![
            format!(
                "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    IF OLD.id IN ({list}) THEN RETURN NULL; END IF; RETURN OLD; END $$"
            ),
            String::from("CREATE TRIGGER keep BEFORE DELETE ON posts FOR EACH ROW EXECUTE FUNCTION keep()"),
        ]
    }

    // A rollback does not reset a sequence.
    pub const COUNT_ATTEMPTS: &[&str] = &[
        "CREATE SEQUENCE attempts",
        "CREATE FUNCTION attempt() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            PERFORM nextval('attempts'); RETURN OLD; END $$",
        "CREATE TRIGGER attempt BEFORE DELETE ON posts FOR EACH ROW EXECUTE FUNCTION attempt()",
    ];

    pub fn was_cut(conn: &mut PgConnection, _: &str, archived: i64) -> bool {
        let attempts: super::super::Number =
            diesel::sql_query("SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS n FROM attempts")
                .get_result(conn)
                .unwrap();
        attempts.n > archived
    }

    pub fn many_singles(rows: i32) -> String {
        format!("INSERT INTO singles SELECT a, 0, '2020-01-01 00:00:00' FROM generate_series(1, {rows}) AS a")
    }

    /// Autovacuum must not read a table whose costs are counted.
    pub const NOT_VACUUMED: &str = "WITH (autovacuum_enabled = false)";

    /// How many blocks and rows `work` reads from a table. A session reports its counters when it ends.
    pub fn reads(
        own: &mut crate::support::Own<PgConnection>,
        table: &str,
        (inserted, removed): (i64, i64),
        fill: impl FnOnce(&mut PgConnection),
        work: impl FnOnce(&mut PgConnection),
    ) -> i64 {
        let url = own.url.clone();
        let conn = &mut own.conn;
        let read = |conn: &mut PgConnection| {
            let sum = format!(
                "SELECT CAST(heap_blks_hit + heap_blks_read + COALESCE(idx_blks_hit + idx_blks_read, 0) + seq_tup_read
                     + COALESCE(idx_tup_fetch, 0) AS BIGINT) AS n
                 FROM pg_statio_user_tables JOIN pg_stat_user_tables USING (relid) WHERE relid = '{table}'::regclass"
            );
            diesel::sql_query(sum).get_result::<super::super::Number>(conn).unwrap().n
        };
        let until = |conn: &mut PgConnection, column: &str, rows: i64| {
            let told = format!("SELECT {column} AS n FROM pg_stat_user_tables WHERE relid = '{table}'::regclass");
            for _ in 0..500 {
                if diesel::sql_query(&told).get_result::<super::super::Number>(conn).unwrap().n == rows {
                    return;
                }
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            panic!("{column} never became {rows}");
        };
        let mut filler = PgConnection::establish(&url).unwrap();
        fill(&mut filler);
        drop(filler);
        until(conn, "n_tup_ins", inserted);
        // Autovacuum would have done this by now.
        diesel::sql_query(format!("ANALYZE {table}")).execute(conn).unwrap();
        let before = read(conn);
        let mut worker = PgConnection::establish(&url).unwrap();
        work(&mut worker);
        drop(worker);
        until(conn, "n_tup_del", removed);
        read(conn) - before
    }

    /// The number of this session.
    pub const ME: &str = "SELECT CAST(pg_backend_pid() AS BIGINT) AS n";

    pub fn end_of(session: i64) -> String {
        format!("SELECT pg_terminate_backend({session})")
    }

    pub fn waits(session: i64) -> String {
        format!("SELECT COUNT(*) AS n FROM pg_locks WHERE NOT granted AND pid = {session}")
    }

    /// The session that finds a deadlock is its victim. The job looks first.
    pub const VICTIM: &str = "SET deadlock_timeout = '500ms'";
    pub const WINNER: &str = "SET deadlock_timeout = '20s'";
    /// The shortest lock timeout, in milliseconds.
    pub const LOCK_TIMEOUT: u64 = 100;
    pub const LOCKED_BATCH: u64 = 500;
    pub const NAMES_CONSTRAINTS: bool = true;
    /// Locks the table for all others.
    pub const CLOSE: &[&str] = &["BEGIN", "LOCK TABLE posts IN ACCESS EXCLUSIVE MODE"];
    /// Locks the table for writers.
    pub const CLOSE_TO_WRITERS: &[&str] = &["BEGIN", "LOCK TABLE posts IN SHARE MODE"];
    pub const OPEN: &str = "COMMIT";
    /// The session's own limit for any lock.
    pub const IMPATIENT: &str = "SET lock_timeout = '30ms'";

    /// A connection of a user who may read and not remove, and the SQL that drops the user.
    pub fn reader(conn: &mut PgConnection, url: &str) -> (PgConnection, String) {
        use diesel::connection::SimpleConnection;
        let schema = url.rsplit_once("%3D").expect("the URL names the schema").1;
        let role = format!("{schema}_reader");
        conn.batch_execute(&format!(
            "CREATE ROLE {role}; GRANT USAGE ON SCHEMA {schema} TO {role};
             GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role};"
        ))
        .unwrap();
        let mut reader = PgConnection::establish(url).unwrap();
        reader.batch_execute(&format!("SET ROLE {role}")).unwrap();
        (reader, format!("DROP OWNED BY {role}; DROP ROLE {role}"))
    }
}

#[cfg(feature = "mysql")]
pub mod mysql {
    use diesel::prelude::*;

    pub const SESSION: &str = "SELECT 1";
    pub const PATIENT: &str = "SELECT 1";
    pub const REST: std::time::Duration = std::time::Duration::ZERO;
    pub const ISOLATION: &str = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";
    pub const NOTE_REMOVED: &[&str] = &["CREATE TRIGGER note AFTER DELETE ON posts FOR EACH ROW
            INSERT INTO removed (post_id, was_deleted) VALUES (OLD.id, OLD.is_deleted)"];
    pub const NUMBERED: &str = "INTEGER PRIMARY KEY AUTO_INCREMENT";

    pub fn precious(id: i32) -> Vec<String> {
        vec![format!(
            "CREATE TRIGGER precious BEFORE DELETE ON posts FOR EACH ROW
                IF OLD.id = {id} THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'this row is precious'; END IF"
        )]
    }

    // MyISAM does not roll back.
    pub const COUNT_ATTEMPTS: &[&str] = &[
        "CREATE TABLE attempts (post_id INTEGER) ENGINE = MyISAM",
        "CREATE TRIGGER attempt BEFORE DELETE ON posts FOR EACH ROW INSERT INTO attempts VALUES (OLD.id)",
    ];

    pub fn was_cut(conn: &mut MysqlConnection, _: &str, archived: i64) -> bool {
        let attempts: super::super::Number =
            diesel::sql_query("SELECT COUNT(*) AS n FROM attempts").get_result(conn).unwrap();
        attempts.n > archived
    }

    pub const NOT_VACUUMED: &str = "";

    pub fn many_singles(rows: i32) -> String {
        // Recursion has a limit, which the two databases spell differently.
        let digits = 0..=rows.ilog10();
        let digit = (0..10).map(|digit| format!("SELECT {digit} AS d")).collect::<Vec<_>>().join(" UNION ALL ");
        let from = digits.clone().map(|place| format!("({digit}) AS d{place}")).collect::<Vec<_>>().join(", ");
        let number = digits.map(|place| format!("d{place}.d * {}", 10_i32.pow(place))).collect::<Vec<_>>().join(" + ");
        format!(
            "INSERT INTO singles SELECT n.a, 0, '2020-01-01 00:00:00' FROM (SELECT {number} AS a FROM {from}) AS n WHERE n.a < {rows}"
        )
    }

    /// How many rows `work` reads.
    pub fn reads(
        own: &mut crate::support::Own<MysqlConnection>,
        _: &str,
        _: (i64, i64),
        fill: impl FnOnce(&mut MysqlConnection),
        work: impl FnOnce(&mut MysqlConnection),
    ) -> i64 {
        #[derive(QueryableByName)]
        struct Counter {
            #[diesel(sql_type = diesel::sql_types::Text, column_name = Value)]
            value: String,
        }
        let read = |conn: &mut MysqlConnection| -> i64 {
            let counters = diesel::sql_query("SHOW SESSION STATUS LIKE 'Handler_read%'").load::<Counter>(conn).unwrap();
            counters.iter().map(|counter| counter.value.parse::<i64>().unwrap()).sum()
        };
        let conn = &mut own.conn;
        fill(conn);
        let before = read(conn);
        work(conn);
        read(conn) - before
    }

    pub const ME: &str = "SELECT CAST(CONNECTION_ID() AS SIGNED) AS n";

    pub fn end_of(session: i64) -> String {
        format!("KILL {session}")
    }

    pub fn waits(session: i64) -> String {
        format!(
            "SELECT COUNT(*) AS n FROM information_schema.innodb_trx
             WHERE trx_state = 'LOCK WAIT' AND trx_mysql_thread_id = {session}"
        )
    }

    // The victim is the transaction that has changed fewer rows.
    pub const VICTIM: &str = "SELECT 1";
    pub const WINNER: &str = "SELECT 1";
    // MySQL counts whole seconds, so each halving of a batch takes long.
    pub const LOCK_TIMEOUT: u64 = 1000;
    pub const LOCKED_BATCH: u64 = 8;
    pub const NAMES_CONSTRAINTS: bool = false;
    pub const CLOSE: &[&str] = &["LOCK TABLES posts WRITE"];
    pub const CLOSE_TO_WRITERS: &[&str] = &["LOCK TABLES posts READ"];
    pub const OPEN: &str = "UNLOCK TABLES";
    pub const IMPATIENT: &str = "SELECT 1";

    pub fn reader(conn: &mut MysqlConnection, url: &str) -> (MysqlConnection, String) {
        use diesel::connection::SimpleConnection;
        let (server, database) = url.rsplit_once('/').expect("the URL names the database");
        let user = format!("r_{}", database.trim_start_matches("dsd_proof_"));
        // An anonymous user at localhost would come before a user from any host.
        for user in [user.clone(), format!("{user}@localhost")] {
            conn.batch_execute(&format!("CREATE USER {user}; GRANT SELECT ON {database}.* TO {user};")).unwrap();
        }
        let host = server.rsplit_once('@').map_or(server.trim_start_matches("mysql://"), |(_, host)| host);
        let reader = MysqlConnection::establish(&format!("mysql://{user}@{host}/{database}")).unwrap();
        (reader, format!("DROP USER {user}, {user}@localhost"))
    }
}
