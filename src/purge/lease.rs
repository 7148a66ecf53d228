//! `.exclusive("name")`: at most one runner, by a row that expires.
//!
//! An advisory lock belongs to a session, which a pooler gives to other clients; a row belongs to whoever
//! wrote its name into it, and is free again when its holder has not come back for a while.

use std::time::{Duration, Instant};

use diesel::result::{DatabaseErrorKind, Error as DieselError, QueryResult};

use super::session::Session;
use crate::connection::Executor;
use crate::connection::Question;
use crate::connection::{Fault, fault};
use crate::dialect::ClockForm;
use crate::dialect::{Dialect, TableName};
use crate::error::Error;
use crate::schema::read_table;

/// The table of the leases.
const TABLE: &str = "soft_delete_leases";
/// How long a lease lives without being renewed.
const TTL: Duration = Duration::from_secs(60);
/// How long it is tried to get past the locks of others: much less than a lease lives.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long one of these tries waits.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);
/// The pause between them.
const PAUSE: Duration = Duration::from_millis(20);
/// How long a lease is left as it is: an `UPDATE` in every batch would pile up dead versions of one row.
const RENEWAL: Duration = Duration::from_secs(2);

/// A lease that this runner holds.
#[derive(Debug)]
pub(super) struct Lease {
    dialect: Dialect,
    name: String,
    holder: String,
    ttl: Duration,
    renewed: Instant,
    lost: bool,
}

/// Who has the lease instead.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holder {
    /// The runner: the id of its process, and something random.
    pub holder: String,
    /// For how long the lease lives if it is not renewed.
    pub expires_in: Duration,
}

/// The statement that creates the table of the leases.
///
/// A policy with `.exclusive(..)` executes it if the table is missing; with this the table can be made by
/// a migration instead, where the purging user may not create one.
///
/// ```
/// use diesel_soft_delete::{Dialect, lease_table};
///
/// assert!(lease_table(Dialect::Postgres).starts_with("CREATE TABLE IF NOT EXISTS \"soft_delete_leases\""));
/// ```
#[must_use]
pub fn lease_table(dialect: Dialect) -> String {
    let quote = |name| dialect.quote(name);
    format!(
        "CREATE TABLE IF NOT EXISTS {} ({} VARCHAR(150) NOT NULL PRIMARY KEY, {} VARCHAR(100) NOT NULL, {} BIGINT NOT NULL)",
        quote(TABLE),
        quote("name"),
        quote("holder"),
        quote("expires_ms"),
    )
}

impl Lease {
    /// Takes the lease; the inner error tells who has it.
    pub(super) async fn take<X: Executor>(
        x: &mut X,
        session: &mut Session,
        name: &str,
        ttl: Option<Duration>,
    ) -> Result<Result<Self, Holder>, Error> {
        let begun = Instant::now();
        loop {
            match Self::take_now(x, session, name, ttl).await {
                // On SQLite a writer can be in the way of those who read the catalog, too.
                Err(Error::Database(error)) if begun.elapsed() < PATIENCE && fault(&error) == Fault::Busy => {
                    let _ = x.sleep(PAUSE).await;
                }
                result => return result,
            }
        }
    }

    async fn take_now<X: Executor>(
        x: &mut X,
        session: &mut Session,
        name: &str,
        ttl: Option<Duration>,
    ) -> Result<Result<Self, Holder>, Error> {
        let dialect = session.dialect;
        if name.is_empty() || name.chars().count() > 150 {
            return Err(Error::InvalidOption { option: "exclusive", why: "a name has 1 to 150 characters" });
        }
        let table = TableName::parse(TABLE);
        if read_table(x, dialect, &table).await?.is_none() {
            if let Err(error) = x.tell(Question::text(&lease_table(dialect))).await {
                // Another runner may have been faster.
                if fault(&error) == Fault::Lost || read_table(x, dialect, &table).await?.is_none() {
                    return Err(Error::NoLeaseTable { sql: lease_table(dialect), source: error });
                }
            }
        }
        let mut lease = Self {
            dialect,
            name: name.to_owned(),
            holder: unique(),
            ttl: ttl.unwrap_or(TTL),
            renewed: Instant::now(),
            lost: false,
        };
        // Somebody can release it in between; a few rounds are enough for any number of runners.
        for _ in 0..5 {
            if lease.seize(x, session).await? {
                return Ok(Ok(lease));
            }
            if let Some(holder) = lease.holder(x).await? {
                return Ok(Err(holder));
            }
        }
        Err(Error::Contended { table: TABLE.to_owned() })
    }

    /// Writes our name into a row that is free, or makes the row.
    async fn seize<X: Executor>(&mut self, x: &mut X, session: &mut Session) -> Result<bool, Error> {
        let now = self.dialect.now(ClockForm::Millis);
        let update = self.update(&self.holder).sql(&format!(" AND {} < {now}", self.dialect.quote("expires_ms")));
        if self.patiently(x, session, update).await? == 1 {
            return Ok(true);
        }
        let columns = self.dialect.quote_all(&["name", "holder", "expires_ms"]);
        let insert = Question::text(&format!("INSERT INTO {} ({columns}) SELECT ", self.dialect.quote(TABLE)))
            .bind(&self.name)
            .sql(", ")
            .bind(&self.holder)
            .sql(&format!(", {now} + {}", self.ttl.as_millis()))
            .sql(&format!(
                " FROM (SELECT 1 AS one) AS once WHERE NOT EXISTS (SELECT 1 FROM {} AS taken WHERE {} = ",
                self.dialect.quote(TABLE),
                self.dialect.quote("name")
            ))
            .bind(&self.name)
            .sql(")");
        match self.patiently(x, session, insert).await {
            Ok(rows) => Ok(rows == 1),
            // Two runners met here.
            Err(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Executes a statement outside a transaction, again while locks are in its way, but not for ever.
    async fn patiently<X: Executor>(
        &self,
        x: &mut X,
        session: &mut Session,
        statement: Question,
    ) -> QueryResult<usize> {
        let begun = Instant::now();
        loop {
            match once(x, session, statement.clone()).await {
                Err(error)
                    if begun.elapsed() < PATIENCE
                        && matches!(fault(&error), Fault::Again | Fault::Busy | Fault::Locked) =>
                {
                    let _ = x.sleep(PAUSE).await;
                }
                result => return result,
            }
        }
    }

    fn update(&self, holder: &str) -> Question {
        let (dialect, now) = (self.dialect, self.dialect.now(ClockForm::Millis));
        Question::text(&format!("UPDATE {} SET {} = ", dialect.quote(TABLE), dialect.quote("holder")))
            .bind(holder)
            .sql(&format!(", {} = {now} + {}", dialect.quote("expires_ms"), self.ttl.as_millis()))
            .sql(&format!(" WHERE {} = ", dialect.quote("name")))
            .bind(&self.name)
    }

    async fn holder<X: Executor>(&self, x: &mut X) -> QueryResult<Option<Holder>> {
        let now = self.dialect.now(ClockForm::Millis);
        let rest = format!("{} - {now}", self.dialect.quote("expires_ms"));
        let question = Question::select(self.dialect, &[&self.dialect.quote("holder"), &rest])
            .sql(&format!(" FROM {} WHERE {} = ", self.dialect.quote(TABLE), self.dialect.quote("name")))
            .bind(&self.name);
        let rows = x.ask(question).await?;
        Ok(rows.first().and_then(|row| {
            let expires_in = Duration::from_millis(row.number(1)?);
            Some(Holder { holder: row.text(0).to_owned(), expires_in })
        }))
    }

    /// How long the lease can be left as it is.
    pub(super) fn interval(&self) -> Duration {
        RENEWAL.min(self.ttl / 4).max(Duration::from_millis(1))
    }

    /// Renews the lease, before a batch; false if another runner has it.
    pub(super) async fn renew<X: Executor>(&mut self, x: &mut X, session: &mut Session) -> QueryResult<bool> {
        if self.lost {
            return Ok(false);
        }
        if self.renewed.elapsed() < self.interval() {
            return Ok(true);
        }
        let renew =
            self.update(&self.holder).sql(&format!(" AND {} = ", self.dialect.quote("holder"))).bind(&self.holder);
        self.lost = self.patiently(x, session, renew.cached()).await? != 1;
        self.renewed = Instant::now();
        Ok(!self.lost)
    }

    /// Gives the lease back; if that fails it expires.
    pub(super) async fn release<X: Executor>(self, x: &mut X, session: &mut Session) {
        let release = Question::text(&format!(
            "DELETE FROM {} WHERE {} = ",
            self.dialect.quote(TABLE),
            self.dialect.quote("name")
        ))
        .bind(&self.name)
        .sql(&format!(" AND {} = ", self.dialect.quote("holder")))
        .bind(&self.holder);
        let _ = self.patiently(x, session, release).await;
    }
}

/// One statement that waits for a lock no longer than it should.
async fn once<X: Executor>(x: &mut X, session: &mut Session, statement: Question) -> QueryResult<usize> {
    session.prepare(x, LOCK_TIMEOUT).await?;
    if session.dialect != Dialect::Postgres {
        return x.tell(statement).await;
    }
    x.begin().await?;
    let result = match session.limit(x, LOCK_TIMEOUT).await {
        Ok(()) => x.tell(statement).await,
        Err(error) => Err(error),
    };
    match result {
        Ok(rows) => x.commit().await.map(|()| rows),
        Err(error) => {
            let _ = x.rollback().await;
            Err(error)
        }
    }
}

/// A name that no other runner has.
fn unique() -> String {
    use std::hash::{BuildHasher, RandomState};
    let random = RandomState::new().hash_one(std::process::id());
    format!("{}-{random:016x}", std::process::id())
}
