// Unusual names are quoted correctly, or refused with a reason.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_migrations::MigrationHarness;
use diesel_soft_delete::migration::{LiveParent, SoftDeleteMigration};
use diesel_soft_delete::{Dialect, Error};

use super::backend::{Conn, DIALECT, connection, is_mariadb};
use super::catalog::dump;

fn quote(name: &str) -> String {
    match DIALECT {
        Dialect::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
        Dialect::Mysql | Dialect::Sqlite => format!("`{}`", name.replace('`', "``")),
    }
}

/// A migration with every option, and with `name` in every place.
fn everything(table: &str, name: &str) -> SoftDeleteMigration {
    let column = |suffix: &str| format!("{name}{suffix}");
    SoftDeleteMigration::new(table)
        .flag(column("F"))
        .timestamp(column("T"))
        .touch(column("U"))
        .metadata([column("M"), column("N")])
        .operation(column("O"))
        .primary_key(column("I"))
        .index_active([column("S"), column("P")])
        .unique_among_active(column("S"))
        .replacing_index(column("K"))
        .guard_hard_delete()
        .require_live_parent(LiveParent::new(table).key(column("I")).flag(column("F")), column("P"))
        .active_view(format!("{table}V"))
        .archive_table(format!("{table}A"))
}

fn create(conn: &mut Conn, table: &str, name: &str) {
    let column = |suffix: &str| quote(&format!("{name}{suffix}"));
    conn.batch_execute(&format!(
        "CREATE TABLE {table} ({id} INTEGER PRIMARY KEY, {slug} VARCHAR(20), {parent} INTEGER);
         CREATE UNIQUE INDEX {key} ON {table} ({slug});
         INSERT INTO {table} ({id}, {slug}) VALUES (1, 'a'), (2, 'b');",
        table = quote(table),
        id = column("I"),
        slug = column("S"),
        parent = column("P"),
        key = column("K"),
    ))
    .unwrap();
}

const NAMES: [&str; 16] = [
    "select",
    "Order",
    "two words",
    "quote\"d",
    "back`tick",
    "apos'trophe",
    "back\\slash",
    "both\\'",
    "semi;colon",
    "dash--ed",
    "/*comment*/",
    "line\nbreak",
    "$body$",
    "%s{}",
    "Größe",
    "漢字",
];

#[test]
fn every_name_is_quoted() {
    for name in NAMES {
        let conn = &mut *connection();
        create(conn, name, name);
        let before = dump(conn);
        let migration = everything(name, name);
        for _ in 0..2 {
            let sql = migration.up_sql(DIALECT).unwrap();
            conn.batch_execute(&sql).unwrap_or_else(|error| panic!("{name}: {error}\n{sql}"));
            conn.batch_execute(&migration.down_sql(DIALECT).unwrap()).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(dump(conn), before, "{name}");
        }
        let source = migration.into_migrations("2026-01-01-000000");
        conn.run_pending_migrations(source.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
        // The message of the guard names the table.
        let error = conn.batch_execute(&format!("DELETE FROM {}", quote(name))).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("guard_hard_delete"), "{error}");
        conn.revert_all_migrations(source).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(dump(conn), before, "{name}");
    }
}

/// These names try to end a name and begin a statement.
#[test]
fn nothing_is_injectable() {
    for attack in [
        "x\"; DROP TABLE victims; --",
        "x`; DROP TABLE victims; --",
        "x'; DROP TABLE victims; --",
        "x\\'; DROP TABLE victims; --",
        "x\n; DROP TABLE victims; --",
        "x*/; DROP TABLE victims; --",
        "$body$; DROP TABLE victims; $body$",
        "x\" (id); DROP TABLE victims; --",
    ] {
        let conn = &mut *connection();
        conn.batch_execute("CREATE TABLE victims (id INTEGER PRIMARY KEY)").unwrap();
        create(conn, attack, attack);
        let before = dump(conn);
        let migration = everything(attack, attack);
        let up = migration.up_sql(DIALECT).unwrap();
        conn.batch_execute(&up).unwrap_or_else(|error| panic!("{attack}: {error}\n{up}"));
        conn.batch_execute(&migration.down_sql(DIALECT).unwrap()).unwrap();
        assert_eq!(dump(conn), before);
        assert!(conn.batch_execute("SELECT id FROM victims").is_ok());
    }
}

/// The longest names that each database accepts, and names that are one letter longer.
#[test]
fn names_are_accepted_up_to_the_limit() {
    let limit = match DIALECT {
        Dialect::Postgres | Dialect::Sqlite => 63,
        Dialect::Mysql => 64,
    };
    for letter in ["x", "ü"] {
        let width = if DIALECT == Dialect::Mysql { 1 } else { letter.len() };
        let table = letter.repeat((limit - 1) / width);
        let name = letter.repeat((limit - 1) / width);
        let conn = &mut *connection();
        create(conn, &table, &name);
        let before = dump(conn);
        let migration = everything(&table, &name);
        let sql = migration.up_sql(DIALECT).unwrap();
        conn.batch_execute(&sql).unwrap_or_else(|error| panic!("{error}\n{sql}"));
        // MySQL itself keeps a dropped column with a name of 64 bytes, and fails if that cuts a letter in two.
        if DIALECT == Dialect::Mysql && !letter.is_ascii() && !is_mariadb(conn) {
            continue;
        }
        conn.batch_execute(&migration.down_sql(DIALECT).unwrap()).unwrap();
        assert_eq!(dump(conn), before);
    }
    let too_long = "x".repeat(limit + 1);
    for (migration, what) in [
        (SoftDeleteMigration::new(&*too_long), "table"),
        (SoftDeleteMigration::new(format!("{too_long}.posts")), "table"),
        (SoftDeleteMigration::new("posts").flag(&*too_long), "column"),
        (SoftDeleteMigration::new("posts").timestamp(&*too_long), "column"),
        (SoftDeleteMigration::new("posts").index_active(&*too_long), "column"),
        (SoftDeleteMigration::new("posts").unique_among_active(["a", &too_long]), "column"),
        (SoftDeleteMigration::new("posts").primary_key(&*too_long), "column"),
        (SoftDeleteMigration::new("posts").require_live_parent("users", &*too_long), "column"),
        (SoftDeleteMigration::new("posts").require_live_parent(&*too_long, "user_id"), "table"),
        (SoftDeleteMigration::new("posts").unique_among_active("a").replacing_index(&*too_long), "unique index"),
        (SoftDeleteMigration::new("posts").active_view(&*too_long), "view"),
        (SoftDeleteMigration::new("posts").archive_table(&*too_long), "archive table"),
    ] {
        let sql = migration.up_sql(DIALECT);
        if DIALECT == Dialect::Sqlite {
            assert!(sql.is_ok(), "SQLite has no limit");
        } else {
            assert!(matches!(&sql, Err(Error::InvalidName { what: found, .. }) if *found == what), "{what}: {sql:?}");
            assert!(migration.down_sql(DIALECT).is_err());
        }
    }
}

#[test]
fn names_that_cannot_be_quoted_are_refused() {
    let refused = |migration: SoftDeleteMigration| match migration.up_sql(DIALECT) {
        Err(Error::InvalidName { why, .. }) => why,
        other => panic!("{other:?}"),
    };
    for name in ["", "a\0b"] {
        refused(SoftDeleteMigration::new(name));
        refused(SoftDeleteMigration::new("posts").flag(name));
        refused(SoftDeleteMigration::new("posts").active_view(name));
        refused(SoftDeleteMigration::new("posts").unique_among_active(["a", name]));
    }
    assert!(refused(SoftDeleteMigration::new("a.b.c")).contains("more than one dot"));
    assert!(refused(SoftDeleteMigration::new("posts").index_active("posts.slug")).contains("without its table"));
    if DIALECT == Dialect::Mysql {
        assert!(refused(SoftDeleteMigration::new("posts ")).contains("space"));
        assert!(refused(SoftDeleteMigration::new("posts").flag("🦀")).contains("U+FFFF"));
    }
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let refused = |migration: SoftDeleteMigration| match migration.up_sql(DIALECT) {
        Err(error @ Error::UnsupportedMigration { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let posts = || SoftDeleteMigration::new("posts");
    assert!(refused(posts().existing("delted_at")).contains("misspelt"));
    assert!(refused(posts().column_type("delted_at", "TEXT")).contains("misspelt"));
    assert!(refused(posts().replacing_index("k")).contains("unique_among_active"));
    assert!(refused(posts().index_active(Vec::<String>::new())).contains("at least one column"));
    assert!(
        refused(posts().require_live_parent("users", ["tenant_id", "user_id"]))
            .contains("2 columns, the parent's key 1")
    );
    for migration in [posts().metadata(["reason", "Reason"]), posts().touch("deleted_at"), posts().hold("IS_DELETED")] {
        assert!(matches!(migration.up_sql(DIALECT), Err(Error::DuplicateColumn { .. })));
    }
    if DIALECT == Dialect::Sqlite {
        let inline = posts().unique_among_active("slug").replacing_constraint("sqlite_autoindex_posts_1");
        assert!(refused(inline).contains("rebuild"));
    }
}

/// The name of the schema needs quotes.
#[test]
fn a_table_in_a_schema_can_be_migrated() {
    let conn = &mut *connection();
    let schema = match DIALECT {
        Dialect::Postgres => {
            let name = format!("Other \"{}\"", std::process::id());
            conn.batch_execute(&format!("CREATE SCHEMA {}", quote(&name))).unwrap();
            name
        }
        Dialect::Mysql => {
            let name = format!("Other `{}`", std::process::id());
            conn.batch_execute(&format!("CREATE DATABASE {}", quote(&name))).unwrap();
            name
        }
        Dialect::Sqlite => {
            conn.batch_execute("ATTACH ':memory:' AS `Other schema`").unwrap();
            String::from("Other schema")
        }
    };
    let table = format!("{}.{}", quote(&schema), quote("posts"));
    conn.batch_execute(&format!(
        "CREATE TABLE {table} (id INTEGER PRIMARY KEY, parent_id INTEGER, slug VARCHAR(20));
         INSERT INTO {table} VALUES (1, NULL, 'a');"
    ))
    .unwrap();
    let name = format!("{schema}.posts");
    let migration = SoftDeleteMigration::new(&*name)
        .primary_key("id")
        .index_active("parent_id")
        .unique_among_active("slug")
        .guard_hard_delete()
        .require_live_parent("posts", "parent_id")
        // The view is created beside the table, and the archive in the named schema.
        .active_view("live")
        .archive_table(format!("{schema}.posts_archive"));
    let source = migration.clone().into_migrations("2026-01-01-000000");
    for _ in 0..2 {
        let up = migration.up_sql(DIALECT).unwrap();
        conn.batch_execute(&up).unwrap_or_else(|error| panic!("{error}\n{up}"));
        assert!(conn.batch_execute(&format!("DELETE FROM {table}")).is_err());
        conn.batch_execute(&format!("SELECT archived_at FROM {}.posts_archive", quote(&schema))).unwrap();
        conn.batch_execute(&migration.down_sql(DIALECT).unwrap()).unwrap();
        conn.run_pending_migrations(source.clone()).unwrap();
        conn.revert_all_migrations(source.clone()).unwrap();
    }
    conn.batch_execute(&format!("DELETE FROM {table}")).unwrap();
    match DIALECT {
        Dialect::Postgres => conn.batch_execute(&format!("DROP SCHEMA {} CASCADE", quote(&schema))).unwrap(),
        Dialect::Mysql => conn.batch_execute(&format!("DROP DATABASE {}", quote(&schema))).unwrap(),
        Dialect::Sqlite => {}
    }
}

/// Quotes and backslashes in `table!` are escaped for the compiler.
#[test]
fn a_declared_table_with_a_hostile_name_can_be_migrated() {
    diesel::table! {
        #[sql_name = "it's \"a\\b\" `c` ü"]
        things {
            #[sql_name = "the \"key\""]
            id -> Integer,
            #[sql_name = "is \"gone\\`"]
            gone -> Bool,
            #[sql_name = "gone 'at'"]
            gone_at -> Nullable<Timestamp>,
        }
    }
    diesel_soft_delete::soft_deletable! { things { flag = gone, timestamp = gone_at } }
    use diesel_soft_delete::prelude::*;

    let table = "it's \"a\\b\" `c` ü";
    let conn = &mut *connection();
    conn.batch_execute(&format!("CREATE TABLE {} ({} INTEGER PRIMARY KEY)", quote(table), quote("the \"key\"")))
        .unwrap();
    let migration =
        SoftDeleteMigration::for_table::<things::table>().guard_hard_delete().archive_table("things_archive");
    let up = migration.up_sql(DIALECT).unwrap();
    conn.batch_execute(&up).unwrap_or_else(|error| panic!("{error}\n{up}"));
    diesel::insert_into(things::table).values(things::id.eq(1)).execute(conn).unwrap();
    assert_eq!(things::table.find(1).soft_delete().execute(conn), Ok(1));
    let tomorrow = chrono::Utc::now() + chrono::TimeDelta::days(1);
    assert_eq!(things::table.purge_deleted_before(tomorrow).execute(conn), Ok(1));
    conn.batch_execute(&migration.down_sql(DIALECT).unwrap()).unwrap();
}
