//! What a job sets on its connection.

use std::time::Duration;

use diesel::result::QueryResult;

use crate::connection::{ChangedSettings, Executor, Question};
use crate::dialect::Dialect;

/// The settings of a MySQL session that a job changes.
///
/// The first is the timeout for locks of rows, and the second that for locks of whole tables. The third refuses a
/// `DELETE` for which the planner chooses no key.
const SETTINGS: [&str; 3] = ["innodb_lock_wait_timeout", "lock_wait_timeout", "sql_safe_updates"];

/// The settings of the session for a job.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) dialect: Dialect,
    changed: ChangedSettings,
    /// The current values of MySQL's variables.
    now: Option<[String; 3]>,
}

impl Session {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self { dialect, changed: ChangedSettings::default(), now: None }
    }

    /// Sets the timeout of the next statements. It runs outside of a transaction.
    pub(super) async fn prepare<X: Executor>(&mut self, x: &mut X, timeout: Duration) -> QueryResult<()> {
        if self.dialect != Dialect::Mysql {
            return Ok(());
        }
        // MySQL has these settings for a session only, not for a transaction, and in whole seconds.
        let seconds = (timeout.as_secs_f64().ceil().max(1.0) as u64).to_string();
        let wanted = [seconds.clone(), seconds, "0".to_owned()];
        if self.now.is_none() {
            // The addition makes them numbers: MariaDB prints a switch as `ON`.
            let columns = SETTINGS.map(|name| format!("@@SESSION.{name} + 0"));
            let question = Question::select(Dialect::Mysql, &columns.each_ref().map(String::as_str));
            self.now =
                x.query_text(question).await?.first().map(|row| [0, 1, 2].map(|column| row.text(column).to_owned()));
        }
        if let Some(now) = self.now.replace(wanted.clone()).filter(|now| *now != wanted) {
            let variables = SETTINGS.iter().zip(now).zip(wanted);
            let variables = variables.map(|((name, is), wanted)| ((*name).to_owned(), is, wanted));
            self.changed.set(x, variables).await?;
        }
        Ok(())
    }

    /// Sets the timeout of a transaction, as its first statement.
    pub(super) async fn limit<X: Executor>(&self, x: &mut X, timeout: Duration) -> QueryResult<()> {
        if self.dialect == Dialect::Postgres {
            // Behind a pooler a setting without LOCAL would reach other clients. A timeout of 0 would wait forever.
            let millis = timeout.as_millis().clamp(1, i32::MAX as u128);
            x.execute_text(Question::text(&format!("SET LOCAL lock_timeout = {millis}")).cached()).await?;
        }
        Ok(())
    }

    /// Sets back what was changed. It runs after the job, also after an error.
    pub(super) async fn restore<X: Executor>(self, x: &mut X) {
        self.changed.restore(x).await;
    }
}
