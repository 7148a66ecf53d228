//! The statements that Diesel prepares use the generated indexes in every mode.

use chrono::TimeDelta;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_soft_delete::migration::SoftDeleteMigration;
use diesel_soft_delete::prelude::*;

/// A table in one mode, and the statements whose plans are checked.
macro_rules! mode {
    ($module:ident, { $($column:ident -> $ty:ty),+ }, { $($key:ident = $value:ident),+ }) => {
        mod $module {
            use super::*;

            diesel::table! {
                posts {
                    id -> Integer,
                    author_id -> Nullable<Integer>,
                    slug -> Nullable<Text>,
                    title -> Text,
                    $($column -> $ty,)+
                }
            }
            diesel_soft_delete::soft_deletable! { posts { $($key = $value),+ } }

            pub fn migration() -> SoftDeleteMigration {
                let migration = SoftDeleteMigration::for_table::<posts::table>();
                migration.index_active("author_id").unique_among_active("slug").replacing_index("posts_plain_slug")
            }

            pub struct Statements;

            /// The statements as they are prepared, with the index that each must use.
            pub trait PlannedOn<DB> {
                fn on() -> [(String, &'static str); 4];
            }

            macro_rules! planned_on {
                ($DB:ty) => {
                    impl PlannedOn<$DB> for Statements {
                        fn on() -> [(String, &'static str); 4] {
                            let by_author = posts::table.filter(posts::author_id.eq(2)).active().select(posts::title);
                            let by_slug = posts::table.filter(posts::slug.eq("slug7")).active().select(posts::id);
                            let purge = posts::table.purge_older_than(TimeDelta::days(30));
                            let batch = posts::table.filter(posts::id.gt(300)).deleted().order(posts::id).select(posts::id);
                            let batch = batch.filter(posts::deleted_at.lt(chrono::NaiveDateTime::default()));
                            let sql = |text: String| text.split(" -- binds").next().unwrap().to_owned();
                            [
                                (sql(diesel::debug_query::<$DB, _>(&by_author).to_string()), "posts_active_idx_author_id"),
                                (sql(diesel::debug_query::<$DB, _>(&by_slug).to_string()), "posts_active_key_slug"),
                                (sql(diesel::debug_query::<$DB, _>(&purge).to_string()), "posts_purge_idx"),
                                (sql(diesel::debug_query::<$DB, _>(&batch.limit(1)).to_string()), "posts_purge_idx"),
                            ]
                        }
                    }
                };
            }
            planned_on!(diesel::sqlite::Sqlite);
            #[cfg(feature = "postgres")]
            planned_on!(diesel::pg::Pg);
            #[cfg(feature = "mysql")]
            planned_on!(diesel::mysql::Mysql);
        }
    };
}

mode!(flag, { is_deleted -> Bool, deleted_at -> Nullable<Timestamp> }, { flag = is_deleted, timestamp = deleted_at });
mode!(active_flag, { is_active -> Bool, deleted_at -> Nullable<Timestamp> }, { active_flag = is_active, timestamp = deleted_at });
mode!(by_timestamp, { deleted_at -> Nullable<Timestamp> }, { timestamp = deleted_at });
mode!(nullable, { is_deleted -> Nullable<Bool>, deleted_at -> Nullable<Timestamp> }, { flag = is_deleted, timestamp = deleted_at });

/// 20,000 rows of two authors, some of which are deleted.
fn fill(conn: &mut impl SimpleConnection, series: &str, slug: &str, mark: &str, which: &str) {
    conn.batch_execute(&format!(
        "INSERT INTO posts (id, author_id, slug) SELECT n, 1 + n % 2, {slug} FROM ({series}) AS numbers;
         UPDATE posts SET {mark} WHERE id % 100 {which} 0;"
    ))
    .unwrap();
}

const MARK_FLAG: &str = "is_deleted = TRUE, deleted_at = '2024-01-01 00:00:00'";
const MARK_ACTIVE: &str = "is_active = FALSE, deleted_at = '2024-01-01 00:00:00'";
const MARK_TIMESTAMP: &str = "deleted_at = '2024-01-01 00:00:00'";

/// One test for each mode, on the backend whose `explain` is in scope.
macro_rules! on_backend {
    ($blog:path, $DB:ty, $series:expr, $slug:literal) => {
        fn check(migration: SoftDeleteMigration, mark: &str, statements: [(String, &'static str); 4]) {
            use $blog as blog;
            // The index of active rows pays if most rows are deleted, since a foreign key may have its own index. That of a
            // purge pays if few are.
            for (which, statements) in [("<>", &statements[..2]), ("=", &statements[2..])] {
                let conn = &mut *blog::empty();
                blog::up(conn, &migration);
                fill(conn, &$series, $slug, mark, which);
                for (sql, index) in statements {
                    let plan = explain(conn, sql);
                    // Without partial indexes, any index that starts with the flag finds all deleted rows.
                    let whole_purge = sql.starts_with("DELETE") && plan.contains("posts_active_idx_author_id");
                    assert!(plan.contains(index) || whole_purge, "{sql}\n{plan}");
                }
            }
        }

        #[test]
        fn the_indexes_are_used_with_a_flag() {
            check(super::flag::migration(), MARK_FLAG, <super::flag::Statements as super::flag::PlannedOn<$DB>>::on());
        }

        #[test]
        fn the_indexes_are_used_with_an_active_flag() {
            check(
                super::active_flag::migration(),
                MARK_ACTIVE,
                <super::active_flag::Statements as super::active_flag::PlannedOn<$DB>>::on(),
            );
        }

        #[test]
        fn the_indexes_are_used_with_a_timestamp() {
            check(
                super::by_timestamp::migration(),
                MARK_TIMESTAMP,
                <super::by_timestamp::Statements as super::by_timestamp::PlannedOn<$DB>>::on(),
            );
        }

        #[test]
        fn the_indexes_are_used_with_a_flag_that_can_be_null() {
            check(
                super::nullable::migration(),
                MARK_FLAG,
                <super::nullable::Statements as super::nullable::PlannedOn<$DB>>::on(),
            );
        }
    };
}

mod sqlite {
    use super::*;

    #[derive(QueryableByName)]
    struct Plan {
        #[diesel(sql_type = diesel::sql_types::Text)]
        detail: String,
    }

    fn explain(conn: &mut SqliteConnection, sql: &str) -> String {
        let plan = diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}")).load::<Plan>(conn).unwrap();
        plan.into_iter().map(|row| row.detail).collect::<Vec<_>>().join("; ")
    }

    on_backend!(crate::sqlite::blog, diesel::sqlite::Sqlite, crate::support::sqlite::series(20_000), "'slug' || n");
}

#[cfg(feature = "postgres")]
mod postgres {
    use super::*;

    #[derive(QueryableByName)]
    struct Plan {
        #[diesel(sql_type = diesel::sql_types::Text, column_name = "QUERY PLAN")]
        line: String,
    }

    /// The generic plan, which does not depend on the bind parameters.
    fn explain(conn: &mut PgConnection, sql: &str) -> String {
        let binds = (1..).take_while(|n| sql.contains(&format!("${n}"))).map(|_| "NULL").collect::<Vec<_>>().join(", ");
        let binds = if binds.is_empty() { binds } else { format!("({binds})") };
        // The table is so small that a scan would be cheap.
        conn.batch_execute("ANALYZE posts; SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off")
            .unwrap();
        conn.batch_execute(&format!("PREPARE probe AS {sql}")).unwrap();
        let plan = diesel::sql_query(format!("EXPLAIN EXECUTE probe{binds}")).load::<Plan>(conn).unwrap();
        conn.batch_execute("DEALLOCATE probe").unwrap();
        plan.into_iter().map(|row| row.line).collect::<Vec<_>>().join("\n")
    }

    on_backend!(crate::postgres::blog, diesel::pg::Pg, crate::support::postgres::series(20_000), "'slug' || n");
}

#[cfg(feature = "mysql")]
mod mysql {
    use super::*;

    #[derive(QueryableByName)]
    struct Plan {
        #[diesel(sql_type = diesel::sql_types::Nullable<diesel::sql_types::Text>)]
        key: Option<String>,
    }

    fn explain(conn: &mut MysqlConnection, sql: &str) -> String {
        let values: &[&str] = match sql {
            _ if sql.contains("author_id") => &["2"],
            _ if sql.contains("slug") => &["'slug7'"],
            _ if sql.contains("DELETE") => &["'2024-06-01 00:00:00'"],
            _ => &["300", "'2024-06-01 00:00:00'", "1"],
        };
        let sql = values.iter().fold(sql.to_owned(), |sql, value| sql.replacen('?', value, 1));
        // The table is rebuilt, since InnoDB counts the old entries of the UPDATE until it purges them.
        conn.batch_execute("ALTER TABLE posts FORCE; ANALYZE TABLE posts").unwrap();
        let plan = if crate::support::mysql::is_mariadb(conn) {
            diesel::sql_query(format!("EXPLAIN {sql}"))
        } else {
            // On MySQL itself, a prepared EXPLAIN of a DELETE does not tell which columns it returns.
            conn.batch_execute(&format!("SET explain_json_format_version = 1; EXPLAIN FORMAT = JSON INTO @plan {sql}"))
                .unwrap();
            diesel::sql_query("SELECT CAST(JSON_EXTRACT(@plan, '$**.key') AS CHAR) AS `key`")
        };
        plan.load::<Plan>(conn).unwrap().into_iter().filter_map(|row| row.key).collect::<Vec<_>>().join("; ")
    }

    on_backend!(crate::mysql::blog, diesel::mysql::Mysql, crate::support::mysql::series(20_000), "CONCAT('slug', n)");
}
