//! On MySQL and MariaDB, an UPDATE reads the latest rows, and a SELECT reads the transaction's snapshot.

use diesel::prelude::*;
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{Error, Outcome};

use crate::mysql::schema::*;

#[test]
fn outcome_reads_rows_newer_than_the_snapshot() {
    let (mut owner, url) = crate::support::mysql::shared();
    fill(&mut owner);
    let other = &mut *owner;
    let mut conn = MysqlConnection::establish(&url).unwrap();
    conn.transaction(|conn| {
        // This query takes the snapshot of the transaction.
        assert_eq!(posts::table.active().count().get_result::<i64>(conn)?, 3);
        assert_eq!(posts::table.find(1).soft_delete().execute(other)?, 1);
        diesel::update(posts::table.find(3)).set(posts::version.eq(2)).execute(other)?;
        diesel::delete(comments::table).execute(other)?;
        diesel::delete(tags::table).execute(other)?;
        diesel::delete(posts::table.find(4)).execute(other)?;
        // The snapshot still has the three rows as they were.
        assert_eq!(posts::table.active().count().get_result::<i64>(conn)?, 3);
        assert_eq!(posts::table.find(1).soft_delete().outcome(conn)?, Outcome::AlreadyInState);
        let versioned = posts::table.find(3).soft_delete().only_if(posts::version.eq(1));
        assert_eq!(versioned.outcome(conn)?, Outcome::Refused);
        assert_eq!(posts::table.find(4).soft_delete().outcome(conn)?, Outcome::NotFound);
        Ok::<_, Error>(())
    })
    .unwrap();
}

mod cascades {
    use diesel::connection::SimpleConnection;
    use diesel::prelude::*;
    use diesel_soft_delete::Error;
    use diesel_soft_delete::prelude::*;

    diesel::table! { owners { id -> Integer, is_deleted -> Bool, operation -> Nullable<Text> } }
    diesel::table! { shops { id -> Integer, owner_id -> Integer, is_deleted -> Bool, operation -> Nullable<Text> } }
    diesel::table! { bills { id -> Integer, shop_id -> Integer, is_deleted -> Bool } }
    diesel::table! {
        wares { id -> Integer, shop_id -> Integer, maker_id -> Nullable<Integer>, is_deleted -> Bool, operation -> Nullable<Text> }
    }
    diesel_soft_delete::soft_deletable! {
        owners { flag = is_deleted, operation = operation, cascade(shops(owner_id), wares(maker_id)) }
        shops { flag = is_deleted, operation = operation, cascade(wares(shop_id)), restrict(bills(shop_id)) }
        bills { flag = is_deleted }
        wares { flag = is_deleted, operation = operation }
    }

    const DDL: &str = "
        CREATE TABLE owners (id INTEGER PRIMARY KEY, is_deleted BOOLEAN NOT NULL DEFAULT FALSE, operation VARCHAR(36));
        CREATE TABLE shops (id INTEGER PRIMARY KEY, owner_id INTEGER, is_deleted BOOLEAN NOT NULL DEFAULT FALSE, operation VARCHAR(36), KEY (owner_id));
        CREATE TABLE bills (id INTEGER PRIMARY KEY, shop_id INTEGER, is_deleted BOOLEAN NOT NULL DEFAULT FALSE, KEY (shop_id));
        CREATE TABLE wares (id INTEGER PRIMARY KEY, shop_id INTEGER, maker_id INTEGER, is_deleted BOOLEAN NOT NULL DEFAULT FALSE,
            operation VARCHAR(36), KEY (shop_id), KEY (maker_id));
        INSERT INTO owners (id) VALUES (1), (2); INSERT INTO shops (id, owner_id) VALUES (1, 1);
        INSERT INTO wares (id, shop_id, maker_id) VALUES (1, 1, 2);";

    /// The snapshot has neither the shop nor its bill. The cascade reaches the shop, so it must find the bill.
    #[test]
    fn restrict_reads_rows_newer_than_the_snapshot() {
        let (mut owner, url) = crate::support::mysql::shared();
        owner.batch_execute(DDL).unwrap();
        let mut conn = MysqlConnection::establish(&url).unwrap();
        conn.transaction(|conn| {
            assert_eq!(bills::table.count().get_result::<i64>(conn)?, 0);
            owner.batch_execute(
                "INSERT INTO shops (id, owner_id) VALUES (7, 1); INSERT INTO bills (id, shop_id) VALUES (1, 7)",
            )?;
            let error = owners::table.find(1).soft_delete().cascade().run(conn).unwrap_err();
            assert!(matches!(&error, Error::Restricted { rows: 1, .. }), "{error}");
            Ok::<_, Error>(())
        })
        .unwrap();
        assert_eq!(shops::table.active().count().get_result(&mut *owner), Ok(2_i64));
    }

    #[test]
    fn withheld_rows_are_counted_newer_than_the_snapshot() {
        let (mut owner, url) = crate::support::mysql::shared();
        owner.batch_execute(DDL).unwrap();
        let mut conn = MysqlConnection::establish(&url).unwrap();
        conn.transaction(|conn| {
            assert_eq!(wares::table.active().count().get_result::<i64>(conn)?, 1);
            let deleted = owners::table.find(1).soft_delete().cascade().run(&mut *owner)?;
            assert_eq!((deleted.rows("shops"), deleted.rows("wares")), (1, 1));
            owners::table.find(2).soft_delete().cascade().run(&mut *owner)?;
            let report = owners::table.find(1).restore().cascade().run(conn)?;
            assert_eq!((report.rows("shops"), report.rows("wares"), report.withheld("wares")), (1, 0, 1));
            Ok::<_, Error>(())
        })
        .unwrap();
    }
}
