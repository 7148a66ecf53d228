//! Which columns are copied into an archive, and whether they fit.

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::query_source::Table;
use diesel::result::QueryResult;

use crate::declare::{ColumnRef, TableColumns};
use crate::dialect::{Dialect, TableName};
use crate::error::Error;
use crate::schema::{CatalogColumn, CatalogTable, same_column};

/// A table that rows can be copied into: any table of `table!`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a table to archive rows in",
    note = "declare the archive with `diesel::table!`, and give it: `.archive_into(posts_archive::table)`; \
            `diesel_soft_delete::migration` can create one"
)]
pub trait ArchiveTarget: Table {}

#[diagnostic::do_not_recommend]
impl<T: Table> ArchiveTarget for T {}

/// Where a job copies rows before it removes them, or nowhere.
pub trait ArchiveTable<DB: Backend> {
    /// Returns what its `table!` says, or `None` without an archive.
    fn declared(&self) -> Option<DeclaredTable>;
    /// Writes its name.
    fn walk<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()>;
}

/// A table as its `table!` declares it.
#[derive(Debug, Clone)]
pub struct DeclaredTable {
    pub(super) name: TableName,
    pub(super) columns: Vec<ColumnRef>,
}

impl DeclaredTable {
    pub(super) fn of<T>() -> Self
    where
        T: Table + crate::diesel_internals::NamedTable,
        T::AllColumns: TableColumns,
    {
        Self { name: TableName::from_parts(T::name_parts()), columns: T::AllColumns::columns() }
    }
}

/// A job without `.archive_into(..)`.
#[derive(Debug, Clone, Copy)]
pub struct NoArchive;

impl<DB: Backend> ArchiveTable<DB> for NoArchive {
    fn declared(&self) -> Option<DeclaredTable> {
        None
    }
    fn walk<'b>(&'b self, _: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        Ok(())
    }
}

/// The table of `.archive_into(..)`.
#[derive(Debug, Clone, Copy)]
pub struct ArchiveInto<A>(pub(super) A);

impl<A, DB> ArchiveTable<DB> for ArchiveInto<A>
where
    DB: Backend,
    A: Table + crate::diesel_internals::NamedTable + QueryFragment<DB>,
    A::AllColumns: TableColumns,
{
    fn declared(&self) -> Option<DeclaredTable> {
        Some(DeclaredTable::of::<A>())
    }
    fn walk<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }
}

/// Returns the columns to copy, which are all columns of the table, by name. The error lists everything that does not
/// fit.
///
/// The columns of `allowed` may have another type in the archive.
pub(super) fn columns(
    dialect: Dialect,
    source: (&DeclaredTable, &CatalogTable),
    archive: (&DeclaredTable, Option<&CatalogTable>),
    allowed: &[&str],
) -> Result<Vec<String>, Error> {
    let (source, catalog_source) = source;
    let (archive, catalog_archive) = archive;
    let mut problems = Vec::new();
    if let Some(catalog_archive) = catalog_archive {
        if catalog_archive.name == catalog_source.name {
            problems.push(String::from("it is the table itself"));
        }
        for (what, catalog) in [("the table's", catalog_source), ("its", catalog_archive)] {
            if let Some(engine) = &catalog.unsafe_engine {
                problems.push(format!(
                    "{what} engine {engine} does not support transactions, so a batch that is taken back would leave its copies there"
                ));
            }
        }
        if dialect == Dialect::Sqlite && catalog_archive.name.schema != catalog_source.name.schema {
            let schema = |catalog: &CatalogTable| catalog.name.schema.clone().unwrap_or_default();
            problems.push(format!(
                "it is in another database file (`{}`) than the table (`{}`), and SQLite can commit to one without the \
                 other: put it into the same file",
                schema(catalog_archive),
                schema(catalog_source)
            ));
        }
        let allows = |name: &str| allowed.iter().any(|allowed| same_column(dialect, allowed, name));
        compare_declared(source, archive, &allows, &mut problems);
        let columns = compare_catalog(dialect, (source, catalog_source), catalog_archive, &allows, &mut problems);
        if problems.is_empty() {
            return Ok(columns);
        }
    } else {
        problems.push(String::from("it does not exist"));
    }
    Err(Error::ArchiveMismatch { table: source.name.plain(), archive: archive.name.plain(), problems })
}

/// The problem of a column that has another type in the archive.
fn other_type(table: &DeclaredTable, name: &str, from: &str, to: &str) -> String {
    format!(
        "the column `{name}` is `{from}` in the table and `{to}` in the archive: give it the same type, or allow this one \
         with `.allow_type({}::{name})`",
        table.name.name
    )
}

/// Compares the two `table!` declarations.
fn compare_declared(
    source: &DeclaredTable,
    archive: &DeclaredTable,
    allows: &dyn Fn(&str) -> bool,
    problems: &mut Vec<String>,
) {
    for column in &source.columns {
        let name = column.name;
        let Some(twin) = archive.columns.iter().find(|twin| twin.name == name) else {
            problems.push(format!("its `table!` has no column `{name}`"));
            continue;
        };
        let (from, to) = (short(column.sql_type), short(twin.sql_type));
        if from != to && format!("Nullable<{from}>") != to && !allows(name) {
            problems.push(other_type(source, name, &from, &to));
        }
    }
}

/// Removes the paths from a type such as `diesel::sql_types::Nullable<diesel::sql_types::Text>`.
fn short(sql_type: &str) -> String {
    let mut text = String::new();
    for part in sql_type.split_inclusive(['<', '>', ',', ' ']) {
        text.push_str(part.rsplit("::").next().unwrap_or(part));
    }
    text
}

/// Compares the two tables as the database has them, and returns the columns to copy.
fn compare_catalog(
    dialect: Dialect,
    (source, catalog_source): (&DeclaredTable, &CatalogTable),
    catalog_archive: &CatalogTable,
    allows: &dyn Fn(&str) -> bool,
    problems: &mut Vec<String>,
) -> Vec<String> {
    let mut columns = Vec::new();
    for column in &catalog_source.columns {
        // The copy uses the spelling of the `table!` if it names the column.
        let spelled = source.columns.iter().find(|declared| same_column(dialect, declared.name, &column.name));
        let name = spelled.map_or(column.name.as_str(), |declared| declared.name);
        match catalog_archive.column(dialect, name) {
            // A generated column can be computed again, so it may be missing.
            None if column.generated && spelled.is_none() => {}
            None => problems.push(format!("it has no column `{name}`")),
            Some(twin) if twin.generated && column.generated => {}
            Some(twin) if twin.generated => {
                problems.push(format!("its column `{name}` is generated, so the value of the table's would be lost"));
            }
            Some(twin) => {
                // SQLite's catalog does not say NOT NULL for the columns of a primary key.
                let is_key = catalog_source.primary_key.contains(&column.name);
                if column.nullable && !twin.nullable && !is_key {
                    problems.push(format!("the column `{name}` can be NULL in the table, but not in the archive"));
                }
                // SQLite stores any value in any column. MySQL without its strict mode cuts values silently.
                let (from, to) = (type_with_letters(column), type_with_letters(twin));
                if dialect != Dialect::Sqlite && from != to && !allows(name) {
                    problems.push(other_type(source, name, &from, &to));
                }
                columns.push(name.to_owned());
            }
        }
    }
    let needs_a_value = |column: &&CatalogColumn| {
        !column.nullable
            && column.default.is_none()
            && !column.generated
            && !column.numbered
            && catalog_source.column(dialect, &column.name).is_none()
    };
    for column in catalog_archive.columns.iter().filter(needs_a_value) {
        problems.push(format!("its column `{}` needs a value, and the table has none for it", column.name));
    }
    columns
}

/// Returns the type of a column. On MySQL the type of a text includes its character set.
fn type_with_letters(column: &CatalogColumn) -> String {
    // The name of a collation begins with its character set.
    let set = column.collation.as_deref().and_then(|collation| collation.split('_').next());
    set.map_or_else(|| column.sql_type.clone(), |set| format!("{} CHARACTER SET {set}", column.sql_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_shown_by_their_last_name() {
        assert_eq!(short("diesel::sql_types::Nullable<diesel::sql_types::Text>"), "Nullable<Text>");
        assert_eq!(short("diesel::mysql::types::Unsigned<diesel::sql_types::Integer>"), "Unsigned<Integer>");
    }
}
