//! What a job sets on its connection.

use std::time::Duration;

use diesel::result::QueryResult;

use crate::connection::{Executor, Question};
use crate::dialect::Dialect;

/// MySQL's settings of a session that a job changes. The first two are timeouts: for rows, and for tables that others alter
/// or lock as a whole. The third refuses a `DELETE` for which the planner chooses no key.
const SETTINGS: [&str; 3] = ["innodb_lock_wait_timeout", "lock_wait_timeout", "sql_safe_updates"];

/// The settings of the session before the job, to be set again at its end.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) dialect: Dialect,
    /// MySQL's variables as they were.
    before: Option<[String; 3]>,
    /// MySQL's variables as they are.
    set: Option<u64>,
}

impl Session {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self { dialect, before: None, set: None }
    }

    /// Outside of a transaction.
    pub(super) async fn prepare<X: Executor>(&mut self, x: &mut X, timeout: Duration) -> QueryResult<()> {
        if self.dialect != Dialect::Mysql {
            return Ok(());
        }
        // MySQL has no such setting for a transaction, only one for the session, in whole seconds.
        let seconds = timeout.as_secs_f64().ceil().max(1.0) as u64;
        if self.set == Some(seconds) {
            return Ok(());
        }
        if self.before.is_none() {
            // As numbers: MariaDB prints a switch as `ON`.
            let columns = SETTINGS.map(|name| format!("@@SESSION.{name} + 0"));
            let question = Question::select(Dialect::Mysql, &columns.each_ref().map(String::as_str));
            self.before = x.ask(question).await?.first().map(|row| [0, 1, 2].map(|column| row.text(column).to_owned()));
        }
        let values = [seconds, seconds, 0];
        let list = [0, 1, 2].map(|place| format!("SESSION {} = {}", SETTINGS[place], values[place])).join(", ");
        x.tell(Question::text(&format!("SET {list}"))).await?;
        self.set = Some(seconds);
        Ok(())
    }

    /// The first statement of a transaction.
    pub(super) async fn limit<X: Executor>(&self, x: &mut X, timeout: Duration) -> QueryResult<()> {
        if self.dialect == Dialect::Postgres {
            // LOCAL: behind a pooler a setting of the session would reach other clients. 0 would be none.
            let millis = timeout.as_millis().clamp(1, i32::MAX as u128);
            x.tell(Question::text(&format!("SET LOCAL lock_timeout = {millis}")).cached()).await?;
        }
        Ok(())
    }

    /// After the job, whatever happened; on a connection that is lost there is nothing to give back.
    pub(super) async fn restore<X: Executor>(self, x: &mut X) {
        let Some(before) = self.before.filter(|before| before.iter().all(|value| value.parse::<u64>().is_ok())) else {
            return;
        };
        let list = [0, 1, 2].map(|place| format!("SESSION {} = {}", SETTINGS[place], before[place])).join(", ");
        let _ = x.tell(Question::text(&format!("SET {list}"))).await;
    }
}
