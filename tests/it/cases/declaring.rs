// Declarations can have every form of names, keys, structs and tables.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_soft_delete::prelude::*;

use super::backend::{Conn, Db, INSTANT_NULL, connection};

fn create(ddl: &str) -> crate::support::TestConnection<Conn> {
    let mut conn = connection();
    conn.batch_execute(&ddl.replace("{instant}", INSTANT_NULL)).expect("the tables");
    conn
}

#[test]
fn without_an_attribute_the_usual_columns_are_assumed() {
    diesel::table! {
        notes {
            id -> Integer,
            is_deleted -> Bool,
            deleted_at -> Nullable<Timestamp>,
        }
    }
    #[derive(SoftDeletable)]
    #[diesel(table_name = notes)]
    #[allow(dead_code, reason = "only what the derive does to the table is looked at")]
    struct Note {
        id: i32,
    }
    let conn = &mut *create(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at {instant});
         INSERT INTO notes (id) VALUES (1);",
    );
    assert_eq!(notes::table.find(1).soft_delete().execute(conn), Ok(1));
    assert_eq!(notes::table.filter(notes::deleted_at.is_not_null()).deleted().count().get_result::<i64>(conn), Ok(1));
}

#[test]
fn a_composite_primary_key_tells_the_row() {
    diesel::table! {
        members (group_id, user_id) {
            group_id -> Integer,
            user_id -> Integer,
            left_at -> Nullable<Timestamp>,
        }
    }
    #[derive(Queryable, Selectable, Identifiable, SoftDeletable)]
    #[diesel(table_name = members, primary_key(group_id, user_id))]
    #[soft_delete(timestamp = left_at)]
    struct Member {
        group_id: i32,
        user_id: i32,
    }
    let conn = &mut *create(
        "CREATE TABLE members (group_id INTEGER, user_id INTEGER, left_at {instant}, PRIMARY KEY (group_id, user_id));
         INSERT INTO members (group_id, user_id) VALUES (1, 1), (1, 2), (2, 1);",
    );
    assert_eq!(members::table.find((1, 2)).soft_delete().execute(conn), Ok(1));
    let member = members::table.find((2, 1)).select(Member::as_select()).first(conn).unwrap();
    assert_eq!(member.soft_delete().execute(conn), Ok(1));
    let left = members::table.active().select((members::group_id, members::user_id)).load::<(i32, i32)>(conn);
    assert_eq!(left, Ok(vec![(1, 1)]));
}

#[test]
fn a_newtype_can_be_the_id() {
    use diesel::deserialize::{FromSql, FromSqlRow};
    use diesel::expression::AsExpression;
    use diesel::serialize::{Output, ToSql};
    use diesel::sql_types::Integer;

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, AsExpression, FromSqlRow)]
    #[diesel(sql_type = Integer)]
    struct NoteId(i32);
    impl ToSql<Integer, Db> for NoteId {
        fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Db>) -> diesel::serialize::Result {
            ToSql::<Integer, Db>::to_sql(&self.0, out)
        }
    }
    impl FromSql<Integer, Db> for NoteId {
        fn from_sql(value: <Db as diesel::backend::Backend>::RawValue<'_>) -> diesel::deserialize::Result<Self> {
            <i32 as FromSql<Integer, Db>>::from_sql(value).map(Self)
        }
    }

    diesel::table! {
        notes (note_id) {
            note_id -> Integer,
            is_deleted -> Bool,
        }
    }
    #[derive(Queryable, Selectable, Identifiable, SoftDeletable)]
    #[diesel(table_name = notes, primary_key(note_id))]
    #[soft_delete(flag = is_deleted)]
    struct Note {
        note_id: NoteId,
    }
    let conn = &mut *create(
        "CREATE TABLE notes (note_id INTEGER PRIMARY KEY, is_deleted BOOLEAN NOT NULL DEFAULT FALSE);
         INSERT INTO notes (note_id) VALUES (1), (2);",
    );
    let note: Note = notes::table.find(NoteId(2)).select(Note::as_select()).first(conn).unwrap();
    assert_eq!(note.soft_delete().execute(conn), Ok(1));
    assert_eq!(notes::table.find(NoteId(1)).soft_delete().execute(conn), Ok(1));
}

#[test]
fn models_can_be_generic_and_embed_fields() {
    diesel::table! {
        notes {
            id -> Integer,
            body -> Text,
            is_deleted -> Bool,
            deleted_at -> Nullable<Timestamp>,
        }
    }
    #[derive(Queryable, Selectable)]
    #[diesel(table_name = notes)]
    struct Tombstone {
        is_deleted: bool,
        deleted_at: Option<chrono::NaiveDateTime>,
    }
    #[derive(Queryable, Selectable, SoftDeletable)]
    #[diesel(table_name = notes)]
    #[diesel(check_for_backend(Db))]
    #[soft_delete(flag = is_deleted)]
    #[soft_delete(timestamp = deleted_at)]
    struct Note<B>
    where
        B: diesel::deserialize::FromSqlRow<diesel::sql_types::Text, Db> + 'static,
    {
        id: i32,
        body: B,
        #[diesel(embed)]
        tombstone: Tombstone,
    }
    // A second struct of the same table needs no derive.
    #[derive(Queryable, Selectable, Identifiable)]
    #[diesel(table_name = notes)]
    struct NoteRef {
        id: i32,
    }
    let conn = &mut *create(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, body VARCHAR(20) NOT NULL, is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at {instant});
         INSERT INTO notes (id, body) VALUES (1, 'a');",
    );
    assert_eq!(NoteRef { id: 1 }.soft_delete().execute(conn), Ok(1));
    let note: Note<String> = notes::table.deleted().select(Note::as_select()).first(conn).unwrap();
    assert_eq!((note.id, note.body.as_str(), note.tombstone.is_deleted), (1, "a", true));
    assert!(note.tombstone.deleted_at.is_some());
}

#[test]
fn renamed_columns_and_tables_are_written_with_their_sql_names() {
    diesel::table! {
        #[sql_name = "order"]
        orders {
            id -> Integer,
            #[sql_name = "select"]
            gone -> Bool,
            #[sql_name = "when gone"]
            gone_at -> Nullable<Timestamp>,
        }
    }
    #[derive(Queryable, Selectable, Identifiable, SoftDeletable)]
    #[diesel(table_name = orders)]
    // Keys name columns, or fields that are mapped to columns.
    #[soft_delete(flag = removed, timestamp = gone_at)]
    struct Order {
        id: i32,
        #[diesel(column_name = gone)]
        removed: bool,
    }
    let quoted = |ddl: &str| match super::backend::DIALECT {
        diesel_soft_delete::Dialect::Mysql => ddl.replace('"', "`"),
        _ => ddl.to_owned(),
    };
    let conn = &mut *create(&quoted(
        r#"CREATE TABLE "order" (id INTEGER PRIMARY KEY, "select" BOOLEAN NOT NULL DEFAULT FALSE, "when gone" {instant});
           INSERT INTO "order" (id) VALUES (1), (2);"#,
    ));
    assert_eq!(orders::table.find(1).soft_delete().execute(conn), Ok(1));
    let order = orders::table.active().select(Order::as_select()).first(conn).unwrap();
    assert_eq!((order.id, order.removed), (2, false));
    let error = orders::table.restore().set(orders::gone.eq(true)).run(conn).unwrap_err();
    assert!(error.to_string().contains("`order.select`"), "{error}");
}

#[test]
fn the_assumed_columns_can_have_renamed_fields() {
    diesel::table! {
        notes {
            id -> Integer,
            gone -> Bool,
            gone_at -> Nullable<Timestamp>,
        }
    }
    #[derive(SoftDeletable)]
    #[diesel(table_name = notes)]
    #[allow(dead_code, reason = "only what the derive does to the table is looked at")]
    struct Note {
        #[diesel(column_name = gone)]
        is_deleted: bool,
        #[diesel(column_name = gone_at)]
        deleted_at: Option<chrono::NaiveDateTime>,
    }
    let sql = diesel::debug_query::<Db, _>(&notes::table.restore()).to_string().replace('`', "\"");
    assert!(
        sql.starts_with(r#"UPDATE "notes" SET "gone" = FALSE, "gone_at" = NULL WHERE ("notes"."gone" = TRUE)"#),
        "{sql}"
    );
}

#[test]
fn a_flag_with_a_touch_column_takes_a_time() {
    diesel::table! {
        notes {
            id -> Integer,
            is_deleted -> Bool,
            touched -> Timestamp,
        }
    }
    diesel_soft_delete::soft_deletable! { notes { flag = is_deleted, touch = touched } }
    let at = super::schema::instant("2025-01-01 00:00:00").and_utc();
    let sql = diesel::debug_query::<Db, _>(&notes::table.soft_delete().at_utc(at)).to_string().replace('`', "\"");
    assert!(sql.starts_with(r#"UPDATE "notes" SET "is_deleted" = TRUE, "touched" = "#), "{sql}");
    assert!(sql.ends_with("[2025-01-01T00:00:00]"), "{sql}");
}

#[test]
fn tables_in_a_schema_are_written_with_its_name() {
    // The name of the test's own schema is known only at run time, so only the SQL is checked. `postgres_plans` runs it.
    diesel::table! {
        blog.notes {
            id -> Integer,
            is_deleted -> Bool,
            deleted_at -> Nullable<Timestamp>,
        }
    }
    #[derive(SoftDeletable)]
    #[diesel(table_name = notes)]
    #[allow(dead_code, reason = "only what the derive does to the table is looked at")]
    struct Note {
        id: i32,
    }
    let sql = diesel::debug_query::<Db, _>(&notes::table.find(1).restore()).to_string().replace('`', "\"");
    assert!(
        sql.starts_with(
            r#"UPDATE "blog"."notes" SET "is_deleted" = FALSE, "deleted_at" = NULL WHERE ("blog"."notes"."id" = "#
        ),
        "{sql}"
    );
    let active = diesel::debug_query::<Db, _>(&notes::table.active()).to_string().replace('`', "\"");
    assert!(active.contains(r#"WHERE ("blog"."notes"."is_deleted" = FALSE)"#), "{active}");
    let conn = &mut *connection();
    let error = notes::table.restore().set(notes::is_deleted.eq(true)).run(conn).unwrap_err();
    assert!(error.to_string().contains("`blog.notes.is_deleted`"), "{error}");
}

#[test]
fn one_macro_takes_paths_and_several_tables() {
    mod schema {
        diesel::table! { a { id -> Integer, is_deleted -> Bool, } }
        diesel::table! { b { id -> Integer, a_id -> Integer, is_deleted -> Bool, } }
        diesel::table! { c { id -> Integer, } }
        diesel::table! { d { id -> Integer, } }
        diesel::joinable!(b -> a (a_id));
        diesel::allow_tables_to_appear_in_same_query!(a, b, c, d);
    }
    diesel_soft_delete::soft_deletable! {
        schema::a { flag = is_deleted },
        schema::b::table { flag = is_deleted, }
    }
    diesel_soft_delete::not_soft_deletable!(schema::c, schema::d::table,);
    use schema::{a, b, c, d};
    let sql = |query: &dyn diesel::query_builder::QueryFragment<Db>| {
        diesel::debug_query::<Db, _>(&query).to_string().replace('`', "\"")
    };
    assert!(
        sql(&a::table.inner_join(b::table).active())
            .contains(r#"("a"."is_deleted" = FALSE) AND ("b"."is_deleted" = FALSE)"#)
    );
    let with_c = a::table.left_join(c::table.on(c::id.eq(a::id))).left_join(d::table.on(d::id.eq(a::id))).active();
    assert!(sql(&with_c).contains(r#"WHERE ("a"."is_deleted" = FALSE)"#));
}

#[test]
fn all_keys_of_the_attribute_can_be_combined() {
    diesel::table! {
        notes {
            id -> Integer,
            live -> Nullable<Bool>,
            deleted_ms -> Nullable<BigInt>,
            touched_ms -> BigInt,
            deleted_by -> Nullable<Integer>,
            reason -> Nullable<Text>,
            operation -> Nullable<BigInt>,
        }
    }
    #[derive(SoftDeletable)]
    #[diesel(table_name = notes)]
    #[soft_delete(active_flag = live, timestamp = deleted_ms, unit = millis, touch = touched_ms)]
    #[soft_delete(metadata(deleted_by, reason), operation = operation)]
    #[allow(dead_code, reason = "only what the derive does to the table is looked at")]
    struct Note {
        id: i32,
    }
    let conn = &mut *create(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, live BOOLEAN, deleted_ms BIGINT, touched_ms BIGINT NOT NULL DEFAULT 0,
             deleted_by INTEGER, reason VARCHAR(20), operation BIGINT);
         INSERT INTO notes (id) VALUES (1);",
    );
    let at = super::schema::instant("2025-01-01 00:00:00.5").and_utc();
    type Row = (Option<bool>, Option<i64>, i64, Option<i32>, Option<String>, Option<i64>);
    let row = |conn: &mut Conn| {
        notes::table
            .select((
                notes::live,
                notes::deleted_ms,
                notes::touched_ms,
                notes::deleted_by,
                notes::reason,
                notes::operation,
            ))
            .first::<Row>(conn)
            .unwrap()
    };
    let metadata = (notes::deleted_by.eq(7), notes::reason.eq("x"), notes::operation.eq(9));
    assert_eq!(notes::table.soft_delete().at_utc(at).set(metadata).execute(conn), Ok(1));
    let millis = at.timestamp_millis();
    assert_eq!(row(conn), (Some(false), Some(millis), millis, Some(7), Some("x".into()), Some(9)));
    assert_eq!(notes::table.restore().at(5_i64).execute(conn), Ok(1));
    assert_eq!(row(conn), (Some(true), None, 5, None, None, None));
}

#[test]
fn a_table_of_64_columns_can_be_declared() {
    diesel::table! {
        wide {
            id -> Integer,
            c01 -> Nullable<Integer>, c02 -> Nullable<Integer>, c03 -> Nullable<Integer>, c04 -> Nullable<Integer>,
            c05 -> Nullable<Integer>, c06 -> Nullable<Integer>, c07 -> Nullable<Integer>, c08 -> Nullable<Integer>,
            c09 -> Nullable<Integer>, c10 -> Nullable<Integer>, c11 -> Nullable<Integer>, c12 -> Nullable<Integer>,
            c13 -> Nullable<Integer>, c14 -> Nullable<Integer>, c15 -> Nullable<Integer>, c16 -> Nullable<Integer>,
            c17 -> Nullable<Integer>, c18 -> Nullable<Integer>, c19 -> Nullable<Integer>, c20 -> Nullable<Integer>,
            c21 -> Nullable<Integer>, c22 -> Nullable<Integer>, c23 -> Nullable<Integer>, c24 -> Nullable<Integer>,
            c25 -> Nullable<Integer>, c26 -> Nullable<Integer>, c27 -> Nullable<Integer>, c28 -> Nullable<Integer>,
            c29 -> Nullable<Integer>, c30 -> Nullable<Integer>, c31 -> Nullable<Integer>, c32 -> Nullable<Integer>,
            c33 -> Nullable<Integer>, c34 -> Nullable<Integer>, c35 -> Nullable<Integer>, c36 -> Nullable<Integer>,
            c37 -> Nullable<Integer>, c38 -> Nullable<Integer>, c39 -> Nullable<Integer>, c40 -> Nullable<Integer>,
            c41 -> Nullable<Integer>, c42 -> Nullable<Integer>, c43 -> Nullable<Integer>, c44 -> Nullable<Integer>,
            c45 -> Nullable<Integer>, c46 -> Nullable<Integer>, c47 -> Nullable<Integer>, c48 -> Nullable<Integer>,
            c49 -> Nullable<Integer>, c50 -> Nullable<Integer>, c51 -> Nullable<Integer>, c52 -> Nullable<Integer>,
            c53 -> Nullable<Integer>, c54 -> Nullable<Integer>, c55 -> Nullable<Integer>, c56 -> Nullable<Integer>,
            c57 -> Nullable<Integer>, c58 -> Nullable<Integer>, c59 -> Nullable<Integer>, c60 -> Nullable<Integer>,
            c61 -> Nullable<Integer>,
            is_deleted -> Bool,
            deleted_at -> Nullable<Timestamp>,
        }
    }
    diesel_soft_delete::soft_deletable! { wide { flag = is_deleted, timestamp = deleted_at } }
    let columns: String = (1..=61).map(|i| format!("c{i:02} INTEGER, ")).collect();
    let conn = &mut *create(&format!(
        "CREATE TABLE wide (id INTEGER PRIMARY KEY, {columns} is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at {{instant}});
         INSERT INTO wide (id) VALUES (1), (2);"
    ));
    assert_eq!(wide::table.find(1).soft_delete().execute(conn), Ok(1));
    assert_eq!(
        wide::table.active().select((wide::id, wide::c61)).load::<(i32, Option<i32>)>(conn),
        Ok(vec![(2, None)])
    );
}
