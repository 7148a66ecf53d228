// A cascade works on trees of unusual shapes, sizes and names.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_soft_delete::migration::LiveParent;
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{Dialect, Error, SoftDeleteMigration};

use super::backend::{Conn, DIALECT, INSTANT_NULL, Instant, connection};
use super::cascading::{create, record, statements};
use super::schema::instant;

fn below(error: &Error) -> (&str, &str) {
    let Error::BelowDeleted { ancestor, key, .. } = error else { panic!("{error}") };
    (ancestor, key)
}

mod threads {
    use super::*;

    diesel::table! {
        use diesel::sql_types::*;
        use super::super::Instant;
        topics { id -> Integer, deleted_at -> Nullable<Instant>, operation -> Nullable<Text> }
    }
    diesel::table! {
        use diesel::sql_types::*;
        use super::super::Instant;
        notes {
            id -> Integer,
            topic -> Nullable<Integer>,
            reply_to -> Nullable<Integer>,
            deleted_at -> Nullable<Instant>,
            operation -> Nullable<Text>,
        }
    }
    diesel_soft_delete::soft_deletable! {
        topics { timestamp = deleted_at, operation = operation, cascade(notes(topic)) }
        notes { timestamp = deleted_at, operation = operation, cascade(notes(reply_to)) }
    }

    const DDL: &str = "
        CREATE TABLE topics (id INTEGER PRIMARY KEY, deleted_at {instant}, operation VARCHAR(36));
        CREATE TABLE notes (id INTEGER PRIMARY KEY, topic INTEGER, reply_to INTEGER, deleted_at {instant}, operation VARCHAR(36));
        CREATE INDEX notes_topic ON notes (topic);
        CREATE INDEX notes_reply ON notes (reply_to);";

    fn insert(conn: &mut Conn, rows: impl Iterator<Item = (i32, Option<i32>)>) {
        let rows: Vec<_> = rows.map(|(id, to)| (notes::id.eq(id), notes::reply_to.eq(to))).collect();
        for some in rows.chunks(1000) {
            diesel::insert_into(notes::table).values(some.to_vec()).execute(conn).expect("notes");
        }
    }

    fn live(conn: &mut Conn) -> i64 {
        notes::table.active().count().get_result(conn).unwrap()
    }

    #[test]
    fn a_deleted_ancestor_is_found_above_active_rows() {
        let conn = &mut *create(DDL);
        conn.batch_execute(
            "INSERT INTO topics (id) VALUES (7);
             INSERT INTO notes (id, topic, reply_to) VALUES (1, 7, NULL), (2, NULL, 1), (3, NULL, 2), (4, NULL, 3);",
        )
        .unwrap();
        notes::table.find(4).soft_delete().cascade().run(conn).unwrap();
        // The topic is deleted without its notes. Note 4 would be below it, three replies away.
        topics::table.find(7).soft_delete().without_cascade().run(conn).unwrap();
        let restore = notes::table.find(4).restore().cascade();
        assert_eq!(below(&restore.preview(conn).unwrap_err()), ("topics", "7"));
        assert_eq!(below(&restore.run(conn).unwrap_err()), ("topics", "7"));
        // The error names the nearest ancestor, here a note between active ones.
        notes::table.find(2).soft_delete().without_cascade().run(conn).unwrap();
        assert_eq!(below(&notes::table.find(4).restore().cascade().run(conn).unwrap_err()), ("notes", "2"));
        topics::table.find(7).restore().without_cascade().run(conn).unwrap();
        assert_eq!(below(&notes::table.find(4).restore().cascade().run(conn).unwrap_err()), ("notes", "2"));
        notes::table.find(2).restore().without_cascade().run(conn).unwrap();
        assert_eq!(notes::table.find(4).restore().cascade().run(conn).unwrap().total(), 1);
    }

    /// The rows are more than a statement takes, and each is below a row of a later portion.
    #[test]
    fn targets_of_several_portions_are_deleted_and_restored() {
        let conn = &mut *create(DDL);
        insert(conn, (1..=4500).map(|id| (id, (id < 4500).then_some(id + 1))));
        let all = || notes::table.filter(notes::id.gt(0));
        let delete = all().soft_delete().cascade();
        assert_eq!(delete.preview(conn).unwrap().total(), 4500);
        assert_eq!(live(conn), 4500);
        assert_eq!(delete.run(conn).unwrap().total(), 4500);
        let restore = all().restore().cascade();
        assert_eq!(restore.preview(conn).unwrap().total(), 4500);
        assert_eq!(live(conn), 0);
        assert_eq!(restore.run(conn).unwrap().total(), 4500);
        assert_eq!(live(conn), 4500);
        // A deleted ancestor outside of the target is found too.
        all().soft_delete().cascade().run(conn).unwrap();
        let some = notes::table.filter(notes::id.le(4000)).restore().cascade().run(conn);
        assert_eq!(below(&some.unwrap_err()), ("notes", "4001"));
        assert_eq!(live(conn), 0);
    }

    /// Each of many rows was deleted by its own operation.
    #[test]
    fn rows_of_many_operations_are_restored_in_one_call() {
        let conn = &mut *create(DDL);
        // So many conditions reach SQLite's limit for trees of expressions.
        let sqlite = DIALECT == Dialect::Sqlite;
        let many = if sqlite { 1100 } else { 300 };
        insert(conn, (1..=many).map(|id| (id, None)));
        conn.batch_execute("UPDATE notes SET deleted_at = '2025-01-01 00:00:00', operation = CONCAT('op', id)")
            .or_else(|_| {
                conn.batch_execute("UPDATE notes SET deleted_at = '2025-01-01 00:00:00', operation = 'op' || id")
            })
            .unwrap();
        let restore = notes::table.filter(notes::id.gt(0)).restore().cascade();
        assert_eq!(restore.preview(conn).unwrap().total(), many as u64);
        assert_eq!(restore.run(conn).unwrap().total(), many as u64);
        assert_eq!(live(conn), i64::from(many));
        // Rows without an identifier have no children to restore, so their times do not cost statements.
        for id in 1..=20 {
            let at = instant("2025-01-01 00:00:00").and_utc() + chrono::TimeDelta::seconds(id);
            notes::table.find(id as i32).soft_delete().at_utc(at).without_cascade().run(conn).unwrap();
        }
        let texts = record(conn);
        assert_eq!(notes::table.filter(notes::id.le(20)).restore().cascade().run(conn).unwrap().total(), 20);
        let statements = statements(&texts).len();
        assert!(statements < 15, "{statements}");
    }

    /// The exceptions are statements that libmariadb must not keep.
    #[test]
    fn each_statement_for_one_row_is_prepared_once() {
        use diesel::connection::InstrumentationEvent;
        use std::sync::{Arc, Mutex};
        let conn = &mut *create(DDL);
        conn.batch_execute("INSERT INTO topics (id) VALUES (1); INSERT INTO notes (id, topic) VALUES (1, 1);").unwrap();
        let texts = record(conn);
        let there_and_back = |conn: &mut Conn| {
            assert_eq!(topics::table.find(1).soft_delete().cascade().run(conn).unwrap().total(), 2);
            assert_eq!(topics::table.find(1).restore().cascade().run(conn).unwrap().total(), 2);
        };
        there_and_back(conn);
        let started = statements(&texts);
        let cached = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&cached);
        let mut other = create(DDL);
        other
            .batch_execute("INSERT INTO topics (id) VALUES (1); INSERT INTO notes (id, topic) VALUES (1, 1);")
            .unwrap();
        other.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::CacheQuery { sql, .. } = event {
                seen.lock().unwrap().push(sql.replace(['`', '"'], ""));
            }
        });
        there_and_back(&mut other);
        there_and_back(&mut other);
        let cached = cached.lock().unwrap();
        let mut distinct = cached.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), cached.len(), "{cached:#?}");
        let is_mysql = DIALECT == Dialect::Mysql;
        for text in started.iter().filter(|text| !cached.contains(text)) {
            let locks = ["FOR UPDATE", "LOCK IN SHARE MODE"].iter().any(|words| text.contains(words));
            // These statements read or set the session.
            let asks = text.contains("CAST(NULL AS CHAR)") || text.starts_with("SET SESSION");
            assert!(is_mysql && (locks || asks), "{text}");
        }
    }

    /// The ancestor has the mark of an operation of the target, but is not restored by it.
    #[test]
    fn a_row_below_one_of_another_operation_is_refused() {
        let conn = &mut *create(DDL);
        insert(conn, [(1, None), (2, Some(1)), (3, Some(2)), (4, Some(3))].into_iter());
        notes::table.find(2).soft_delete().cascade().run(conn).unwrap();
        notes::table.find(1).soft_delete().cascade().run(conn).unwrap();
        // Note 2 belongs to the operation that deleted note 3, but it is not in the target.
        let some = notes::table.filter(notes::id.eq_any([1, 3])).restore().cascade();
        assert_eq!(below(&some.preview(conn).unwrap_err()), ("notes", "2"));
        assert_eq!(below(&some.run(conn).unwrap_err()), ("notes", "2"));
        assert_eq!(live(conn), 0);
        let some = notes::table.filter(notes::id.eq_any([1, 2, 4])).restore().cascade();
        for report in [some.preview(conn).unwrap(), some.run(conn).unwrap()] {
            assert_eq!(report.total(), 4);
        }
        assert_eq!(live(conn), 4);
        // Note 4 belongs to the first operation. Note 2 was restored in between and deleted by another operation.
        notes::table.find(1).soft_delete().cascade().run(conn).unwrap();
        notes::table.filter(notes::id.eq_any([1, 2])).restore().without_cascade().run(conn).unwrap();
        notes::table.find(2).soft_delete().without_cascade().run(conn).unwrap();
        notes::table.find(1).soft_delete().without_cascade().run(conn).unwrap();
        let both = notes::table.filter(notes::id.le(2)).restore().cascade();
        let preview = both.preview(conn).unwrap().total();
        assert_eq!(both.run(conn).unwrap().total(), preview);
    }

    #[test]
    fn a_hundred_thousand_rows_need_as_many_statements_as_one() {
        let conn = &mut *create(DDL);
        let mut counts = Vec::new();
        conn.batch_execute("INSERT INTO topics (id) VALUES (1), (2)").unwrap();
        for (topic, roots, replies) in [(1, 1, 1), (2, 1000, 100)] {
            let first = topic * 1_000_000;
            let root = |n: i32| (notes::id.eq(first + n), notes::topic.eq(Some(topic)));
            let roots: Vec<_> = (0..roots).map(root).collect();
            let number = roots.len() as i32;
            conn.transaction(|conn| {
                diesel::insert_into(notes::table).values(roots).execute(conn)?;
                let replies: Vec<(i32, Option<i32>)> =
                    (0..number * replies).map(|n| (first + number + n, Some(first + n % number))).collect();
                insert(conn, replies.into_iter());
                QueryResult::Ok(())
            })
            .unwrap();
            let total = u64::try_from(1 + number + number * replies).unwrap();
            let texts = record(conn);
            let deleted = topics::table.find(topic).soft_delete().cascade().run(conn).unwrap();
            let delete = statements(&texts);
            texts.lock().unwrap().clear();
            assert_eq!(deleted.total(), total);
            // Rows of another topic are left alone.
            assert_eq!(live(conn), if topic == 1 { 0 } else { 2 });
            let restored = topics::table.find(topic).restore().cascade().run(conn).unwrap();
            assert_eq!(restored.total(), total);
            counts.push((delete.len(), statements(&texts).len()));
            conn.set_instrumentation(|_: diesel::connection::InstrumentationEvent<'_>| {});
        }
        assert_eq!(counts[0], counts[1]);
    }
}

mod names {
    use super::*;

    // The tables have names that the library's own statements use, or that are words of SQL.
    diesel::table! {
        use diesel::sql_types::*;
        use super::super::Instant;
        #[sql_name = "d"]
        owners { id -> Integer, #[sql_name = "group"] boss -> Nullable<Integer>, #[sql_name = "at"] gone -> Nullable<Instant>, #[sql_name = "by"] operation -> Nullable<Text>, #[sql_name = "who"] who -> Nullable<Text>, name -> Text }
    }
    diesel::table! {
        use diesel::sql_types::*;
        use super::super::Instant;
        #[sql_name = "o"]
        documents { id -> Integer, owner -> Integer, reader -> Nullable<Integer>, gone -> Nullable<Instant>, operation -> Nullable<Text>, who -> Nullable<Text> }
    }
    diesel::table! {
        use diesel::sql_types::*;
        use super::super::Instant;
        #[sql_name = "select"]
        pages { #[sql_name = "key"] id -> Integer, #[sql_name = "table"] document -> Integer, gone -> Nullable<Instant>, operation -> Nullable<Text> }
    }
    diesel_soft_delete::soft_deletable! {
        owners {
            timestamp = gone, metadata(who), operation = operation,
            cascade(documents(owner), documents(reader), owners(boss)),
        }
        documents { timestamp = gone, metadata(who), operation = operation, cascade(pages(document)) }
        pages { timestamp = gone, operation = operation }
    }

    fn office() -> crate::support::TestConnection<Conn> {
        let mysql = DIALECT == Dialect::Mysql;
        let quote = |name: &str| if mysql { format!("`{name}`") } else { format!("\"{name}\"") };
        let ddl = format!(
            "CREATE TABLE {owners} (id INTEGER PRIMARY KEY, {group} INTEGER, {at} {{instant}}, {by} VARCHAR(36), who VARCHAR(20), name VARCHAR(20) DEFAULT '');
             CREATE TABLE {documents} (id INTEGER PRIMARY KEY, owner INTEGER NOT NULL, reader INTEGER, gone {{instant}}, operation VARCHAR(36), who VARCHAR(20));
             CREATE TABLE {select} ({key} INTEGER PRIMARY KEY, {table} INTEGER NOT NULL, gone {{instant}}, operation VARCHAR(36));
             INSERT INTO {owners} (id, {group}) VALUES (1, NULL), (2, 1), (3, NULL);
             INSERT INTO {documents} (id, owner, reader) VALUES (1, 1, NULL), (2, 2, 3), (3, 3, NULL);
             INSERT INTO {select} ({key}, {table}) VALUES (1, 1), (2, 2), (3, 3);",
            owners = quote("d"), group = quote("group"), at = quote("at"), by = quote("by"), documents = quote("o"),
            select = quote("select"), key = quote("key"), table = quote("table"),
        );
        create(&ddl)
    }

    fn live(conn: &mut Conn) -> Vec<i32> {
        pages::table.active().select(pages::id).order(pages::id).load(conn).unwrap()
    }

    #[test]
    fn tables_and_columns_may_have_names_of_any_kind() {
        let conn = &mut *office();
        let delete = owners::table.find(1).soft_delete().cascade();
        assert_eq!(delete.preview(conn).unwrap().total(), 6);
        let report = delete.run(conn).unwrap();
        assert_eq!(report.iter().collect::<Vec<_>>(), [("d", 2), ("o", 2), ("select", 2)]);
        assert_eq!(live(conn), [3]);
        owners::table.find(3).soft_delete().cascade().run(conn).unwrap();
        let restore = owners::table.find(1).restore().cascade();
        for report in [restore.preview(conn).unwrap(), restore.run(conn).unwrap()] {
            // Document 2 has a reader who is still deleted.
            assert_eq!(report.iter().collect::<Vec<_>>(), [("d", 2), ("o", 1), ("select", 1)]);
            assert_eq!((report.withheld("o"), report.withheld("select")), (1, 1));
        }
        assert_eq!(live(conn), [1]);
        let error = documents::table.find(2).restore().cascade().run(conn).unwrap_err();
        assert_eq!(below(&error), ("d", "3"));
        owners::table.find(3).restore().cascade().run(conn).unwrap();
        documents::table.find(2).restore().cascade().run(conn).unwrap();
        assert_eq!(live(conn), [1, 2, 3]);
    }

    #[test]
    fn a_column_that_is_set_twice_is_refused_whatever_its_name() {
        let conn = &mut *office();
        let twice = |error: Error, name: &str| {
            assert!(matches!(&error, Error::ColumnSetTwice { column, .. } if column == name), "{error}");
        };
        let one = || owners::table.find(1).soft_delete();
        twice(one().set(owners::operation.eq("x")).cascade().run(conn).unwrap_err(), "by");
        twice(one().set(owners::who.eq("me")).cascade().set_all("who", "you").run(conn).unwrap_err(), "who");
        // A column that is only read is not set.
        let report = one().set(owners::name.eq(owners::who.assume_not_null())).cascade().set_all("who", "you");
        let error = report.run(conn).err().map(|error| error.to_string());
        assert!(error.as_deref().is_none_or(|error| !error.contains("twice")), "{error:?}");
    }
}

mod uuids {
    use super::*;

    diesel::table! {
        use diesel::sql_types::*;
        use super::super::Instant;
        accounts { id -> Integer, deleted_at -> Nullable<Instant>, operation -> Nullable<Text> }
    }
    diesel::table! {
        use diesel::sql_types::*;
        use super::super::Instant;
        orders { id -> Integer, account -> Integer, deleted_at -> Nullable<Instant>, operation -> Nullable<Text> }
    }
    diesel_soft_delete::soft_deletable! {
        accounts { timestamp = deleted_at, operation = operation, cascade(orders(account)) }
        orders { timestamp = deleted_at, operation = operation }
    }

    /// An identifier that looks like a UUID is stored with its spelling.
    #[test]
    fn an_identifier_of_text_is_kept_as_it_is() {
        let conn = &mut *create(
            "CREATE TABLE accounts (id INTEGER PRIMARY KEY, deleted_at {instant}, operation VARCHAR(40));
             CREATE TABLE orders (id INTEGER PRIMARY KEY, account INTEGER, deleted_at {instant}, operation VARCHAR(40));
             INSERT INTO accounts (id) VALUES (1); INSERT INTO orders (id, account) VALUES (1, 1);",
        );
        let id = "550E8400-E29B-41D4-A716-446655440000";
        accounts::table.find(1).soft_delete().cascade().operation(id).run(conn).unwrap();
        assert_eq!(orders::table.select(orders::operation).first(conn), Ok(Some(id.to_owned())));
        assert_eq!(accounts::table.find(1).restore().cascade().run(conn).unwrap().total(), 2);
    }
}

mod circles {
    use super::*;

    diesel::table! {
        use diesel::sql_types::*;
        use super::super::Instant;
        departments { id -> Integer, head -> Nullable<Integer>, deleted_at -> Nullable<Instant> }
    }
    diesel::table! {
        use diesel::sql_types::*;
        use super::super::Instant;
        people { id -> Integer, department -> Integer, deleted_at -> Nullable<Instant> }
    }
    diesel_soft_delete::soft_deletable! {
        departments { timestamp = deleted_at, cascade(people(department)) }
        people { timestamp = deleted_at, cascade(departments(head)) }
    }

    fn company(instant: &str) -> crate::support::TestConnection<Conn> {
        create(
            &"CREATE TABLE departments (id INTEGER PRIMARY KEY, head INTEGER, deleted_at {it});
              CREATE TABLE people (id INTEGER PRIMARY KEY, department INTEGER NOT NULL, deleted_at {it});
              INSERT INTO departments (id, head) VALUES (1, 1), (2, 2), (3, 3);
              INSERT INTO people (id, department) VALUES (1, 1), (2, 1), (3, 2), (4, 3);"
                .replace("{it}", instant),
        )
    }

    fn live(conn: &mut Conn) -> (Vec<i32>, Vec<i32>) {
        let departments = departments::table.active().select(departments::id).order(departments::id).load(conn);
        let people = people::table.active().select(people::id).order(people::id).load(conn);
        (departments.unwrap(), people.unwrap())
    }

    /// A mark that the database cuts off cannot identify the rows of a circle.
    #[test]
    fn times_that_the_database_cuts_are_refused_in_a_circle() {
        let coarse = match DIALECT {
            Dialect::Postgres => "TIMESTAMP(0)",
            Dialect::Mysql => "DATETIME(3) NULL",
            // SQLite stores every digit.
            _ => INSTANT_NULL,
        };
        let conn = &mut *company(coarse);
        let all = live(conn);
        let delete = people::table.find(2).soft_delete().cascade();
        let results = [delete.preview(conn), delete.run(conn)];
        for result in results {
            match (coarse == INSTANT_NULL, result) {
                (true, report) => assert_eq!(report.unwrap().total(), 5),
                (false, error) => assert!(matches!(error, Err(Error::Unidentified { .. })), "{error:?}"),
            }
        }
        if coarse != INSTANT_NULL {
            assert_eq!(live(conn), all);
        }
    }

    /// Rows of one table come back before the rows of the other that refer to them.
    #[test]
    fn triggers_that_require_an_active_parent_allow_a_restore() {
        let conn = &mut *company(INSTANT_NULL);
        let people = SoftDeleteMigration::for_table::<people::table>()
            .existing(["deleted_at"])
            .require_live_parent(LiveParent::new("departments").timestamp("deleted_at"), "department");
        let departments = SoftDeleteMigration::for_table::<departments::table>()
            .existing(["deleted_at"])
            .require_live_parent(LiveParent::new("people").timestamp("deleted_at"), "head");
        for migration in [people, departments] {
            let migration = migration.without_check().without_purge_index();
            conn.batch_execute(&migration.up_sql(DIALECT).expect("triggers")).expect("the triggers");
        }
        let all = live(conn);
        assert_eq!(people::table.find(2).soft_delete().cascade().run(conn).unwrap().total(), 5);
        assert_eq!(live(conn), (vec![1], vec![1]));
        // The triggers refuse a restore below a deleted parent.
        people::table.find(3).restore().without_cascade().run(conn).unwrap_err();
        assert_eq!(people::table.find(2).restore().cascade().run(conn).unwrap().total(), 5);
        assert_eq!(live(conn), all);
    }
}

mod mixed {
    use super::*;

    diesel::table! {
        use diesel::sql_types::*;
        use super::super::Instant;
        alphas { id -> Integer, gamma -> Nullable<Integer>, deleted_at -> Nullable<Instant>, operation -> Nullable<Text> }
    }
    diesel::table! {
        betas { id -> Integer, alpha -> Integer, is_deleted -> Bool, operation -> Nullable<Text> }
    }
    diesel::table! {
        use diesel::sql_types::*;
        use super::super::Instant;
        gammas { id -> Integer, beta -> Integer, deleted_at -> Nullable<Instant> }
    }
    diesel_soft_delete::soft_deletable! {
        // Two tables have an operation and one has only a time, so no column can mark the whole circle.
        alphas { timestamp = deleted_at, operation = operation, cascade(betas(alpha)) }
        betas { flag = is_deleted, operation = operation, cascade(gammas(beta)) }
        gammas { timestamp = deleted_at, cascade(alphas(gamma)) }
    }

    #[test]
    fn a_circle_without_a_common_mark_is_refused() {
        let conn = &mut *connection();
        let texts = record(conn);
        let error = alphas::table.find(1).soft_delete().cascade().run(conn).unwrap_err();
        assert!(matches!(&error, Error::Unidentified { .. }), "{error}");
        let error = gammas::table.find(1).soft_delete().cascade().run(conn).unwrap_err();
        assert!(matches!(&error, Error::Unidentified { .. }), "{error}");
        assert_eq!(statements(&texts), [""; 0]);
    }
}

mod tuples {
    use super::*;

    diesel::table! {
        use diesel::sql_types::*;
        use super::super::Instant;
        seats (hall, number) { hall -> Integer, number -> Integer, deleted_at -> Nullable<Instant> }
    }
    diesel::table! {
        use diesel::sql_types::*;
        use super::super::Instant;
        tickets { id -> Integer, hall -> Integer, seat -> Integer, deleted_at -> Nullable<Instant> }
    }
    diesel_soft_delete::soft_deletable! {
        seats { timestamp = deleted_at, cascade(tickets(hall, seat)) }
        tickets { timestamp = deleted_at }
    }

    /// The conditions on two columns are more than one statement takes.
    #[test]
    fn many_rows_with_keys_of_two_columns_are_restored() {
        let conn = &mut *create(
            "CREATE TABLE seats (hall INTEGER, number INTEGER, deleted_at {instant}, PRIMARY KEY (hall, number));
             CREATE TABLE tickets (id INTEGER PRIMARY KEY, hall INTEGER, seat INTEGER, deleted_at {instant});
             CREATE INDEX tickets_seat ON tickets (hall, seat);",
        );
        let seats: Vec<_> = (0..2500).map(|n| (seats::hall.eq(n % 2), seats::number.eq(n))).collect();
        let tickets: Vec<_> =
            (0..2500).map(|n| (tickets::id.eq(n), tickets::hall.eq(n % 2), tickets::seat.eq(n))).collect();
        diesel::insert_into(seats::table).values(seats).execute(conn).unwrap();
        diesel::insert_into(tickets::table).values(tickets).execute(conn).unwrap();
        let some = || seats::table.filter(seats::number.lt(2200));
        assert_eq!(some().soft_delete().cascade().run(conn).unwrap().total(), 4400);
        assert_eq!(tickets::table.active().count().get_result(conn), Ok(300_i64));
        assert_eq!(some().restore().cascade().run(conn).unwrap().total(), 4400);
        assert_eq!(tickets::table.active().count().get_result(conn), Ok(2500_i64));
    }
}

mod restricted {
    use super::*;

    diesel::table! {
        use diesel::sql_types::*;
        use super::super::Instant;
        zones { id -> Integer, deleted_at -> Nullable<Instant> }
    }
    diesel::table! {
        use diesel::sql_types::*;
        use super::super::Instant;
        yards { id -> Integer, zone -> Integer, deleted_at -> Nullable<Instant> }
    }
    diesel::table! {
        use diesel::sql_types::*;
        use super::super::Instant;
        fences { id -> Integer, zone -> Integer, yard -> Nullable<Integer>, deleted_at -> Nullable<Instant> }
    }
    diesel::table! {
        use diesel::sql_types::*;
        use super::super::Instant;
        rails { id -> Integer, after -> Nullable<Integer>, deleted_at -> Nullable<Instant> }
    }
    diesel_soft_delete::soft_deletable! {
        rails { timestamp = deleted_at, restrict(rails(after)) }
        zones { timestamp = deleted_at, cascade(yards(zone), fences(zone)) }
        yards { timestamp = deleted_at, restrict(fences(yard)) }
        fences { timestamp = deleted_at }
    }

    /// `restrict` does not give an order, so the parent that a row needs can come back after it.
    #[test]
    fn a_row_waits_for_a_parent_that_comes_later() {
        let conn = &mut *create(
            "CREATE TABLE zones (id INTEGER PRIMARY KEY, deleted_at {instant});
             CREATE TABLE yards (id INTEGER PRIMARY KEY, zone INTEGER, deleted_at {instant});
             CREATE TABLE fences (id INTEGER PRIMARY KEY, zone INTEGER, yard INTEGER, deleted_at {instant});
             INSERT INTO zones (id) VALUES (1); INSERT INTO yards (id, zone) VALUES (1, 1);
             INSERT INTO fences (id, zone, yard) VALUES (1, 1, NULL), (2, 1, 1);",
        );
        // `restrict` also holds at the second level.
        let error = zones::table.find(1).soft_delete().cascade().run(conn).unwrap_err();
        assert!(matches!(&error, Error::Restricted { table, rows: 1, .. } if table == "yards"), "{error}");
        // Two calls with one time count as one operation.
        let at = instant("2025-05-01 00:00:00").and_utc();
        fences::table.filter(fences::yard.eq(1)).soft_delete().at_utc(at).run(conn).unwrap();
        let delete = zones::table.find(1).soft_delete().at_utc(at).cascade();
        assert_eq!(delete.run(conn).unwrap().total(), 3);
        let restore = zones::table.find(1).restore().cascade();
        for report in [restore.preview(conn).unwrap(), restore.run(conn).unwrap()] {
            assert_eq!((report.rows("yards"), report.rows("fences"), report.withheld("fences")), (1, 2, 0));
        }
        assert_eq!(fences::table.active().count().get_result(conn), Ok(2_i64));
    }

    #[test]
    fn a_target_may_contain_the_parent_that_a_row_needs() {
        let conn = &mut *create(
            "CREATE TABLE rails (id INTEGER PRIMARY KEY, after INTEGER, deleted_at {instant});
             INSERT INTO rails (id, after) VALUES (1, 2), (2, 3), (3, NULL);",
        );
        for id in [1, 2] {
            assert_eq!(rails::table.find(id).soft_delete().cascade().run(conn).unwrap().total(), 1);
        }
        assert_eq!(below(&rails::table.find(1).restore().cascade().run(conn).unwrap_err()), ("rails", "2"));
        let both = rails::table.filter(rails::id.le(2)).restore().cascade();
        assert_eq!(both.preview(conn).unwrap().total(), 2);
        assert_eq!(both.run(conn).unwrap().total(), 2);
        // The parent can be in another portion, and can come first or last.
        let rows: Vec<_> =
            (10..2600).map(|id| (rails::id.eq(id), rails::after.eq((id == 10).then_some(2599)))).collect();
        diesel::insert_into(rails::table).values(rows).execute(conn).unwrap();
        let many = || rails::table.filter(rails::id.ge(10));
        many().soft_delete().without_cascade().run(conn).unwrap();
        assert_eq!(many().restore().cascade().run(conn).unwrap().total(), 2590);
    }
}
