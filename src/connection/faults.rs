//! What an error of the database means for the batch or the cascade that met it.

use diesel::result::{DatabaseErrorKind as Kind, Error};

/// The kinds of errors that need different reactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The whole transaction can be tried again: a deadlock or a failure to serialize.
    Again,
    /// SQLite: another connection writes.
    Busy,
    /// The lock timeout expired.
    Locked,
    /// A constraint keeps the row.
    Constraint,
    /// The connection is lost.
    Lost,
    /// Every other batch of the job would fail in the same way.
    Fatal,
    /// Unknown. Most likely it is an error that a trigger raised.
    Unclear,
}

/// Tells what an error means.
///
/// Diesel names some kinds of errors. It hides SQLSTATE, so the others are recognized by the databases' English
/// messages. A message in another language is `Unclear`: the batch is halved, and the row that is left is reported
/// with the text.
pub(crate) fn fault(error: &Error) -> Fault {
    match error {
        Error::DatabaseError(kind, information) => match kind {
            Kind::SerializationFailure => Fault::Again,
            Kind::UniqueViolation
            | Kind::ForeignKeyViolation
            | Kind::RestrictViolation
            | Kind::ExclusionViolation
            | Kind::NotNullViolation
            | Kind::CheckViolation => Fault::Constraint,
            Kind::ClosedConnection | Kind::UnableToSendCommand => Fault::Lost,
            Kind::ReadOnlyTransaction => Fault::Fatal,
            _ => of_message(&information.message().to_lowercase()),
        },
        Error::BrokenTransactionManager | Error::RollbackErrorOnCommit { .. } => Fault::Lost,
        _ => Fault::Fatal,
    }
}

fn of_message(message: &str) -> Fault {
    let says = |texts: &[&str]| texts.iter().any(|text| message.contains(text));
    if says(&["deadlock", "could not serialize", "record has changed since last read"]) {
        Fault::Again
    } else if says(&["database is locked", "database table is locked", "database schema is locked"]) {
        Fault::Busy
    } else if says(&["lock timeout", "lock wait timeout", "could not obtain lock", "lock request timed out"]) {
        Fault::Locked
    } else if says(&[
        "gone away",
        "lost connection",
        "connection closed",
        "connection reset",
        "broken pipe",
        "not connected",
        "terminating connection",
        "server closed the connection",
        "connection was killed",
        "server shutdown in progress",
        "i/o error",
        "input/output error",
    ]) {
        Fault::Lost
    } else if says(&[
        // These are whole phrases, since a trigger's own message may mention rights or missing things too. An
        // unrecognized error ends the job as well, once no row at all can be removed.
        "permission denied for table",
        "permission denied for relation",
        "command denied to user",
        "attempt to write a readonly database",
        "no such table",
        "disk is full",
        "no space left on device",
        "database disk image is malformed",
    ]) {
        Fault::Fatal
    } else {
        Fault::Unclear
    }
}

/// Whether a row was not removed because another row refers to it.
pub(crate) fn is_reference(error: &Error) -> bool {
    let Error::DatabaseError(kind, information) = error else { return false };
    let message = information.message();
    matches!(kind, Kind::ForeignKeyViolation | Kind::RestrictViolation)
        // SQLite reports RESTRICT as a failed trigger.
        || message == "FOREIGN KEY constraint failed"
        // MySQL and MariaDB limit ON DELETE CASCADE to fifteen levels. MySQL also reports a second such key this way.
        || message.starts_with("Foreign key cascade delete/update exceeds")
        || message.starts_with("Got error 193 ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_told_by_the_messages_of_the_databases() {
        let database = |kind, text: &str| fault(&Error::DatabaseError(kind, Box::new(text.to_owned())));
        for (text, expected) in [
            ("deadlock detected", Fault::Again),
            ("Deadlock found when trying to get lock; try restarting transaction", Fault::Again),
            ("Record has changed since last read in table 'posts'", Fault::Again),
            ("database is locked", Fault::Busy),
            ("canceling statement due to lock timeout", Fault::Locked),
            ("Lock wait timeout exceeded; try restarting transaction", Fault::Locked),
            ("MySQL server has gone away", Fault::Lost),
            ("Lost connection to server during query", Fault::Lost),
            ("permission denied for table posts", Fault::Fatal),
            ("DELETE command denied to user 'app'@'localhost' for table `blog`.`posts`", Fault::Fatal),
            ("attempt to write a readonly database", Fault::Fatal),
            ("this row is precious", Fault::Unclear),
            ("permission denied: the customer of this row does not exist, it is read-only", Fault::Unclear),
            ("canceling statement due to statement timeout", Fault::Unclear),
        ] {
            assert_eq!(database(Kind::Unknown, text), expected, "{text}");
        }
        assert_eq!(database(Kind::ForeignKeyViolation, "deadlock"), Fault::Constraint);
        assert_eq!(database(Kind::SerializationFailure, "x"), Fault::Again);
        assert_eq!(database(Kind::ClosedConnection, "x"), Fault::Lost);
        assert_eq!(fault(&Error::BrokenTransactionManager), Fault::Lost);
        assert_eq!(fault(&Error::NotFound), Fault::Fatal);
    }
}
