//! The schema as text, for comparisons. It shows tables with their columns, constraints and indexes, and views, triggers,
//! functions and procedures.

use diesel::prelude::*;
use diesel::sql_types::Text;

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

pub mod sqlite {
    use super::*;

    pub fn dump(conn: &mut SqliteConnection) -> String {
        let lines = diesel::sql_query(
            "SELECT type || ' ' || name || ': ' || COALESCE(sql, '') AS line FROM sqlite_schema
             WHERE tbl_name NOT LIKE '%diesel_schema_migrations' ORDER BY type, name",
        )
        .load::<Line>(conn)
        .unwrap();
        // A name means the same with and without quotes.
        let plain = |row: Line| row.line.replace(['`', '"'], "").split_whitespace().collect::<Vec<_>>().join(" ");
        let lines = lines.into_iter().map(plain);
        lines.collect::<Vec<_>>().join("\n")
    }
}

#[cfg(feature = "postgres")]
pub mod postgres {
    use super::*;

    pub fn dump(conn: &mut PgConnection) -> String {
        // This uses CASE, since with WHERE the planner may describe objects of other tests, which can be dropped by then.
        let mine = "= current_schema()::regnamespace";
        let lines = diesel::sql_query(format!(
            "SELECT line FROM (
                 SELECT 'column ' || relname || '.' || attname || ' ' || format_type(atttypid, atttypmod) || ' '
                     || attnotnull || ' ' || COALESCE(pg_get_expr(adbin, adrelid), '') AS line
                     FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid LEFT JOIN pg_attrdef d ON adrelid = c.oid AND adnum = attnum
                     WHERE relnamespace {mine} AND attnum > 0 AND NOT attisdropped AND relkind IN ('r', 'v')
                 UNION ALL SELECT CASE WHEN connamespace {mine} THEN 'constraint ' || conrelid::regclass || ' ' || conname || ' '
                     || pg_get_constraintdef(oid) || ' ' || convalidated END FROM pg_constraint
                 UNION ALL SELECT CASE WHEN relnamespace {mine} THEN 'index ' || pg_get_indexdef(indexrelid) || ' ' || indisvalid END
                     FROM pg_index JOIN pg_class c ON c.oid = indexrelid
                 UNION ALL SELECT CASE WHEN relnamespace {mine} AND NOT tgisinternal THEN 'trigger ' || pg_get_triggerdef(t.oid) END
                     FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
                 UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE pronamespace {mine}
                 UNION ALL SELECT CASE WHEN relnamespace {mine} AND relkind = 'v' THEN 'view ' || relname || pg_get_viewdef(oid) END
                     FROM pg_class
             ) AS all_lines WHERE line NOT LIKE '%diesel_schema_migrations%' ORDER BY line"
        ))
        .load::<Line>(conn)
        .unwrap();
        lines.into_iter().map(|row| row.line).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(feature = "mysql")]
pub mod mysql {
    use super::*;

    pub fn dump(conn: &mut MysqlConnection) -> String {
        let lines = diesel::sql_query(
            "SELECT line FROM (
                 SELECT CONVERT(CONCAT_WS(' ', 'column', table_name, column_name, ordinal_position, column_type, is_nullable,
                     COALESCE(column_default, ''), extra, COALESCE(generation_expression, '')) USING utf8mb4) AS line
                     FROM information_schema.columns WHERE table_schema = DATABASE()
                 UNION ALL SELECT CONVERT(CONCAT_WS(' ', 'index', table_name, index_name, seq_in_index, column_name, non_unique) USING utf8mb4)
                     FROM information_schema.statistics WHERE table_schema = DATABASE()
                 UNION ALL SELECT CONVERT(CONCAT_WS(' ', 'constraint', table_name, constraint_name, constraint_type) USING utf8mb4)
                     FROM information_schema.table_constraints WHERE table_schema = DATABASE()
                 UNION ALL SELECT CONVERT(CONCAT_WS(' ', 'trigger', trigger_name, action_statement) USING utf8mb4)
                     FROM information_schema.triggers WHERE trigger_schema = DATABASE()
                 UNION ALL SELECT CONVERT(CONCAT_WS(' ', 'view', table_name, view_definition) USING utf8mb4)
                     FROM information_schema.views WHERE table_schema = DATABASE()
                 UNION ALL SELECT CONVERT(CONCAT_WS(' ', 'routine', routine_name) USING utf8mb4)
                     FROM information_schema.routines WHERE routine_schema = DATABASE()
             ) AS all_lines WHERE line NOT LIKE '%diesel_schema_migrations%' ORDER BY line",
        )
        .load::<Line>(conn)
        .unwrap();
        lines.into_iter().map(|row| row.line).collect::<Vec<_>>().join("\n")
    }
}
