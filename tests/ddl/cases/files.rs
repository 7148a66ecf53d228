// Migrations can be written as folders, which the diesel CLI runs.

use std::path::{Path, PathBuf};

use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use diesel_soft_delete::Error;
use diesel_soft_delete::migration::SoftDeleteMigration;

use super::backend::DIALECT;
use super::blog;
use super::catalog::dump;

/// A directory that is removed at the end of the test.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let name = format!("dsd_{}_{DIALECT:?}_{name}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn names(folders: &[PathBuf]) -> Vec<String> {
    folders.iter().map(|folder| folder.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

fn migration() -> SoftDeleteMigration {
    SoftDeleteMigration::new("posts")
        .primary_key("id")
        .unique_among_active("slug")
        .replacing_index(blog::PLAIN_KEY)
        .index_active("author_id")
        .guard_hard_delete()
        .require_live_parent("users", "author_id")
        .active_view("live_posts")
        .archive_table("posts_archive")
}

#[test]
fn folders_run_and_equal_the_migrations_in_code() {
    let dir = Directory::new("run");
    let folders = migration().write_to(&dir.0, DIALECT).unwrap();
    for folder in &folders {
        for file in ["up.sql", "down.sql", "metadata.toml"] {
            assert!(std::fs::metadata(folder.join(file)).unwrap().len() > 0, "{folder:?}/{file}");
        }
        // Every file begins with a comment.
        assert!(std::fs::read_to_string(folder.join("up.sql")).unwrap().starts_with("-- "));
        let metadata = std::fs::read_to_string(folder.join("metadata.toml")).unwrap();
        assert!(metadata.contains("run_in_transaction = "), "{metadata}");
    }
    let mut sorted = names(&folders);
    sorted.sort();
    assert_eq!(sorted, names(&folders));

    let conn = &mut *blog::empty();
    blog::fill(conn, 100);
    let before = dump(conn);
    let source = FileBasedMigrations::from_path(&dir.0).unwrap();
    for _ in 0..2 {
        let ran = conn.run_pending_migrations(source.clone()).unwrap();
        assert_eq!(ran.len(), folders.len());
        let in_files = dump(conn);
        conn.revert_all_migrations(source.clone()).unwrap();
        assert_eq!(dump(conn), before);
        // The migrations in code do the same.
        let in_code = migration().into_migrations("2026-01-01-000000");
        conn.run_pending_migrations(in_code.clone()).unwrap();
        assert_eq!(dump(conn), in_files);
        conn.revert_all_migrations(in_code).unwrap();
    }
}

#[test]
fn folders_are_named_as_those_of_the_cli() {
    let dir = Directory::new("names");
    let folders = migration().write_to_as(&dir.0, DIALECT, "2026-11-25-235958").unwrap();
    let names = names(&folders);
    assert!(names[0].starts_with("2026-11-25-235958_posts_soft_delete_"), "{names:?}");
    for name in &names {
        let (version, rest) = name.split_once('_').unwrap();
        assert!(chrono::NaiveDateTime::parse_from_str(version, "%Y-%m-%d-%H%M%S").is_ok(), "{name}");
        assert!(rest.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_'));
    }
    // A name that cannot be a file name is changed.
    let odd = SoftDeleteMigration::new("../Größe/..").write_to_as(&dir.0, DIALECT, "2027-01-01-000000");
    assert!(matches!(odd, Err(Error::InvalidName { .. })), "two dots are no schema: {odd:?}");
    let odd = SoftDeleteMigration::new("a/Größe\\").write_to_as(&dir.0, DIALECT, "2027-01-01-000000").unwrap();
    assert_eq!(odd[0].parent(), Some(dir.0.as_path()));
    assert!(odd[0].file_name().unwrap().to_string_lossy().starts_with("2027-01-01-000000_a_gr__e__soft_delete_"));
    for version in ["", "../2026", "2026_1"] {
        assert!(matches!(
            migration().write_to_as(&dir.0, DIALECT, version),
            Err(Error::InvalidName { what: "version", .. })
        ));
    }
}

#[test]
fn existing_migrations_are_not_overwritten() {
    let dir = Directory::new("again");
    let first = migration().write_to_as(&dir.0, DIALECT, "2026-11-25-000000").unwrap();
    let text = |folder: &Path| std::fs::read_to_string(folder.join("up.sql")).unwrap();
    let before: Vec<String> = first.iter().map(|folder| text(folder)).collect();
    let count = || std::fs::read_dir(&dir.0).unwrap().count();
    let folders = count();
    // Neither the same folder is written, nor another with the same version, which Diesel would ignore.
    for table in ["posts", "users"] {
        let again = SoftDeleteMigration::new(table).write_to_as(&dir.0, DIALECT, "20261125000000");
        assert!(matches!(again, Err(Error::MigrationExists { .. })), "{again:?}");
    }
    assert_eq!(count(), folders, "nothing at all was written");
    assert_eq!(first.iter().map(|folder| text(folder)).collect::<Vec<_>>(), before);
    // Without a version, a free one is chosen.
    let one = SoftDeleteMigration::new("users").write_to(&dir.0, DIALECT).unwrap();
    let two = SoftDeleteMigration::new("tags").write_to(&dir.0, DIALECT).unwrap();
    let version = |folder: &PathBuf| folder.file_name().unwrap().to_string_lossy()[..17].to_owned();
    let mut versions: Vec<String> = one.iter().chain(&two).map(version).collect();
    versions.sort();
    versions.dedup();
    assert_eq!(versions.len(), one.len() + two.len());
}

#[test]
fn a_file_in_place_of_the_directory_is_an_error() {
    let dir = Directory::new("file");
    std::fs::create_dir_all(&dir.0).unwrap();
    let file = dir.0.join("migrations");
    std::fs::write(&file, "").unwrap();
    let error = migration().write_to(&file, DIALECT).unwrap_err();
    assert!(matches!(error, Error::MigrationFile { .. }), "{error}");
    assert!(error.to_string().contains("migrations"));
}
