//! The steps of an erasure, in one transaction.

use diesel::deserialize::FromSqlRow;
use diesel::expression::QueryMetadata;
use diesel::query_builder::{QueryFragment, QueryId};

use super::sql::{CountTypes, Counts, Key, KeyTypes};
use super::{Archive, Erase, ErasureReport, Marking};
use crate::connection::{AnswersText, Executor, Question, RunsOn, dialect, end, is_reference, runs_on};
use crate::declare::{ColumnRef, Hold, SoftDeletable, State, TableColumns, TimeColumn, primary_key};
use crate::dialect::{Dialect, TableName as MigrationTable};
use crate::diesel_internals::TableName;
use crate::error::Error;
use crate::schema::Leaves;
use crate::statement::leaves::leaves_of;

impl<T, P, G, DB> RunsOn<DB> for Erase<T, P, G>
where
    DB: AnswersText + QueryMetadata<CountTypes> + QueryMetadata<KeyTypes>,
    Counts: FromSqlRow<CountTypes, DB>,
    Key: FromSqlRow<KeyTypes, DB>,
    T: SoftDeletable + QueryFragment<DB>,
    T::AllColumns: TableColumns,
    P: QueryFragment<DB> + QueryId,
    G: QueryFragment<DB>,
    Marking<T, P, G>: QueryFragment<DB> + QueryId,
{
    runs_on!(ErasureReport, async |erase: Self, x| Erasure { erase: &erase, x }.erase().await);
}

/// An erasure on a connection.
struct Erasure<'a, T: SoftDeletable, P, G, X> {
    erase: &'a Erase<T, P, G>,
    x: &'a mut X,
}

impl<T, P, G, X> Erasure<'_, T, P, G, X>
where
    X: Executor,
    X::Backend: QueryMetadata<CountTypes> + QueryMetadata<KeyTypes>,
    Counts: FromSqlRow<CountTypes, X::Backend>,
    Key: FromSqlRow<KeyTypes, X::Backend>,
    T: SoftDeletable + QueryFragment<X::Backend>,
    T::AllColumns: TableColumns,
    P: QueryFragment<X::Backend> + QueryId,
    G: QueryFragment<X::Backend>,
    Marking<T, P, G>: QueryFragment<X::Backend> + QueryId,
{
    async fn erase(&mut self) -> Result<ErasureReport, Error> {
        self.erase.check()?;
        let dialect = dialect(self.x).await?;
        if dialect == Dialect::Mysql {
            self.check_history().await?;
        }
        match self.attempt(dialect, None).await {
            // The rows may refer to each other, or a foreign key among them may have removed rows that nobody counted.
            Err(error) if can_be_of_references(&error) => {
                match leaves_of(self.x, MigrationTable::from_parts(T::name_parts())).await {
                    Ok(Some(leaves)) => self.attempt(dialect, Some(&leaves)).await,
                    Ok(None) | Err(_) => Err(error),
                }
            }
            result => result,
        }
    }

    /// Refuses tables of MariaDB that keep the history of removed rows.
    async fn check_history(&mut self) -> Result<(), Error> {
        for archive in self.erase.places() {
            let place = MigrationTable::from_parts(archive.map_or_else(T::name_parts, |archive| archive.parts.clone()));
            let question = Question::select(Dialect::Mysql, &["table_name", "@@lower_case_table_names"])
                .sql(" FROM information_schema.tables WHERE table_type = 'SYSTEM VERSIONED' AND table_name = ")
                .bind(&place.name)
                .sql(" AND table_schema = ");
            let question = match &place.schema {
                Some(schema) => question.bind(schema),
                None => question.sql("DATABASE()"),
            };
            // The catalog compares without case, queries on most systems do not.
            if self.x.ask(question).await?.iter().any(|row| row.text(0) == place.name || row.text(1) != "0") {
                return Err(Error::KeepsHistory { table: name::<T>(archive) });
            }
        }
        Ok(())
    }

    /// An error where a policy of PostgreSQL can hide rows by their state: an erasure that saw no row proves nothing there.
    async fn check_policies(&mut self) -> Result<(), Error> {
        let table = MigrationTable::from_parts(T::name_parts());
        let state = ColumnRef::of::<<T::State as State>::Column>();
        let columns = [Some(state), T::Stamp::column(), T::Hold::column()];
        let mut question = Question::select(Dialect::Postgres, &["p.polname"])
            .sql(
                " FROM pg_policy AS p WHERE row_security_active(p.polrelid) AND (p.polroles = '{0}' OR EXISTS \
                 (SELECT FROM unnest(p.polroles) AS r (id) WHERE pg_has_role(r.id, 'USAGE'))) AND EXISTS \
                 (SELECT FROM pg_depend AS d JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid \
                 WHERE d.classid = 'pg_policy'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_class'::regclass \
                 AND d.refobjid = p.polrelid AND a.attname IN (NULL",
            );
        for column in columns.into_iter().flatten() {
            question = question.sql(", ").bind(column.name);
        }
        let question = question.sql(")) AND p.polrelid = to_regclass(").bind(&table.quoted(Dialect::Postgres)).sql(")");
        match self.x.ask(question.sql(" ORDER BY p.polname LIMIT 1")).await?.first() {
            None => Ok(()),
            Some(row) => Err(Error::HiddenByPolicy { table: T::table_name(), policy: row.text(0).to_owned() }),
        }
    }

    /// The transaction; a savepoint inside the caller's.
    async fn attempt(&mut self, dialect: Dialect, leaves: Option<&Leaves>) -> Result<ErasureReport, Error> {
        self.x.begin().await?;
        let result = match self.steps(leaves).await {
            Ok(report) if report.rows == 0 && dialect == Dialect::Postgres => {
                self.check_policies().await.map(|()| report)
            }
            result => result,
        };
        end(self.x, result).await
    }

    async fn steps(&mut self, leaves: Option<&Leaves>) -> Result<ErasureReport, Error> {
        let key = primary_key::<T>();
        let mut before = Vec::new();
        for archive in self.erase.places() {
            before.push(self.count_free(archive, &key).await?);
        }
        let mut removed = vec![0; before.len()];
        // Copies go before the rows, since the where clause may look at rows that are gone afterwards. They go again after
        // the rows, since a trigger of the table may write copies of what is deleted.
        self.delete_all_copies(&mut removed).await?;
        self.x.execute(&self.erase.soft_delete).await?;
        let mut rows = 0;
        if leaves.is_some() {
            loop {
                match self.x.execute(self.erase.delete_rows(leaves)).await? {
                    0 => break,
                    some => rows += some as u64,
                }
            }
        }
        // After the leaves, for the error of the foreign key that holds the others.
        rows += self.x.execute(self.erase.delete_rows(None)).await? as u64;
        self.delete_all_copies(&mut removed).await?;
        removed[0] = rows;
        for ((archive, before), removed) in self.erase.places().zip(before).zip(&removed) {
            let left = self.count_free(archive, &key).await?;
            if left > 0 || *removed < before {
                let found = before.max(removed + left);
                return Err(Error::NotErased { table: name::<T>(archive), found, removed: *removed });
            }
        }
        Ok(ErasureReport { rows, archived: removed.iter().skip(1).sum() })
    }

    /// How many rows of a place there are; an error if one of them is under hold.
    async fn count_free(&mut self, archive: Option<&Archive>, key: &[String]) -> Result<u64, Error> {
        let (found, held) = self.x.load(self.erase.count(archive)).await?.first().copied().unwrap_or_default();
        if held > 0 {
            let mut columns = Vec::new();
            for column in key {
                let found = self.x.load(self.erase.held_key(archive, key, column)).await?;
                columns.push(found.into_iter().next().and_then(|(value,)| value));
            }
            return Err(Error::UnderHold { table: name::<T>(archive), key: key_text(columns), rows: rows(held) });
        }
        Ok(rows(found))
    }

    async fn delete_all_copies(&mut self, removed: &mut [u64]) -> Result<(), Error> {
        for (archive, removed) in self.erase.archives.iter().zip(removed.iter_mut().skip(1)) {
            *removed += self.x.execute(self.erase.delete_copies(archive)).await? as u64;
        }
        Ok(())
    }
}

/// Whether an erasure can have failed because its rows refer to each other.
fn can_be_of_references(error: &Error) -> bool {
    match error {
        Error::Database(error) => is_reference(error),
        Error::NotErased { .. } => true,
        _ => false,
    }
}

/// The name of a place in an error.
fn name<T: TableName>(archive: Option<&Archive>) -> String {
    archive.map_or_else(T::table_name, |archive| archive.parts.join("."))
}

fn rows(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}

/// The key of a held row, from its columns; `None` if the row is held no more.
fn key_text(columns: Vec<Option<Vec<u8>>>) -> Option<String> {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim_end().to_owned();
    let columns: Option<Vec<String>> = columns.into_iter().map(|column| column.map(text)).collect();
    columns.map(|columns| columns.join(", ")).filter(|key| !key.is_empty())
}
