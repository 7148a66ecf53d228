//! Functions of the tests of `check`. They look a finding up, fix it with its SQL, and look again.

use diesel::connection::{LoadConnection, SimpleConnection};
use diesel_soft_delete::migration::ReadsCatalog;
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{Finding, Severity, check};

/// All findings as lines.
pub fn shown(findings: &[Finding]) -> String {
    findings.iter().map(|finding| format!("{finding}\n")).collect()
}

/// The one finding whose message contains the phrase.
pub fn find<T, C>(conn: &mut C, phrase: &str) -> Option<Finding>
where
    T: SoftDeletable,
    C: LoadConnection,
    C::Backend: ReadsCatalog,
{
    let mut findings = check::<T, _>(conn).unwrap();
    assert!(findings.is_sorted_by(|one, next| one.severity >= next.severity), "{}", shown(&findings));
    findings.retain(|finding| finding.message.contains(phrase));
    assert!(findings.len() <= 1, "{}", shown(&findings));
    findings.pop()
}

/// Asserts that the finding exists and does not have SQL.
pub fn report<T, C>(conn: &mut C, severity: Severity, phrase: &str)
where
    T: SoftDeletable,
    C: LoadConnection,
    C::Backend: ReadsCatalog,
{
    let Some(finding) = find::<T, _>(conn, phrase) else {
        panic!("nothing says {phrase:?}: {}", shown(&check::<T, _>(conn).unwrap()))
    };
    assert_eq!((finding.severity, &finding.sql), (severity, &None), "{finding}");
}

/// Finds the finding, runs its SQL one statement at a time, and asserts that the finding is gone.
pub fn mend<T, C>(conn: &mut C, severity: Severity, phrase: &str) -> String
where
    T: SoftDeletable,
    C: LoadConnection + SimpleConnection,
    C::Backend: ReadsCatalog,
{
    let Some(finding) = find::<T, _>(conn, phrase) else {
        panic!("nothing says {phrase:?}: {}", shown(&check::<T, _>(conn).unwrap()))
    };
    assert_eq!(finding.severity, severity, "{finding}");
    let sql = finding.sql.as_ref().unwrap_or_else(|| panic!("no SQL: {finding}"));
    for statement in sql.split(";\n") {
        conn.batch_execute(statement).unwrap_or_else(|error| panic!("{error}: {statement}\n{finding}"));
    }
    assert!(find::<T, _>(conn, phrase).is_none(), "still there: {finding}");
    sql.clone()
}

/// Asserts that only notes are left.
pub fn clean<T, C>(conn: &mut C)
where
    T: SoftDeletable,
    C: LoadConnection,
    C::Backend: ReadsCatalog,
{
    let findings = check::<T, _>(conn).unwrap();
    assert!(findings.iter().all(|finding| finding.severity == Severity::Note), "{}", shown(&findings));
}
