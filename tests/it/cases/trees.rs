// Trees whose shape, size or names could lead a cascade astray.

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
    fn an_ancestor_is_found_above_live_rows() {
        let conn = &mut *create(DDL);
        conn.batch_execute(
            "INSERT INTO topics (id) VALUES (7);
             INSERT INTO notes (id, topic, reply_to) VALUES (1, 7, NULL), (2, NULL, 1), (3, NULL, 2), (4, NULL, 3);",
        )
        .unwrap();
        notes::table.find(4).soft_delete().cascade().run(conn).unwrap();
        // A topic that left its notes behind: note 4 would be below it, three replies away.
        topics::table.find(7).soft_delete().without_cascade().run(conn).unwrap();
        let restore = notes::table.find(4).restore().cascade();
        assert_eq!(below(&restore.preview(conn).unwrap_err()), ("topics", "7"));
        assert_eq!(below(&restore.run(conn).unwrap_err()), ("topics", "7"));
        // The nearest is named, here a note between live ones.
        notes::table.find(2).soft_delete().without_cascade().run(conn).unwrap();
        assert_eq!(below(&notes::table.find(4).restore().cascade().run(conn).unwrap_err()), ("notes", "2"));
        topics::table.find(7).restore().without_cascade().run(conn).unwrap();
        assert_eq!(below(&notes::table.find(4).restore().cascade().run(conn).unwrap_err()), ("notes", "2"));
        notes::table.find(2).restore().without_cascade().run(conn).unwrap();
        assert_eq!(notes::table.find(4).restore().cascade().run(conn).unwrap().total(), 1);
    }

    /// More rows than a statement takes, each below a row of a later portion.
    #[test]
    fn targets_of_several_portions() {
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
        // Nor is a deleted ancestor overlooked: note 4500 is above all of them.
        all().soft_delete().cascade().run(conn).unwrap();
        let some = notes::table.filter(notes::id.le(4000)).restore().cascade().run(conn);
        assert_eq!(below(&some.unwrap_err()), ("notes", "4001"));
        assert_eq!(live(conn), 0);
    }

    /// Each of many rows was deleted by an operation of its own.
    #[test]
    fn targets_of_many_operations() {
        let conn = &mut *create(DDL);
        // SQLite's trees of expressions have a limit, which so many conditions meet.
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
        // Without an identifier there is nothing to follow, whatever the times say.
        for id in 1..=20 {
            let at = instant("2025-01-01 00:00:00").and_utc() + chrono::TimeDelta::seconds(id);
            notes::table.find(id as i32).soft_delete().at_utc(at).without_cascade().run(conn).unwrap();
        }
        let texts = record(conn);
        assert_eq!(notes::table.filter(notes::id.le(20)).restore().cascade().run(conn).unwrap().total(), 20);
        let statements = statements(&texts).len();
        assert!(statements < 15, "{statements}");
    }

    /// Each statement for one row is prepared once, but for what libmariadb must not keep.
    #[test]
    fn statements_are_kept_prepared() {
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
            // What a connection is asked about itself.
            let asks = text.contains("CAST(NULL AS CHAR)") || text.starts_with("SET SESSION");
            assert!(is_mysql && (locks || asks), "{text}");
        }
    }

    /// An ancestor that carries the mark of one operation, but comes back with none.
    #[test]
    fn rows_of_two_operations_below_each_other() {
        let conn = &mut *create(DDL);
        insert(conn, [(1, None), (2, Some(1)), (3, Some(2)), (4, Some(3))].into_iter());
        notes::table.find(2).soft_delete().cascade().run(conn).unwrap();
        notes::table.find(1).soft_delete().cascade().run(conn).unwrap();
        // Note 2 is of the operation that deleted note 3, and not in the target.
        let some = notes::table.filter(notes::id.eq_any([1, 3])).restore().cascade();
        assert_eq!(below(&some.preview(conn).unwrap_err()), ("notes", "2"));
        assert_eq!(below(&some.run(conn).unwrap_err()), ("notes", "2"));
        assert_eq!(live(conn), 0);
        let some = notes::table.filter(notes::id.eq_any([1, 2, 4])).restore().cascade();
        for report in [some.preview(conn).unwrap(), some.run(conn).unwrap()] {
            assert_eq!(report.total(), 4);
        }
        assert_eq!(live(conn), 4);
        // Note 4 was of the first operation, note 2 was restored in between and deleted by another.
        notes::table.find(1).soft_delete().cascade().run(conn).unwrap();
        notes::table.filter(notes::id.eq_any([1, 2])).restore().without_cascade().run(conn).unwrap();
        notes::table.find(2).soft_delete().without_cascade().run(conn).unwrap();
        notes::table.find(1).soft_delete().without_cascade().run(conn).unwrap();
        let both = notes::table.filter(notes::id.le(2)).restore().cascade();
        let preview = both.preview(conn).unwrap().total();
        assert_eq!(both.run(conn).unwrap().total(), preview);
    }

    /// As many as an issue tracker's largest user has; as many statements as for one.
    #[test]
    fn a_hundred_thousand_rows() {
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
            // What another one has is left alone.
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

    // Tables named as parts of the library's own statements are, and as SQL's words.
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
    fn names_of_any_kind() {
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
    fn a_column_is_set_once_by_whatever_name() {
        let conn = &mut *office();
        let twice = |error: Error, name: &str| {
            assert!(matches!(&error, Error::ColumnSetTwice { column, .. } if column == name), "{error}");
        };
        let one = || owners::table.find(1).soft_delete();
        twice(one().set(owners::operation.eq("x")).cascade().run(conn).unwrap_err(), "by");
        twice(one().set(owners::who.eq("me")).cascade().set_all("who", "you").run(conn).unwrap_err(), "who");
        // What is only read is not set.
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

    /// Text is text: what the caller gave is what stands there.
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

    /// A mark that the database cuts cannot be followed round a circle.
    #[test]
    fn instants_that_are_cut_are_refused() {
        let coarse = match DIALECT {
            Dialect::Postgres => "TIMESTAMP(0)",
            Dialect::Mysql => "DATETIME(3) NULL",
            // It keeps what it is given.
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

    /// Rows of one table come back before those of the other that hang on them.
    #[test]
    fn triggers_that_ask_for_a_live_parent_find_one() {
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
        // The triggers are there.
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
        // By operation, by operation and by time: no two of the circle but the first knows both.
        alphas { timestamp = deleted_at, operation = operation, cascade(betas(alpha)) }
        betas { flag = is_deleted, operation = operation, cascade(gammas(beta)) }
        gammas { timestamp = deleted_at, cascade(alphas(gamma)) }
    }

    #[test]
    fn marks_that_only_some_know_are_refused() {
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

    /// Conditions on keys of two columns, as many as fit into a statement and more.
    #[test]
    fn many_rows_with_keys_of_two_columns() {
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

    /// `restrict` gives no order: the parent that a row waits for can come back after it.
    #[test]
    fn a_row_waits_for_a_parent_that_comes_later() {
        let conn = &mut *create(
            "CREATE TABLE zones (id INTEGER PRIMARY KEY, deleted_at {instant});
             CREATE TABLE yards (id INTEGER PRIMARY KEY, zone INTEGER, deleted_at {instant});
             CREATE TABLE fences (id INTEGER PRIMARY KEY, zone INTEGER, yard INTEGER, deleted_at {instant});
             INSERT INTO zones (id) VALUES (1); INSERT INTO yards (id, zone) VALUES (1, 1);
             INSERT INTO fences (id, zone, yard) VALUES (1, 1, NULL), (2, 1, 1);",
        );
        // At the second level `restrict` holds as well.
        let error = zones::table.find(1).soft_delete().cascade().run(conn).unwrap_err();
        assert!(matches!(&error, Error::Restricted { table, rows: 1, .. } if table == "yards"), "{error}");
        // In parts, as one operation.
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

    /// A row and the one it needs, named together.
    #[test]
    fn a_parent_of_the_same_table_in_the_target() {
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
        // In another portion as well, and whichever comes first.
        let rows: Vec<_> =
            (10..2600).map(|id| (rails::id.eq(id), rails::after.eq((id == 10).then_some(2599)))).collect();
        diesel::insert_into(rails::table).values(rows).execute(conn).unwrap();
        let many = || rails::table.filter(rails::id.ge(10));
        many().soft_delete().without_cascade().run(conn).unwrap();
        assert_eq!(many().restore().cascade().run(conn).unwrap().total(), 2590);
    }
}
