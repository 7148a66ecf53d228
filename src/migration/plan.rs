//! Turns the options of the builder into a plan that each dialect writes.
//!
//! The plan contains checked names, definitions and predicates, so no dialect has to decide them again.

use std::time::Duration;

use super::backfill::Backfill;
use super::builder::SoftDeleteMigration;
use super::parent::LiveParent;
use super::shape::{Column, Shape};
use super::step::{Builds, Statement, Step, statement};
use super::types::ColumnType;
use super::{mysql, postgres, sqlite};
use crate::declare::{Mode, Rows};
use crate::dialect::{Dialect, Names, TableName, check_column, check_name, hash};
use crate::error::Error;

/// A migration that is ready to be written in its dialect.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) dialect: Dialect,
    pub(super) shape: Shape,
    /// The table's name, quoted.
    pub(super) table: String,
    /// The columns to add, with their definitions.
    pub(super) added: Vec<(String, String)>,
    pub(super) check: Option<Check>,
    pub(super) backfills: Vec<Backfill>,
    pub(super) key: Vec<String>,
    pub(super) indexes: Vec<Index>,
    pub(super) uniques: Vec<Unique>,
    pub(super) guard: Option<String>,
    pub(super) parents: Vec<Parent>,
    pub(super) view: Option<TableName>,
    pub(super) archive: Option<Archive>,
    pub(super) lock_timeout: Duration,
    /// The virtual column for unique keys, which serves where the dialect does not have partial indexes.
    pub(super) live_column: String,
    /// Whether an earlier migration has added that column.
    pub(super) has_live_column: bool,
    /// Whether the table may be copied or blocked if the server cannot avoid it.
    pub(super) allow_copy: bool,
    /// The name of a procedure that exists only while a migration runs.
    pub(super) procedure: String,
}

#[derive(Debug)]
pub(super) struct Check {
    pub(super) name: String,
    pub(super) expression: String,
    /// Whether both columns are new, so that no existing row can disagree.
    pub(super) holds_already: bool,
}

#[derive(Debug)]
pub(super) struct Index {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    /// Which rows a partial index contains.
    pub(super) rows: Rows,
    pub(super) title: &'static str,
    pub(super) why: &'static str,
}

#[derive(Debug)]
pub(super) struct Unique {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    pub(super) replaced: Vec<Replaced>,
    /// Whether the unique index exists already, so that only the replaced ones are dropped.
    pub(super) exists: bool,
}

/// A unique index or constraint that a unique index among active rows replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Replaced {
    pub(super) name: String,
    pub(super) is_constraint: bool,
    /// Its columns, if they are known to have another order.
    pub(super) columns: Option<Vec<String>>,
}

impl Replaced {
    pub(super) fn columns<'a>(&'a self, unique: &'a Unique) -> &'a [String] {
        self.columns.as_deref().unwrap_or(&unique.columns)
    }
}

#[derive(Debug)]
pub(super) struct Parent {
    pub(super) name: String,
    pub(super) on_insert: String,
    pub(super) on_update: String,
    pub(super) parent: LiveParent,
    pub(super) foreign_key: Vec<String>,
}

impl Parent {
    /// Returns `parent.key = NEW.foreign_key AND ..`.
    pub(super) fn link(&self, dialect: Dialect, prefix: &str) -> String {
        let pairs = self.parent.key.iter().zip(&self.foreign_key);
        let equal = |(key, foreign): (&String, &String)| {
            format!("{prefix}{} = NEW.{}", dialect.quote(key), dialect.quote(foreign))
        };
        pairs.map(equal).collect::<Vec<_>>().join(" AND ")
    }

    /// Returns the condition that the child is active and has a parent.
    pub(super) fn concerns(&self, change: &Change) -> String {
        // A NULL that the declaration does not expect must not bypass the trigger.
        let deleted = change.shape.predicate(change.dialect, Rows::Deleted, "NEW.");
        let mut terms = vec![format!("{deleted} IS NOT TRUE")];
        terms.extend(self.foreign_key.iter().map(|c| format!("NEW.{} IS NOT NULL", change.dialect.quote(c))));
        terms.join(" AND ")
    }

    /// Returns the condition that the child was deleted before, or had another parent. `differs` writes the dialect's
    /// comparison.
    pub(super) fn changed(&self, change: &Change, differs: impl Fn(&str, &str) -> String) -> String {
        let mut terms = vec![change.shape.predicate(change.dialect, Rows::Deleted, "OLD.")];
        terms.extend(self.foreign_key.iter().map(|column| {
            let column = change.dialect.quote(column);
            differs(&format!("OLD.{column}"), &format!("NEW.{column}"))
        }));
        format!("({})", terms.join(" OR "))
    }

    /// Returns a statement that fails if the parent, its key or its state column does not exist. Otherwise every insert
    /// of a child would fail.
    pub(super) fn probe(&self, change: &Change) -> Statement {
        let dialect = change.dialect;
        let keys = self.parent.key.iter().map(|key| format!("parent.{} IS NOT NULL", dialect.quote(key)));
        statement(
            "Fails here if the parent is not as expected, and not at every insert of a child.",
            format!(
                "SELECT 1 FROM {} AS parent WHERE {} AND {} AND FALSE",
                self.parent.table.quoted(dialect),
                keys.collect::<Vec<_>>().join(" AND "),
                self.parent.predicate(dialect, Rows::Deleted, "parent."),
            ),
        )
    }

    pub(super) fn message(&self, change: &Change) -> String {
        let (child, parent) = (change.shape.table.plain(), self.parent.table.plain());
        limited(&format!("the parent of this row of {child} in {parent} is soft-deleted: {}", self.name))
    }
}

#[derive(Debug)]
pub(super) struct Archive {
    pub(super) name: TableName,
    /// The columns with their types. It is empty if a type is unknown.
    pub(super) columns: Vec<(String, String)>,
}

/// Shortens a message to the 128 characters that MySQL and MariaDB allow for a trigger.
fn limited(message: &str) -> String {
    message.chars().take(128).collect()
}

impl Change {
    /// Returns the message of the guard against hard deletes.
    pub(super) fn guard_message(&self, name: &str) -> String {
        limited(&format!("a row of {} must be soft-deleted before it is deleted: {name}", self.shape.table.plain()))
    }

    pub(super) fn predicate(&self, rows: Rows) -> String {
        self.shape.predicate(self.dialect, rows, "")
    }

    /// Returns a query for rows that share their values in `columns`, which a plain unique index would refuse.
    pub(super) fn duplicates(&self, columns: &[String]) -> String {
        let not_null = columns.iter().map(|c| format!("{} IS NOT NULL", self.dialect.quote(c))).collect::<Vec<_>>();
        format!(
            "SELECT 1 FROM {} WHERE {} GROUP BY {} HAVING COUNT(*) > 1",
            self.table,
            not_null.join(" AND "),
            self.dialect.quote_all(columns)
        )
    }

    /// Returns the message that says why a replaced unique index cannot be created again.
    pub(super) fn duplicates_message(&self, replaced: &Replaced) -> String {
        limited(&format!(
            "{} cannot be unique again: rows share a value, soft-deleted ones among them; purge or change them",
            replaced.name
        ))
    }
}

/// The name of the virtual column on MySQL and MariaDB.
pub(super) const LIVE_COLUMN: &str = "active_key";

impl SoftDeleteMigration {
    /// Returns the steps of the migration, in order.
    pub(super) fn steps(&self, dialect: Dialect, builds: Builds) -> Result<Vec<Step>, Error> {
        let change = self.change(dialect)?;
        match dialect {
            Dialect::Postgres => Ok(postgres::steps(&change, builds)),
            Dialect::Mysql => Ok(mysql::steps(&change)),
            Dialect::Sqlite => sqlite::steps(&change),
        }
    }

    fn change(&self, dialect: Dialect) -> Result<Change, Error> {
        let shape = self.shape();
        shape.table.check(dialect, "table")?;
        self.check_columns(dialect, &shape)?;
        let mut names = Names::new(&shape.table.name);
        let exists = |column: &Column| self.existing.contains(&column.name);
        let mut added = Vec::new();
        for column in columns_of(&shape) {
            if !exists(column) {
                added.push((column.name.clone(), self.definition(dialect, &shape, column)?));
            }
        }

        // The running app may still write one column without the other if one of them existed before.
        let holds_already = !exists(&shape.state) && !shape.timestamp.as_ref().is_some_and(exists);
        let agreement = shape.agreement(dialect).filter(|_| self.check.unwrap_or(holds_already));
        let check =
            agreement.map(|expression| Check { name: names.make("soft_delete_check", &[]), expression, holds_already });

        let mut uniques = Vec::new();
        let is_there = |name: &String| self.objects.iter().any(|object| object.eq_ignore_ascii_case(name));
        for unique in &self.uniques {
            let name = names.make("active_key", &unique.columns);
            let replaced = if self.keep_unique { Vec::new() } else { unique.replaced.clone() };
            let exists = is_there(&name);
            if !exists || !replaced.is_empty() {
                uniques.push(Unique { name, columns: unique.columns.clone(), replaced, exists });
            }
        }
        let mut indexes = Vec::new();
        for columns in &self.active_indexes {
            let name = names.make("active_idx", columns);
            if is_there(&name) {
                continue;
            }
            indexes.push(Index {
                name,
                columns: columns.clone(),
                rows: Rows::Active,
                title: "active_index",
                why: "Active rows by these columns; spelled as the filters of active() are, or it would not be used.",
            });
        }
        // If the columns exist, the migration that added them has also created the index.
        let purge_index = self.purge_index.unwrap_or(!added.is_empty());
        if let Some(timestamp) = shape.timestamp.as_ref().filter(|_| purge_index) {
            let mut columns = self.primary_key.clone().unwrap_or_default();
            columns.push(timestamp.name.clone());
            indexes.push(Index {
                name: names.make("purge_idx", &[]),
                columns,
                rows: Rows::Deleted,
                title: "purge_index",
                why: "Deleted rows, in the order in which a purge walks the table.",
            });
        }

        let guard = self.guard.then(|| names.make("guard_hard_delete", &[])).filter(|name| !is_there(name));
        let mut parents = Vec::new();
        for (parent, foreign_key) in &self.parents {
            let parent = parent.clone().beside(&shape.table);
            parent.check(dialect, &shape.table.plain(), foreign_key)?;
            let parent = Parent {
                name: names.make("live_parent", foreign_key),
                on_insert: names.make("live_parent_insert", foreign_key),
                on_update: names.make("live_parent_update", foreign_key),
                parent,
                foreign_key: foreign_key.clone(),
            };
            if !is_there(&parent.on_insert) {
                parents.push(parent);
            }
        }
        let beside = |name: &TableName| name.clone().beside(&shape.table);
        let view = self.view.as_ref().map(beside).filter(|name| !is_there(&name.plain()));
        let archive = self
            .archive
            .as_ref()
            .map(beside)
            .filter(|name| !is_there(&name.plain()))
            .map(|name| Archive { name, columns: self.archive_columns(dialect) });
        for (what, relation) in [("view", &view), ("archive table", &archive.as_ref().map(|a| a.name.clone()))] {
            if let Some(relation) = relation {
                relation.check(dialect, what)?;
            }
        }

        let procedure = format!("soft_delete_{:08x}", hash(&[&shape.table.plain(), "procedure"]));
        let mut change = Change {
            dialect,
            table: shape.table.quoted(dialect),
            added,
            check,
            backfills: Vec::new(),
            key: self.key(),
            indexes,
            uniques,
            guard,
            parents,
            view,
            archive,
            lock_timeout: self.lock_timeout.max(Duration::from_millis(1)),
            live_column: String::from(LIVE_COLUMN),
            has_live_column: self.existing.iter().any(|name| name == LIVE_COLUMN),
            allow_copy: self.allow_copy,
            procedure,
            shape,
        };
        change.backfills = self.backfills(&change)?;
        Ok(change)
    }

    /// Returns the primary key that was given, or the one that Diesel assumes.
    fn key(&self) -> Vec<String> {
        self.primary_key.clone().unwrap_or_else(|| vec![String::from("id")])
    }

    fn check_columns(&self, dialect: Dialect, shape: &Shape) -> Result<(), Error> {
        let table = || shape.table.plain();
        let ours = columns_of(shape);
        for (i, column) in ours.iter().enumerate() {
            check_column(dialect, &column.name)?;
            // MySQL and SQLite compare names of columns without case.
            if ours[..i].iter().any(|before| before.name.eq_ignore_ascii_case(&column.name)) {
                return Err(Error::DuplicateColumn { table: table(), column: column.name.clone() });
            }
        }
        let lists = self.active_indexes.iter().chain(self.uniques.iter().map(|unique| &unique.columns));
        for columns in lists.chain(&self.primary_key).chain(self.parents.iter().map(|(_, columns)| columns)) {
            if columns.is_empty() {
                return Err(self.unsupported("use an empty list of columns", "name at least one column"));
            }
            for column in columns {
                check_column(dialect, column)?;
            }
        }
        for name in &self.existing {
            if name != LIVE_COLUMN && !ours.iter().any(|column| column.name == *name) {
                let why = "it is none of the columns of this migration; is it misspelt?";
                return Err(self.unsupported(&format!("keep the existing column `{name}`"), why));
            }
        }
        for (name, _) in &self.types {
            if !ours.iter().any(|column| column.name == *name) {
                let why = "it is none of the columns of this migration; is it misspelt?";
                return Err(self.unsupported(&format!("give the column `{name}` a type"), why));
            }
        }
        for replaced in self.uniques.iter().flat_map(|unique| &unique.replaced) {
            check_name(dialect, "unique index", &replaced.name)?;
        }
        if self.replaces_nothing {
            let why = "no `.unique_among_active(..)` came before it";
            return Err(self.unsupported("replace a unique index", why));
        }
        Ok(())
    }

    pub(super) fn unsupported(&self, what: &str, why: &str) -> Error {
        Error::UnsupportedMigration { table: self.table.plain(), what: what.to_owned(), why: why.to_owned() }
    }

    fn definition(&self, dialect: Dialect, shape: &Shape, column: &Column) -> Result<String, Error> {
        let ty = column.ty.sql(dialect, &shape.table.plain(), &column.name)?;
        // A type that says NULL or NOT NULL itself is a whole definition, so nothing is added to it.
        let says_null = |sql: &str| sql.to_ascii_uppercase().split_whitespace().any(|word| word == "NULL");
        if matches!(&column.ty, ColumnType::Written(sql) if says_null(sql)) {
            return Ok(ty);
        }
        let is_flag = shape.mode != Mode::Timestamp && *column == shape.state;
        let is_touch = shape.touch.as_ref() == Some(column);
        let hold = shape.hold.as_ref().filter(|hold| hold.column == *column);
        Ok(match shape.mode {
            Mode::Flag if is_flag => format!("{ty} NOT NULL DEFAULT FALSE"),
            Mode::ActiveFlag if is_flag => format!("{ty} NOT NULL DEFAULT TRUE"),
            Mode::NullableFlag if is_flag => format!("{ty} DEFAULT FALSE"),
            Mode::NullableActiveFlag if is_flag => format!("{ty} DEFAULT TRUE"),
            // A new hold column holds no row until the app says so.
            _ if hold.is_some_and(|hold| !hold.nullable) => format!("{ty} NOT NULL DEFAULT FALSE"),
            // A constant default rewrites no row. 1970 sorts before every time of a real change.
            _ if is_touch && column.ty.is_declared_not_null() => {
                let epoch = if column.ty.clock(None).is_some() { "'1970-01-01 00:00:00'" } else { "0" };
                format!("{ty} NOT NULL DEFAULT {epoch}")
            }
            // Old versions of MySQL make a TIMESTAMP without NULL a NOT NULL column.
            _ if dialect == Dialect::Mysql => format!("{ty} NULL DEFAULT NULL"),
            _ => ty,
        })
    }

    fn archive_columns(&self, dialect: Dialect) -> Vec<(String, String)> {
        let table = self.table.plain();
        let declared = |(name, ty): &(String, ColumnType)| {
            let sql = ty.sql(dialect, &table, name).ok()?;
            let null = if ty.is_declared_not_null() { " NOT NULL" } else { "" };
            Some((name.clone(), format!("{sql}{null}")))
        };
        // The list is complete or empty, since a type that is not known cannot be written.
        self.all_columns.iter().map(declared).collect::<Option<Vec<_>>>().unwrap_or_default()
    }
}

/// Returns the columns of soft deletion, each once, in the order in which they are added.
pub(super) fn columns_of(shape: &Shape) -> Vec<&Column> {
    let flag = Some(&shape.state).filter(|_| shape.mode != Mode::Timestamp);
    let hold = shape.hold.as_ref().map(|hold| &hold.column);
    flag.into_iter().chain(&shape.timestamp).chain(&shape.touch).chain(&shape.reset).chain(hold).collect()
}
