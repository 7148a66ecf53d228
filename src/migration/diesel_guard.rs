//! The header that tells diesel-guard, a linter of migrations for PostgreSQL, which of its checks do not apply.

/// Puts the header before the SQL, if there is a check that would refuse it.
pub(super) fn with_header(sql: String) -> String {
    let has = |text: &str| sql.contains(text);
    let is_index = has("CREATE INDEX") || has("CREATE UNIQUE INDEX");
    let is_concurrent = has(" CONCURRENTLY ");
    let has_plain_time = has(" TIMESTAMP ") || has(" TIMESTAMP,") || has(" TIMESTAMP;");
    let (constant, exists, one) = (
        "a constant default rewrites no row",
        "an object that is there or missing must be an error",
        "the transaction is meant to hold all of it",
    );
    let checks = [
        ("AddColumnCheck", has("ADD COLUMN") && has(" DEFAULT "), constant),
        ("IdempotencyAlterCheck", has("ADD COLUMN") || has("DROP COLUMN"), exists),
        ("IdempotencyCreateCheck", has("CREATE TABLE"), exists),
        ("IdempotencyIndexCheck", is_index, exists),
        ("IdempotencyDropCheck", has("DROP INDEX") || has("DROP TABLE"), exists),
        ("AddIndexCheck", is_index && !is_concurrent, one),
        ("DropIndexCheck", has("DROP INDEX") && !is_concurrent, one),
        ("AddCheckConstraintCheck", has("ADD CONSTRAINT") && has(" CHECK ") && !has("NOT VALID"), one),
        ("AddPrimaryKeyCheck", has("CREATE TABLE"), "the new table is empty"),
        ("TimestampTypeCheck", has_plain_time, "times are in UTC"),
        ("DropColumnCheck", has("DROP COLUMN"), "going back removes what was added"),
        ("DropTableCheck", has("DROP TABLE"), "going back removes what was added"),
    ];
    let (mut names, mut reasons) = (Vec::new(), Vec::new());
    for (name, _, reason) in checks.iter().filter(|(_, applies, _)| *applies) {
        names.push(*name);
        if !reasons.contains(reason) {
            reasons.push(*reason);
        }
    }
    if names.is_empty() {
        return sql;
    }
    format!("-- diesel-guard:disable {}\n-- For {}.\n\n{sql}", names.join(", "), reasons.join("; "))
}
