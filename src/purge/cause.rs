//! Why a batch was not removed, and what follows from that.

use diesel::result::Error as DieselError;

use super::walk::Refusal;
use crate::connection::{Executor, Fault, Question, fault, is_reference};
use crate::error::{Blocked, BlockedBy, Error};

/// The reason why a batch was not removed.
pub(super) struct Cause {
    pub(super) fault: Fault,
    pub(super) error: Option<DieselError>,
    pub(super) message: String,
}

impl Cause {
    pub(super) fn again(message: String) -> Self {
        Self { fault: Fault::Again, error: None, message }
    }

    pub(super) fn of(error: DieselError) -> Self {
        Self { fault: fault(&error), message: error.to_string(), error: Some(error) }
    }

    /// Corrects a judgment that comes from the words of an error by asking whether the connection still answers.
    ///
    /// A trigger's own text may speak of a closed connection. A connection can also be lost while the error says
    /// something else.
    pub(super) async fn ask_connection<X: Executor>(&mut self, x: &mut X) {
        let in_words = matches!(self.error, Some(DieselError::DatabaseError(..)));
        match self.fault {
            Fault::Unclear | Fault::Constraint if !is_alive(x).await => self.fault = Fault::Lost,
            Fault::Lost if in_words && is_alive(x).await => self.fault = Fault::Unclear,
            _ => {}
        }
    }

    pub(super) fn blocked(&self, table: String, key: String) -> Blocked {
        let constraint = match &self.error {
            Some(DieselError::DatabaseError(_, information)) => information.constraint_name().map(str::to_owned),
            _ => None,
        };
        let cause = match self.fault {
            Fault::Constraint => BlockedBy::Constraint,
            _ if self.refusal() == Refusal::ForeignKey => BlockedBy::Constraint,
            Fault::Locked => BlockedBy::Lock,
            _ if self.error.is_some() && self.fault == Fault::Again => BlockedBy::Lock,
            _ => BlockedBy::Other,
        };
        Blocked { table, key, cause, constraint, message: self.message.clone() }
    }

    /// Returns what the cause means for the walk.
    pub(super) fn refusal(&self) -> Refusal {
        match (&self.error, self.fault) {
            (Some(error), _) if is_reference(error) => Refusal::ForeignKey,
            (_, Fault::Locked) | (Some(_), Fault::Again) => Refusal::Lock,
            (_, Fault::Unclear) => Refusal::Unclear,
            _ => Refusal::Other,
        }
    }

    pub(super) fn into_error(self) -> Error {
        self.error.unwrap_or_else(|| DieselError::QueryBuilderError(self.message.into())).into()
    }
}

/// Returns whether the connection answers and is outside of any transaction.
async fn is_alive<X: Executor>(x: &mut X) -> bool {
    x.in_transaction() == Ok(false) && x.execute_text(Question::text("SELECT 1")).await.is_ok()
}
