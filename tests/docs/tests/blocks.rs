//! Compiles the code blocks of README.md and docs/ in the context that their pages assume, and checks the pages' links.
#![allow(dead_code, unused_variables, reason = "a page shows more than it uses")]

use std::error::Error;
use std::path::Path;

use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;

type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The items of a block.
macro_rules! items {
    ($name:literal) => {
        include!(concat!(env!("OUT_DIR"), "/", $name, ".rs"));
    };
}

/// The statements of a block. They see the names of the function around them, and may use `?`.
macro_rules! statements {
    ($name:literal) => {
        include!(concat!(env!("OUT_DIR"), "/", $name, ".block.rs"))
    };
}

fn database(sql: &str) -> Result<SqliteConnection> {
    use diesel::Connection;

    let mut conn = SqliteConnection::establish(":memory:")?;
    conn.batch_execute(sql)?;
    Ok(conn)
}

mod readme_tour {
    use super::{Result, database};

    // The page is for PostgreSQL. Here the same function runs on SQLite.
    type PgConnection = diesel::SqliteConnection;
    items!("README_1");

    #[test]
    fn the_tour_of_the_readme_runs() -> Result {
        let conn = &mut database(
            "CREATE TABLE posts (id INTEGER PRIMARY KEY, title TEXT NOT NULL,
                 is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at TIMESTAMP);
             INSERT INTO posts (id, title, is_deleted, deleted_at) VALUES
                 (1, 'One', FALSE, NULL), (2, 'Two', TRUE, '2024-03-01 12:00:00');",
        )?;
        let titles = tour(conn)?.into_iter().map(|post| post.title).collect::<Vec<_>>();
        assert_eq!(titles, ["One"]);
        assert_eq!(posts::table.count().get_result::<i64>(conn)?, 1);
        Ok(())
    }
}

#[cfg(feature = "postgres")]
mod readme_tour_on_postgres {
    items!("README_1");
}

mod readme_undeclared {
    diesel::table! { tags { id -> Integer } }
    diesel::table! { countries { id -> Integer } }
    items!("README_2");
}

/// The tables of the pages. Ada, who is active, wrote `One` and the deleted `Two`. Bob is active and wrote nothing. Cleo is
/// deleted and wrote `Three`.
macro_rules! blog {
    () => {
        use diesel::prelude::*;
        use diesel_soft_delete::prelude::*;

        diesel::table! {
            users {
                id -> Integer,
                name -> Text,
                email -> Text,
                is_deleted -> Bool,
                deleted_at -> Nullable<Timestamp>,
                deletion_id -> Nullable<Text>,
            }
        }
        diesel::table! {
            users_archive {
                id -> Integer,
                name -> Text,
                email -> Text,
                is_deleted -> Bool,
                deleted_at -> Nullable<Timestamp>,
                deletion_id -> Nullable<Text>,
            }
        }
        diesel::table! {
            posts {
                id -> Integer,
                user_id -> Nullable<Integer>,
                title -> Text,
                slug -> Nullable<Text>,
                views -> Integer,
                version -> Integer,
                is_deleted -> Bool,
                deleted_at -> Nullable<Timestamp>,
                deletion_id -> Nullable<Text>,
            }
        }
        diesel::table! {
            posts_archive {
                id -> Integer,
                user_id -> Nullable<Integer>,
                title -> Text,
                slug -> Nullable<Text>,
                views -> Integer,
                version -> Integer,
                is_deleted -> Bool,
                deleted_at -> Nullable<Timestamp>,
                deletion_id -> Nullable<Text>,
            }
        }
        diesel::joinable!(posts -> users (user_id));
        diesel::allow_tables_to_appear_in_same_query!(users, posts);
        diesel_soft_delete::soft_deletable! { posts { flag = is_deleted, timestamp = deleted_at, operation = deletion_id } }

        fn blog() -> super::Result<SqliteConnection> {
            super::database(super::BLOG)
        }

        #[derive(Debug, Queryable, Selectable)]
        #[diesel(table_name = users)]
        struct User {
            id: i32,
            name: String,
        }

        #[derive(Debug, Queryable, Selectable)]
        #[diesel(table_name = posts)]
        struct Post {
            id: i32,
            title: String,
        }
    };
}

const BLOG: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL UNIQUE,
        is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at TIMESTAMP, deletion_id TEXT);
    CREATE TABLE posts (id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER REFERENCES users ON DELETE CASCADE, title TEXT NOT NULL,
        slug TEXT UNIQUE, views INTEGER NOT NULL DEFAULT 0, version INTEGER NOT NULL DEFAULT 1,
        is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at TIMESTAMP, deletion_id TEXT);
    CREATE TABLE users_archive (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL,
        is_deleted BOOLEAN NOT NULL, deleted_at TIMESTAMP, deletion_id TEXT);
    CREATE TABLE posts_archive (id INTEGER PRIMARY KEY, user_id INTEGER, title TEXT NOT NULL,
        slug TEXT, views INTEGER NOT NULL, version INTEGER NOT NULL,
        is_deleted BOOLEAN NOT NULL, deleted_at TIMESTAMP, deletion_id TEXT);
    INSERT INTO users (id, name, email, is_deleted, deleted_at) VALUES
        (1, 'Ada', 'ada@example.org', FALSE, NULL), (2, 'Bob', 'bob@example.org', FALSE, NULL),
        (3, 'Cleo', 'cleo@example.org', TRUE, '2024-03-01 12:00:00');
    INSERT INTO posts (id, user_id, title, is_deleted, deleted_at) VALUES
        (1, 1, 'One', FALSE, NULL), (2, 1, 'Two', TRUE, '2024-03-01 12:00:00'), (3, 3, 'Three', FALSE, NULL);";

mod queries_and_statements {
    use chrono::TimeDelta;
    use diesel_soft_delete::migration::{Finding, FindingKind};

    blog!();
    diesel_soft_delete::soft_deletable! { users { flag = is_deleted, timestamp = deleted_at, operation = deletion_id } }

    #[test]
    fn the_blocks_of_joins_run() -> super::Result {
        let conn = &mut blog()?;
        statements!("README_3");
        statements!("README_4");
        statements!("joins_1");
        Ok(())
    }

    #[test]
    fn the_left_join_of_the_readme_keeps_users_without_active_posts() -> super::Result {
        let conn = &mut blog()?;
        let joined = users::table.left_join_active(posts::table).active();
        let rows: Vec<(String, Option<String>)> =
            joined.order(users::id).select((users::name, posts::title.nullable())).load(conn)?;
        assert_eq!(rows, [("Ada".to_owned(), Some("One".to_owned())), ("Bob".to_owned(), None)]);
        Ok(())
    }

    #[test]
    fn the_purge_of_the_readme_prints_what_it_says() -> super::Result {
        let conn = &mut blog()?;
        let job = posts::table.purge_older_than(TimeDelta::days(30)).in_batches();
        let printed = job.max_rows(100_000).run(conn)?.to_string();
        assert!(printed.starts_with("posts: removed 1 row in 1 batch, "), "{printed}");
        assert!(printed.ends_with(", complete"), "{printed}");
        Ok(())
    }

    #[test]
    fn the_blocks_of_purges_run() -> super::Result {
        let conn = &mut blog()?;
        statements!("README_7");
        statements!("reference_4");
        Ok(())
    }

    #[test]
    fn the_blocks_of_keys_that_come_back_run() -> super::Result {
        let conn = &mut blog()?;
        statements!("README_8");
        statements!("reference_2");
        Ok(())
    }

    #[test]
    fn the_block_of_the_check_accepts_what_it_names() -> super::Result {
        let conn = &mut blog()?;
        let kinds = |findings: &[Finding]| findings.iter().map(|finding| finding.kind).collect::<Vec<_>>();
        let all = kinds(&diesel_soft_delete::check::<users::table, _>(conn)?);
        assert!(all.contains(&FindingKind::ReferenceChangesRows), "{all:?}");
        let mut run = || -> super::Result {
            statements!("migrations_1");
            Ok(())
        };
        // These tables were made by hand and have other findings.
        let error = run().expect_err("no index for purges").downcast::<diesel_soft_delete::Error>()?;
        let diesel_soft_delete::Error::SchemaMismatch { findings } = *error else { return Err("another error".into()) };
        assert!(!kinds(&findings).contains(&FindingKind::ReferenceChangesRows), "{findings:?}");
        Ok(())
    }

    #[test]
    fn the_blocks_of_outcomes_and_erasures_run() -> super::Result {
        let conn = &mut blog()?;
        statements!("reference_1");
        diesel::sql_query("INSERT INTO users (id, name, email) VALUES (5, 'Eve', 'eve@example.org')").execute(conn)?;
        diesel::sql_query(
            "INSERT INTO users_archive (id, name, email, is_deleted) VALUES (5, 'Eve', 'eve@example.org', TRUE)",
        )
        .execute(conn)?;
        statements!("reference_3");
        Ok(())
    }
}

mod cascades {
    blog!();
    items!("README_5");

    #[test]
    fn the_block_of_cascades_runs() -> super::Result {
        let conn = &mut blog()?;
        statements!("README_6");
        let active: i64 = posts::table.active().count().get_result(conn)?;
        assert_eq!(active, 2, "the restore brings back what the delete took along");
        Ok(())
    }
}

#[test]
fn every_link_of_a_page_leads_to_a_file_and_a_heading() -> Result {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut pages = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"]
        .map(|page| root.join(page))
        .to_vec();
    for entry in std::fs::read_dir(root.join("docs"))? {
        pages.push(entry?.path());
    }
    let mut broken = Vec::new();
    let mut seen = 0;
    for page in pages {
        let text = std::fs::read_to_string(&page)?;
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.starts_with("http") || target.contains(char::is_whitespace) {
                continue;
            }
            seen += 1;
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() { page.clone() } else { page.parent().unwrap_or(&root).join(file) };
            let exists = match std::fs::read_to_string(&file) {
                Ok(text) => heading.is_empty() || text.lines().any(|line| anchor(line).as_deref() == Some(heading)),
                Err(_) => file.is_dir(),
            };
            if !exists {
                broken.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(seen > 10, "{seen} links");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    Ok(())
}

/// The anchor of a heading as GitHub makes it.
fn anchor(line: &str) -> Option<String> {
    let heading = line.strip_prefix('#')?.trim_start_matches('#').trim().to_lowercase();
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    Some(kept.map(|c| if c == ' ' { '-' } else { c }).collect())
}
