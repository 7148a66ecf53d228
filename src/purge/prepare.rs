//! Everything that is refused before the first row is removed.

use std::time::{Duration, Instant};

use super::archive::{ArchiveTable, DeclaredTable};
use super::options::Options;
use super::{archive, guards, held};
use crate::connection::{Executor, Fault, Question, Retries, fault};
use crate::declare::{SoftDeletable, TableColumns, TimeColumn};
use crate::dialect::Dialect;
use crate::error::Error;
use crate::migration::{Shape, contradictions, key_order_problem};
use crate::schema::{Reference, TableKind, read_table};

/// What the catalog says about a job that may run.
#[derive(Debug)]
pub struct Prepared {
    pub(super) dialect: Dialect,
    /// The columns to copy, if there is an archive.
    pub(super) columns: Option<Vec<String>>,
    pub(super) casts: Vec<Option<String>>,
    /// The foreign keys that can hold rows. It contains only those whose child this user may read.
    pub(super) references: Vec<Reference>,
    /// Whether the database ensures that no two rows have the same key.
    pub(super) has_unique_key: bool,
    pub(super) notes: Vec<String>,
    pub(super) retries: u64,
    pub(super) took: Duration,
}

/// Reads the catalog and checks the job. It tries again while a lock is in its way.
pub(super) async fn prepare<T, A, X>(
    x: &mut X,
    key: &[String],
    archive: &A,
    options: &Options,
) -> Result<Prepared, Error>
where
    T: SoftDeletable,
    T::AllColumns: TableColumns,
    A: ArchiveTable<X::Backend>,
    X: Executor,
{
    let (begun, mut retries) = (Instant::now(), Retries::while_locked(options.lock_timeout()));
    loop {
        match look::<T, A, X>(x, key, archive, options).await {
            Ok(prepared) => return Ok(Prepared { retries: retries.count(), took: begun.elapsed(), ..prepared }),
            Err(error) if retries.again(x, &error).await? => {}
            Err(error) => return Err(error),
        }
    }
}

async fn look<T, A, X>(x: &mut X, key: &[String], archive: &A, options: &Options) -> Result<Prepared, Error>
where
    T: SoftDeletable,
    T::AllColumns: TableColumns,
    A: ArchiveTable<X::Backend>,
    X: Executor,
{
    let (mut notes, dialect) = (Vec::new(), crate::connection::dialect(x).await?);
    let shape = Shape::of::<T>();
    let catalog = read_table(x, dialect, &shape.table).await?;
    // All checks below need the catalog, so a table that it does not show is refused.
    let Some(catalog) = catalog else {
        return Err(Error::NoTable { table: T::table_name() });
    };
    if catalog.kind == TableKind::View {
        return Err(Error::PurgeOfView { table: T::table_name() });
    }
    let findings = contradictions(dialect, &shape, &catalog);
    if !findings.is_empty() {
        return Err(Error::SchemaMismatch { findings });
    }
    for name in key {
        let why = catalog.column(dialect, name).and_then(|column| key_order_problem(dialect, column));
        if let Some(why) = why {
            return Err(Error::UnorderedKey { table: T::table_name(), column: name.clone(), why: why.to_owned() });
        }
    }
    guards::reaches(x, dialect, &catalog, &options.reaches).await?;
    let mut references = Vec::new();
    for reference in held::references(dialect, &catalog) {
        // A user who may not read a child cannot leave out the rows that it holds. The database refuses those one by
        // one.
        match x.query_text(Question::select(dialect, &["1"]).sql(&format!(" FROM {}", reference.trial()))).await {
            Ok(_) => references.push(reference),
            Err(error) if matches!(fault(&error), Fault::Fatal | Fault::Unclear) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let columns = match archive.declared() {
        None => None,
        Some(declared) => {
            let catalog_archive = read_table(x, dialect, &declared.name).await?;
            let source = DeclaredTable::of::<T>();
            Some(archive::columns(
                dialect,
                (&source, &catalog),
                (&declared, catalog_archive.as_ref()),
                &options.allowed_types,
            )?)
        }
    };
    notes.extend(guards::facts(&catalog, columns.is_some()));
    notes.extend(guards::index_note(x, dialect, &shape, &catalog, key).await?);
    notes.extend(guards::unknown_times(x, dialect, &shape, T::Stamp::KIND).await?);
    let casts = guards::casts(dialect, &catalog, key);
    let has_unique_key = catalog.is_unique(dialect, key);
    Ok(Prepared { dialect, columns, casts, references, has_unique_key, notes, retries: 0, took: Duration::ZERO })
}
