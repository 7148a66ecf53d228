//! A schema as large as an app's. Thirty of its sixty tables have the derive, and all may appear in one query.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_soft_delete::prelude::*;

/// Thirty tables have a model that derives, and thirty are not soft-deletable. Each refers to `first`.
macro_rules! schema {
    ($first:ident; soft: $($soft:ident)*; plain: $($plain:ident)*;) => {
        mod schema {
            $(
                diesel::table! {
                    $soft {
                        id -> Integer,
                        first_id -> Nullable<Integer>,
                        name -> Text,
                        is_deleted -> Bool,
                        deleted_at -> Nullable<Timestamp>,
                    }
                }
            )*
            $(
                diesel::table! {
                    $plain {
                        id -> Integer,
                        first_id -> Integer,
                        name -> Text,
                    }
                }
                diesel::joinable!($plain -> $first (first_id));
            )*
            diesel::allow_tables_to_appear_in_same_query!($($soft,)* $($plain,)*);
            diesel_soft_delete::not_soft_deletable!($($plain),*);
        }

        mod models {
            $(
                pub mod $soft {
                    use super::super::*;
                    use super::super::schema::$soft;

                    #[derive(Debug, PartialEq, Queryable, Selectable, Identifiable, SoftDeletable)]
                    #[diesel(table_name = $soft)]
                    pub struct Model {
                        pub id: i32,
                        pub name: String,
                    }

                    /// An app does this with each of its tables.
                    pub fn lives(conn: &mut SqliteConnection) {
                        let rows = [(1, "one"), (2, "two"), (3, "three")];
                        let rows = rows.map(|(id, name)| ($soft::id.eq(id), $soft::first_id.eq(1), $soft::name.eq(name)));
                        diesel::insert_into($soft::table).values(rows.to_vec()).execute(conn).unwrap();
                        assert_eq!($soft::table.find(2).soft_delete().execute(conn), Ok(1));
                        let active: Vec<Model> = $soft::table.active().select(Model::as_select()).load(conn).unwrap();
                        assert_eq!(active.iter().map(|model| model.id).collect::<Vec<_>>(), [1, 3]);
                        assert_eq!(active[0].soft_delete().execute(conn), Ok(1));
                        assert_eq!($soft::table.find(1).restore().execute(conn), Ok(1));
                        assert_eq!($soft::table.deleted().select($soft::name).load::<String>(conn).unwrap(), ["two"]);
                    }
                }
            )*
        }

        const SOFT: &[&str] = &[$(stringify!($soft)),*];
        const PLAIN: &[&str] = &[$(stringify!($plain)),*];

        fn each(conn: &mut SqliteConnection) {
            $(models::$soft::lives(conn);)*
        }
    };
}

schema! {
    accounts;
    soft: accounts addresses albums answers articles attachments authors badges boards books
          cards carts channels clients comments contacts coupons courses customers devices
          documents drafts events folders groups images invoices issues items users;
    plain: audits banners batches billings blobs cities colors counters countries currencies
           digests domains emails exports features formats holidays imports jobs keys
           labels languages limits locales metrics permissions plans regions tags zones;
}

diesel::joinable!(schema::articles -> schema::accounts (first_id));
diesel::joinable!(schema::comments -> schema::accounts (first_id));
diesel::joinable!(schema::invoices -> schema::accounts (first_id));

fn connection() -> SqliteConnection {
    let mut conn = SqliteConnection::establish(":memory:").unwrap();
    for table in SOFT {
        conn.batch_execute(&format!(
            "CREATE TABLE {table} (id INTEGER PRIMARY KEY, first_id INTEGER, name TEXT NOT NULL,
                 is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at TIMESTAMP)"
        ))
        .unwrap();
    }
    for table in PLAIN {
        let sql =
            format!("CREATE TABLE {table} (id INTEGER PRIMARY KEY, first_id INTEGER NOT NULL, name TEXT NOT NULL)");
        conn.batch_execute(&sql).unwrap();
        conn.batch_execute(&format!("INSERT INTO {table} (first_id, name) VALUES (1, 'of one'), (2, 'of two')"))
            .unwrap();
    }
    conn
}

#[test]
fn thirty_declared_and_thirty_other_tables_work_together() {
    use schema::{accounts, articles, comments, invoices, tags, zones};

    assert_eq!((SOFT.len(), PLAIN.len()), (30, 30));
    let conn = &mut connection();
    each(conn);

    // The second row of every declared table is deleted. All rows refer to account 1.
    let rows = accounts::table
        .inner_join(articles::table)
        .left_join_active(comments::table)
        .inner_join(tags::table)
        .left_join(zones::table)
        .active()
        .select((accounts::id, articles::id, comments::id.nullable(), tags::name, zones::name.nullable()))
        .order((articles::id, comments::id))
        .load::<(i32, i32, Option<i32>, String, Option<String>)>(conn)
        .unwrap();
    let keys: Vec<_> = rows.iter().map(|(account, article, comment, ..)| (*account, *article, *comment)).collect();
    assert_eq!(keys, [(1, 1, Some(1)), (1, 1, Some(3)), (1, 3, Some(1)), (1, 3, Some(3))]);
    assert!(rows.iter().all(|(.., tag, zone)| tag == "of one" && zone.as_deref() == Some("of one")));

    assert_eq!(invoices::table.soft_delete().execute(conn), Ok(2));
    let left = accounts::table.left_join_active(invoices::table).active();
    let rows = left.select((accounts::id, invoices::id.nullable())).order(accounts::id);
    assert_eq!(rows.load::<(i32, Option<i32>)>(conn), Ok(vec![(1, None), (3, None)]));
    assert_eq!(accounts::table.inner_join(invoices::table).active().count().get_result::<i64>(conn), Ok(0));
}
