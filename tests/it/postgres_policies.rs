//! On PostgreSQL, policies can hide rows from the role that erases.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_soft_delete::Error;
use diesel_soft_delete::prelude::*;

diesel::table! { files { id -> Integer, tenant -> Integer, is_deleted -> Bool } }
diesel::table! { files_archive { id -> Integer, tenant -> Integer } }
diesel_soft_delete::soft_deletable! { files { flag = is_deleted } }

#[test]
fn an_erasure_without_rows_fails_if_a_policy_can_hide_them() {
    let conn = &mut *crate::support::postgres::connection();
    conn.batch_execute(
        "CREATE TABLE files (id INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, is_deleted BOOLEAN NOT NULL DEFAULT FALSE);
         INSERT INTO files VALUES (1, 1, FALSE), (2, 1, TRUE), (3, 2, TRUE);
         ALTER TABLE files ENABLE ROW LEVEL SECURITY;
         CREATE POLICY own_tenant ON files USING (tenant = 1);
         DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO pg_monitor', current_schema()); END $$;
         CREATE TABLE files_archive (id INTEGER, tenant INTEGER); INSERT INTO files_archive VALUES (2, 1);
         GRANT ALL ON files, files_archive TO pg_monitor",
    )
    .unwrap();
    let as_user = "SET ROLE pg_monitor";
    // Rows that a policy of tenants hides do not belong to the user.
    conn.batch_execute(as_user).unwrap();
    assert_eq!(files::table.find(3).erase().run(conn).unwrap().rows, 0);
    // This policy hides rows by their state, so a row can exist although none is seen.
    conn.batch_execute(
        "RESET ROLE; CREATE POLICY undeleted ON files AS RESTRICTIVE USING (NOT is_deleted); SET ROLE pg_monitor",
    )
    .unwrap();
    let text = files::table.find(2).erase().run(conn).unwrap_err().to_string();
    assert!(
        text.starts_with("cannot erase in `files`: it saw no row, but the policy `undeleted` can hide rows"),
        "{text}"
    );
    // The copies in the archive stay too.
    let text = conn.transaction(|conn| {
        let text = files::table.find(2).erase().archived_in(files_archive::table).run(conn).unwrap_err().to_string();
        assert_eq!(files_archive::table.count().get_result::<i64>(conn), Ok(1));
        files::table.count().get_result::<i64>(conn)?;
        Ok::<_, Error>(text)
    });
    assert!(text.unwrap().contains("`undeleted`"));
    // Here the policy is for another role, or the user is exempt from policies.
    conn.batch_execute("RESET ROLE; ALTER POLICY undeleted ON files TO pg_signal_backend; SET ROLE pg_monitor")
        .unwrap();
    assert_eq!(files::table.find(3).erase().run(conn).unwrap().rows, 0);
    conn.batch_execute("RESET ROLE; ALTER POLICY undeleted ON files TO PUBLIC").unwrap();
    assert_eq!(files::table.find(9).erase().run(conn).unwrap().rows, 0);
    assert_eq!(files::table.find(2).erase().run(conn).unwrap().rows, 1);
    assert_eq!(files::table.count().get_result::<i64>(conn), Ok(2));
}
