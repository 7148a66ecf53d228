//! Everything that is refused before the first row.

use std::time::{Duration, Instant};

use super::archive::{self, ArchiveTable, DeclaredTable};
use super::cause::backoff;
use super::guards;
use super::options::Options;
use super::session;
use crate::error::Error;
use crate::executor::Executor;
use crate::faults::{Fault, fault};
use crate::marker::SoftDeletable;
use crate::migration::{Dialect, Shape, TableColumns, TableKind};

/// What the catalog told about a job that may run.
#[derive(Debug)]
pub struct Prepared {
    pub(super) dialect: Dialect,
    /// The columns to copy, if there is an archive.
    pub(super) columns: Option<Vec<String>>,
    pub(super) casts: Vec<Option<String>>,
    pub(super) notes: Vec<String>,
    pub(super) retries: u64,
    pub(super) took: Duration,
}

/// Looks at the catalog, also while a writer of SQLite is in the way of those who read it.
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
    let (begun, mut tries) = (Instant::now(), 0);
    loop {
        match look::<T, A, X>(x, key, archive, options).await {
            Err(Error::Database(error)) if fault(&error) == Fault::Busy && begun.elapsed() < options.lock_timeout => {
                let _ = x.sleep(backoff(tries)).await;
                tries += 1;
            }
            Ok(prepared) => return Ok(Prepared { retries: tries.into(), took: begun.elapsed(), ..prepared }),
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
    let (mut notes, dialect) = (Vec::new(), session::dialect(x).await?);
    let shape = Shape::of::<T>();
    let live = guards::read(x, dialect, &shape.table).await?;
    // Without a word of the catalog (no rights to read it, a temporary table) the database decides.
    let Some(live) = live else {
        return Err(Error::NoTable { table: T::table_name() });
    };
    if live.kind == TableKind::View {
        return Err(Error::PurgeOfView { table: T::table_name() });
    }
    guards::reaches(x, dialect, &live, &options.reaches).await?;
    let columns = match archive.declared() {
        None => None,
        Some(declared) => {
            let live_archive = guards::read(x, dialect, &declared.name).await?;
            let source = DeclaredTable::of::<T>();
            let apart = match &live_archive {
                Some(archive) if dialect == Dialect::Sqlite => guards::apart(x, &live, archive).await?,
                _ => None,
            };
            Some(archive::columns(dialect, (&source, &live), (&declared, live_archive.as_ref()), apart)?)
        }
    };
    if let Some(engine) = &live.unsafe_engine {
        notes.push(format!(
            "the engine {engine} knows no transactions: of a batch that failed rows can be gone that are not counted"
        ));
    }
    notes.extend(guards::index_note(x, dialect, &shape, &live, key).await?);
    let casts = guards::casts(dialect, &live, key);
    Ok(Prepared { dialect, columns, casts, notes, retries: 0, took: Duration::ZERO })
}
