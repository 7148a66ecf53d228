//! The diesel CLI runs the folders, and its printed schema works with the derive. `tests/run --long` installs the CLI and
//! gives its path.

use std::path::Path;
use std::process::Command;

use diesel::connection::SimpleConnection;
use diesel_soft_delete::Dialect;
use diesel_soft_delete::migration::SoftDeleteMigration;

fn diesel(directory: &Path, url: &str, arguments: &[&str]) -> String {
    let program =
        std::env::var_os("DIESEL_CLI").expect("DIESEL_CLI names the diesel CLI: `tests/run --long` installs it");
    let output =
        Command::new(program).current_dir(directory).env("DATABASE_URL", url).args(arguments).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "diesel {arguments:?}: {out}\n{err}");
    out.into_owned()
}

/// Runs, reverts and runs the migration, and returns the schema as the CLI prints it.
fn schema(conn: &mut impl SimpleConnection, url: &str, dialect: Dialect) -> String {
    let project = std::env::temp_dir().join(format!("dsd_diesel_{}_{dialect:?}", std::process::id()));
    let _ = std::fs::remove_dir_all(&project);
    std::fs::create_dir_all(project.join("migrations")).unwrap();
    std::fs::write(project.join("Cargo.toml"), "[package]\nname = \"app\"\nversion = \"0.0.0\"\n").unwrap();
    std::fs::write(project.join("diesel.toml"), "").unwrap();
    conn.batch_execute(
        "CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY, is_deleted BOOLEAN NOT NULL DEFAULT FALSE);
         CREATE TABLE posts (id INTEGER NOT NULL PRIMARY KEY, author_id INTEGER, slug VARCHAR(40) NOT NULL, FOREIGN KEY (author_id) REFERENCES users (id));
         CREATE UNIQUE INDEX posts_slug ON posts (slug);",
    )
    .unwrap();
    let migration = SoftDeleteMigration::new("posts")
        .primary_key("id")
        .metadata("reason")
        .unique_among_active("slug")
        .replacing_index("posts_slug")
        .index_active("author_id")
        .guard_hard_delete()
        .require_live_parent("users", "author_id")
        .active_view("live_posts");
    let folders = migration.write_to(project.join("migrations"), dialect).unwrap();
    diesel(&project, url, &["migration", "run"]);
    for _ in &folders {
        diesel(&project, url, &["migration", "redo"]);
        diesel(&project, url, &["migration", "revert"]);
    }
    let pending = diesel(&project, url, &["migration", "list"]);
    assert_eq!(pending.matches("[ ]").count(), folders.len(), "{pending}");
    diesel(&project, url, &["migration", "run"]);
    let printed = diesel(&project, url, &["print-schema"]);
    std::fs::remove_dir_all(&project).unwrap();
    printed
}

#[test]
#[ignore = "slow: `tests/run --long`"]
fn the_printed_schema_works_with_the_derive() {
    let mut modules = String::new();
    let mut add = |name: &str, schema: String| {
        assert!(schema.contains("is_deleted -> ") && schema.contains("deleted_at -> Nullable<"), "{schema}");
        modules.push_str(&format!(
            "pub mod {name} {{
                 pub mod schema {{ {schema} }}
                 use diesel::prelude::*;
                 use diesel_soft_delete::prelude::*;
                 #[derive(Queryable, Selectable, Identifiable, SoftDeletable)]
                 #[diesel(table_name = schema::posts)]
                 #[soft_delete(flag = is_deleted, timestamp = deleted_at, metadata(reason))]
                 pub struct Post {{ pub id: i32, pub slug: String }}
                 diesel_soft_delete::not_soft_deletable!(schema::users);
                 pub fn touch() {{
                     let _ = schema::posts::table.inner_join(schema::users::table).active();
                     let _ = diesel_soft_delete::SoftDeleteMigration::for_table::<schema::posts::table>();
                     let _ = schema::posts::table.find(1).soft_delete();
                 }}
             }}\n"
        ));
    };
    let path = std::env::temp_dir().join(format!("dsd_diesel_{}.db", std::process::id()));
    let url = path.to_string_lossy().into_owned();
    let conn = &mut <diesel::SqliteConnection as diesel::Connection>::establish(&url).unwrap();
    add("sqlite", schema(conn, &url, Dialect::Sqlite));
    std::fs::remove_file(&path).unwrap();
    #[cfg(feature = "postgres")]
    {
        // The test needs its own database, since the CLI prints the schema `public`.
        let (mut conn, url) = crate::support::postgres::shared();
        let name = format!("dsd_diesel_{}", std::process::id());
        conn.batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
        let base = url.split('?').next().and_then(|url| url.rsplit_once('/')).unwrap().0;
        let url = format!("{base}/{name}");
        let own = &mut <diesel::PgConnection as diesel::Connection>::establish(&url).unwrap();
        add("postgres", schema(own, &url, Dialect::Postgres));
        conn.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).unwrap();
    }
    #[cfg(feature = "mysql")]
    {
        let (mut conn, url) = crate::support::mysql::shared();
        let printed = schema(&mut *conn, &url, Dialect::Mysql);
        add("mysql", printed);
    }

    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
    let project = target.join("printed");
    std::fs::create_dir_all(project.join("src")).unwrap();
    let manifest = format!(
        "[package]\nname = \"printed\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n\
         diesel_soft_delete = {{ path = {root:?}, features = [\"postgres_backend\", \"mysql_backend\"] }}\n\
         diesel = {{ version = \"~2.3\" }}\n[profile.dev]\ndebug = 0\n"
    );
    std::fs::write(project.join("Cargo.toml"), manifest).unwrap();
    std::fs::write(project.join("src/lib.rs"), &modules).unwrap();
    let _ = std::fs::copy(root.join("Cargo.lock"), project.join("Cargo.lock"));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["check", "--quiet", "--target-dir"])
        .arg(target.join("ui-target"))
        .current_dir(&project)
        .output()
        .unwrap();
    assert!(output.status.success(), "{modules}\n{}", String::from_utf8_lossy(&output.stderr));
}
