//! What a job sets on its connection.

use std::time::Duration;

use diesel::result::QueryResult;

use crate::connection::{ChangedSettings, Executor, Question};
use crate::dialect::Dialect;

/// MySQL's settings of a session that a job changes. The first two are timeouts: for rows, and for tables that others alter
/// or lock as a whole. The third refuses a `DELETE` for which the planner chooses no key.
const SETTINGS: [&str; 3] = ["innodb_lock_wait_timeout", "lock_wait_timeout", "sql_safe_updates"];

/// The settings of the session for a job.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) dialect: Dialect,
    changed: ChangedSettings,
    /// MySQL's variables as they are.
    now: Option<[String; 3]>,
}

impl Session {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self { dialect, changed: ChangedSettings::default(), now: None }
    }

    /// Outside of a transaction.
    pub(super) async fn prepare<X: Executor>(&mut self, x: &mut X, timeout: Duration) -> QueryResult<()> {
        if self.dialect != Dialect::Mysql {
            return Ok(());
        }
        // MySQL has no such setting for a transaction, only one for the session, in whole seconds.
        let seconds = (timeout.as_secs_f64().ceil().max(1.0) as u64).to_string();
        let wanted = [seconds.clone(), seconds, "0".to_owned()];
        if self.now.is_none() {
            // As numbers: MariaDB prints a switch as `ON`.
            let columns = SETTINGS.map(|name| format!("@@SESSION.{name} + 0"));
            let question = Question::select(Dialect::Mysql, &columns.each_ref().map(String::as_str));
            self.now = x.ask(question).await?.first().map(|row| [0, 1, 2].map(|column| row.text(column).to_owned()));
        }
        if let Some(now) = self.now.replace(wanted.clone()).filter(|now| *now != wanted) {
            let variables = SETTINGS.iter().zip(now).zip(wanted);
            let variables = variables.map(|((name, is), wanted)| ((*name).to_owned(), is, wanted));
            self.changed.set(x, variables).await?;
        }
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

    /// After the job, whatever happened.
    pub(super) async fn restore<X: Executor>(self, x: &mut X) {
        self.changed.restore(x).await;
    }
}
