//! Runs random sequences of steps in every mode on every backend. After each step, the table, its active and deleted rows,
//! and the report of the step must be those of the model.
//!
//! The seed is fixed. `PROPTEST_CASES` sets the number of sequences for each mode, and `PROPTEST_RNG_SEED` another seed.

use std::cell::RefCell;

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};

use super::model::{Did, Mode, Model, Observed, Row, Sequence, Step, sequence};

diesel::table! {
    parents {
        id -> Integer,
    }
}

#[derive(Queryable, Identifiable)]
pub struct Parent {
    id: i32,
}

/// A value in the column of a time, and the number that the model has for it.
pub trait Stored {
    fn put(value: i64) -> Self;
    fn get(self) -> i64;
}

impl Stored for DateTime<Utc> {
    fn put(value: i64) -> Self {
        Self::from_timestamp_micros(value).expect("an instant")
    }
    fn get(self) -> i64 {
        self.timestamp_micros()
    }
}

impl Stored for NaiveDateTime {
    fn put(value: i64) -> Self {
        DateTime::<Utc>::put(value).naive_utc()
    }
    fn get(self) -> i64 {
        self.and_utc().get()
    }
}

impl Stored for i64 {
    fn put(value: i64) -> Self {
        value
    }
    fn get(self) -> i64 {
        self
    }
}

impl Stored for i32 {
    fn put(value: i64) -> Self {
        Self::try_from(value).expect("seconds before 2038")
    }
    fn get(self) -> i64 {
        self.into()
    }
}

/// The table of one mode on one connection.
pub trait Subject {
    fn clear(&mut self) -> QueryResult<usize>;
    fn insert(&mut self, row: &Row) -> QueryResult<usize>;
    fn step(&mut self, step: &Step) -> Result<Did, diesel_soft_delete::Error>;
    fn rows(&mut self) -> QueryResult<Vec<Row>>;
    fn active(&mut self) -> QueryResult<Vec<i32>>;
    fn deleted(&mut self) -> QueryResult<Vec<i32>>;
}

/// Runs `cases` sequences and shows the smallest that fails.
fn prove(mode: Mode, cases: u32, subject: impl Subject) {
    let given = |variable: &str| std::env::var_os(variable).is_some();
    let mut config = Config { failure_persistence: None, ..Config::default() };
    if !given("PROPTEST_CASES") {
        config.cases = cases;
    }
    if !given("PROPTEST_RNG_SEED") {
        config.rng_seed = RngSeed::Fixed(20_240_301);
    }
    let subject = RefCell::new(subject);
    let result = TestRunner::new(config).run(&sequence(mode), |sequence| {
        play(mode, &sequence, &mut *subject.borrow_mut()).map_err(TestCaseError::fail)
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, sequence)) => panic!("{reason}\n{mode:?}\n{sequence:?}"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

fn play(mode: Mode, sequence: &Sequence, subject: &mut impl Subject) -> Result<(), String> {
    fn database<T>(result: QueryResult<T>) -> Result<T, String> {
        result.map_err(|error| error.to_string())
    }
    let mut model = Model::new(mode);
    database(subject.clear())?;
    for row in &sequence.rows {
        if let Some(row) = model.insert(row) {
            database(subject.insert(row))?;
        }
    }
    compare("the first rows", &model, subject)?;
    for (i, step) in sequence.steps.iter().enumerate() {
        let what = format!("step {i}");
        if let Step::Insert(new) = step {
            if let Some(row) = model.insert(new) {
                database(subject.insert(row))?;
            }
        } else {
            let before = Utc::now();
            let did = subject.step(step).or_else(Did::try_from).map_err(|error| format!("{what}: {error}"))?;
            let after = Utc::now();
            let rows = database(subject.rows())?;
            let wanted = model
                .apply(step, &Observed { before, after, rows: &rows })
                .map_err(|error| format!("{what}: {error}"))?;
            same(&format!("{what}, reported"), did, wanted)?;
        }
        compare(&what, &model, subject)?;
    }
    Ok(())
}

fn compare(what: &str, model: &Model, subject: &mut impl Subject) -> Result<(), String> {
    same(&format!("{what}, stored"), &subject.rows().map_err(|error| error.to_string())?, &model.rows)?;
    same(&format!("{what}, active"), subject.active().map_err(|error| error.to_string())?, model.ids(false))?;
    same(&format!("{what}, deleted"), subject.deleted().map_err(|error| error.to_string())?, model.ids(true))
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: T, wanted: T) -> Result<(), String> {
    if found == wanted { Ok(()) } else { Err(format!("{what}:\n  found  {found:?}\n  wanted {wanted:?}")) }
}

/// The first block if `yes`, the second if `no`. The other need not compile.
macro_rules! when {
    (yes, $then:block, $otherwise:block) => {
        $then
    };
    (no, $then:block, $otherwise:block) => {
        $otherwise
    };
}

/// `$light!(target)` or `$heavy!(target)` for each target.
macro_rules! on_target {
    ($target:expr, $light:ident, $heavy:ident) => {
        match $target {
            Target::All => $heavy!(things::table),
            Target::Boxed(expr) => $heavy!(things::table.filter(boxed(expr))),
            Target::Raw(a, k) => $heavy!(things::table.filter(raw(*a, *k))),
            Target::Find(id) => $light!(things::table.find(*id)),
            Target::Model(id) => $light!(&Thing { id: *id, parent_id: 0 }),
            Target::Children(parent) => $light!(Thing::belonging_to(&Parent { id: *parent })),
            Target::Ids(ids) => $light!(things::table.filter(things::id.eq_any(ids))),
            Target::Either(a, k) => $light!(things::table.filter(things::id.eq(*a).or(things::n.ge(*k)))),
            Target::Chain(k, p) => $light!(things::table.filter(things::n.ge(*k)).filter(things::parent_id.eq(*p))),
            Target::OrFilter(a, k) => $light!(things::table.filter(things::id.eq(*a)).or_filter(things::n.ge(*k))),
            Target::RawThen(a, k, p) => {
                $light!(things::table.filter(raw(*a, *k)).filter(things::parent_id.eq(*p)))
            }
            Target::ThenRaw(p, a, k) => {
                $light!(things::table.filter(things::parent_id.eq(*p)).filter(raw(*a, *k)))
            }
            Target::ActiveOr(a) => {
                $light!(things::table.filter(diesel_soft_delete::is_active(things::table).or(things::id.eq(*a))))
            }
        }
    };
}

/// The table of one mode, its declaration, every step on it, and the test.
///
/// `soft_at_utc`, `restore_at_utc`, `at` and `purge` tell what compiles for the declaration.
macro_rules! mode {
    ($name:ident, $cases:expr, returning: $returning:tt, { $($declaration:tt)* },
     state: $State:ty, $state_ddl:literal, stamp: $Stamp:ty as $stamp:ty, $stamp_ddl:expr, touch: $Touch:ty as $touch:ty, $touch_ddl:expr,
     soft_at_utc: $soft_at_utc:tt, restore_at_utc: $restore_at_utc:tt, at: $at:tt, purge: $purge:tt, $mode:expr) => {
        mod $name {
            use super::*;

            type State = $State;
            type Stamp = $Stamp;
            type Touch = $Touch;
            diesel::table! {
                use diesel::sql_types::{Integer, Nullable, Text};
                use super::{Stamp, State, Touch};
                things {
                    id -> Integer,
                    parent_id -> Integer,
                    n -> Integer,
                    state -> State,
                    deleted -> Nullable<Stamp>,
                    touched -> Touch,
                    reason -> Nullable<Text>,
                    operation -> Nullable<diesel::sql_types::BigInt>,
                }
            }
            diesel_soft_delete::soft_deletable! { things { $($declaration)* } }

            #[derive(Identifiable, Associations)]
            #[diesel(belongs_to(Parent))]
            struct Thing {
                id: i32,
                parent_id: i32,
            }

            #[derive(AsChangeset)]
            #[diesel(table_name = things)]
            struct Described {
                n: Option<i32>,
                reason: Option<Option<&'static str>>,
                operation: Option<Option<i64>>,
            }

            #[derive(AsChangeset)]
            #[diesel(table_name = things)]
            struct Counted {
                n: Option<i32>,
            }

            struct Things(Own<Conn>);

            type Boxed = Box<dyn BoxableExpression<things::table, Db, SqlType = Bool>>;

            fn boxed(expr: &Expr) -> Boxed {
                match expr {
                    Expr::Id(id) => Box::new(things::id.eq(*id)),
                    Expr::AtLeast(k) => Box::new(things::n.ge(*k)),
                    Expr::Deleted => Box::new(diesel_soft_delete::is_deleted(things::table)),
                    Expr::Not(inner) => Box::new(not(boxed(inner))),
                    Expr::And(a, b) => Box::new(boxed(a).and(boxed(b))),
                    Expr::Or(a, b) => Box::new(boxed(a).or(boxed(b))),
                    Expr::Raw(a, k) => Box::new(raw(*a, *k)),
                }
            }

            fn soft_delete(conn: &mut Conn, target: &Target, form: &Form) -> Result<Did, Error> {
                macro_rules! light {
                    ($of:expr) => {
                        match form {
                            Form::Outcome => Did::Outcome($of.soft_delete().outcome(conn)?),
                            Form::AtUtc(_at) => when!(
                                $soft_at_utc,
                                { Did::Rows($of.soft_delete().at_utc(*_at).run(conn)?) },
                                { unreachable!("no instant is written") }
                            ),
                            _ => Did::Rows($of.soft_delete().execute(conn)?),
                        }
                    };
                }
                macro_rules! heavy {
                    ($of:expr) => {
                        match form {
                            Form::Run => Did::Rows($of.soft_delete().run(conn)?),
                            Form::At(_at) => when!(
                                $at,
                                { Did::Rows($of.soft_delete().at(<$stamp>::put($mode.stamp.expect("a stamp").value(*_at))).execute(conn)?) },
                                { unreachable!("no instant is written") }
                            ),
                            Form::Full { at: _at, set, at_least, outcome } => {
                                let set = Described { n: set.n, reason: set.reason, operation: set.operation };
                                let statement = when!($soft_at_utc, { $of.soft_delete().at_utc(*_at) }, { $of.soft_delete() });
                                let statement = statement.set(set).only_if(things::n.ge(*at_least));
                                if *outcome {
                                    Did::Outcome(statement.outcome(conn)?)
                                } else {
                                    Did::Rows(statement.run(conn)?)
                                }
                            }
                            Form::RawCondition { at_least } => {
                                let statement = $of.soft_delete().only_if(n_or_x(*at_least));
                                when!(
                                    $returning,
                                    { returned(statement.returning(things::id).get_results(conn)?) },
                                    { Did::Rows(statement.run(conn)?) }
                                )
                            }
                            _ => light!($of),
                        }
                    };
                }
                Ok(on_target!(target, light, heavy))
            }

            fn restore(conn: &mut Conn, target: &Target, form: &Form) -> Result<Did, Error> {
                macro_rules! light {
                    ($of:expr) => {
                        match form {
                            Form::Outcome => Did::Outcome($of.restore().outcome(conn)?),
                            Form::AtUtc(_at) => when!(
                                $restore_at_utc,
                                { Did::Rows($of.restore().at_utc(*_at).run(conn)?) },
                                { unreachable!("no instant is written") }
                            ),
                            _ => Did::Rows($of.restore().execute(conn)?),
                        }
                    };
                }
                macro_rules! heavy {
                    ($of:expr) => {
                        match form {
                            Form::Run => Did::Rows($of.restore().run(conn)?),
                            Form::At(_at) => when!(
                                $restore_at_utc,
                                { Did::Rows($of.restore().at(<$touch>::put($mode.touch.expect("a touch column").value(*_at))).execute(conn)?) },
                                { unreachable!("no instant is written") }
                            ),
                            Form::Full { at: _at, set, at_least, outcome } => {
                                let statement = when!($restore_at_utc, { $of.restore().at_utc(*_at) }, { $of.restore() });
                                let statement = statement.set(Counted { n: set.n }).only_if(things::n.ge(*at_least));
                                if *outcome {
                                    Did::Outcome(statement.outcome(conn)?)
                                } else {
                                    Did::Rows(statement.run(conn)?)
                                }
                            }
                            Form::RawCondition { at_least } => {
                                let statement = $of.restore().only_if(n_or_x(*at_least));
                                when!(
                                    $returning,
                                    { returned(statement.returning(things::id).get_results(conn)?) },
                                    { Did::Rows(statement.run(conn)?) }
                                )
                            }
                            _ => light!($of),
                        }
                    };
                }
                Ok(on_target!(target, light, heavy))
            }

            /// Purges before a cutoff, or by an age in days.
            fn purge(_conn: &mut Conn, _target: &Target, _when: Result<DateTime<Utc>, i64>, _returning: bool) -> Result<Did, Error> {
                when!($purge, {
                    macro_rules! light {
                        ($of:expr) => {
                            Did::Rows(match _when {
                                Ok(cutoff) => $of.purge_deleted_before(cutoff).run(_conn)?,
                                Err(days) => $of.purge_older_than(TimeDelta::days(days)).execute(_conn)?,
                            })
                        };
                    }
                    macro_rules! heavy {
                        ($of:expr) => {
                            if _returning {
                                when!($returning, {
                                    let statement = match _when {
                                        Ok(cutoff) => $of.purge_deleted_before(cutoff),
                                        Err(days) => $of.purge_older_than(TimeDelta::days(days)),
                                    };
                                    returned(statement.returning(things::id).get_results(_conn)?)
                                }, { unreachable!("no RETURNING") })
                            } else {
                                light!($of)
                            }
                        };
                    }
                    Ok(on_target!(_target, light, heavy))
                }, { unreachable!("no timestamp, no purge") })
            }

            impl Subject for Things {
                fn clear(&mut self) -> QueryResult<usize> {
                    diesel::delete(things::table).execute(&mut self.0.conn)
                }

                fn insert(&mut self, row: &Row) -> QueryResult<usize> {
                    // The state is SQL, since a flag that can be NULL has another type.
                    let state = match row.state {
                        None => "NULL",
                        Some(false) => "FALSE",
                        Some(true) => "TRUE",
                    };
                    diesel::insert_into(things::table)
                        .values((
                            things::id.eq(row.id),
                            things::parent_id.eq(row.parent),
                            things::n.eq(row.n),
                            things::state.eq(sql::<State>(state)),
                            things::deleted.eq(row.deleted.map(<$stamp>::put)),
                            things::touched.eq(<$touch>::put(row.touched)),
                            things::reason.eq(&row.reason),
                            things::operation.eq(row.operation),
                        ))
                        .execute(&mut self.0.conn)
                }

                fn step(&mut self, step: &Step) -> Result<Did, Error> {
                    let conn = &mut self.0.conn;
                    match step {
                        Step::Insert(_) => unreachable!("inserted by `insert`"),
                        Step::Transition(Verb::SoftDelete, target, form) => soft_delete(conn, target, form),
                        Step::Transition(Verb::Restore, target, form) => restore(conn, target, form),
                        Step::Update(expr, n) => {
                            let update = diesel::update(things::table.filter(boxed(expr))).set(things::n.eq(*n));
                            Ok(Did::Rows(update.execute(conn)?))
                        }
                        Step::PurgeDeletedBefore(target, cutoff, returning) => purge(conn, target, Ok(*cutoff), *returning),
                        Step::PurgeOlderThan(target, days, returning) => purge(conn, target, Err(*days), *returning),
                    }
                }

                fn rows(&mut self) -> QueryResult<Vec<Row>> {
                    type Stored = (i32, i32, i32, Option<bool>, Option<$stamp>, $touch, Option<String>, Option<i64>);
                    let state = things::state.nullable();
                    let columns = (things::id, things::parent_id, things::n, state, things::deleted, things::touched, things::reason, things::operation);
                    let rows = things::table.select(columns).order(things::id).load::<Stored>(&mut self.0.conn)?;
                    let row = |(id, parent, n, state, deleted, touched, reason, operation): Stored| Row {
                        id,
                        parent,
                        n,
                        state,
                        deleted: deleted.map($crate::sequences::Stored::get),
                        touched: touched.get(),
                        reason,
                        operation,
                    };
                    Ok(rows.into_iter().map(row).collect())
                }

                fn active(&mut self) -> QueryResult<Vec<i32>> {
                    things::table.active().select(things::id).order(things::id).load(&mut self.0.conn)
                }

                fn deleted(&mut self) -> QueryResult<Vec<i32>> {
                    things::table.deleted().select(things::id).order(things::id).load(&mut self.0.conn)
                }
            }

            #[test]
            fn every_sequence_does_what_the_model_does() {
                let mut own = own();
                own.conn
                    .batch_execute(&format!(
                        "CREATE TABLE things (id INTEGER PRIMARY KEY, parent_id INTEGER NOT NULL, n INTEGER NOT NULL,
                             state BOOLEAN {}, deleted {} NULL, touched {} NOT NULL, reason VARCHAR(20), operation BIGINT)",
                        $state_ddl, $stamp_ddl, $touch_ddl
                    ))
                    .unwrap();
                prove($mode, $cases, Things(own));
            }
        }
    };
}

/// Every mode on one backend.
macro_rules! modes {
    ($(#[$attr:meta])* $backend:ident, $cases:expr, returning: $returning:tt, $has_returning:literal) => {
        $(#[$attr])*
        mod $backend {
            #![allow(unused_imports, dead_code, reason = "one list serves every mode")]
            use chrono::{NaiveDateTime, TimeDelta};
            use diesel::dsl::{not, sql};
            use diesel::expression::SqlLiteral;
            use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Timestamp};
            use diesel_soft_delete::Error;
            use diesel_soft_delete::prelude::*;

            use super::*;
            use crate::model::{Expr, Flag, Form, Target, Unit, Verb};
            use crate::support::Own;
            use crate::support::$backend::{Conn, Db, OWN_DDL, OwnInstant, OwnValue, TIMESTAMP_DDL, own};

            fn raw(a: i32, k: i32) -> SqlLiteral<Bool> {
                sql(&format!("id = {a} OR n >= {k}"))
            }

            fn n_or_x(k: i32) -> SqlLiteral<Nullable<Bool>> {
                sql(&format!("n >= {k} OR reason = 'x'"))
            }

            fn returned(mut ids: Vec<i32>) -> Did {
                ids.sort_unstable();
                Did::Returned(ids)
            }

            const BASE: Mode = Mode {
                flag: Flag::Deleted,
                nullable: false,
                stamp: None,
                touch: None,
                metadata: false,
                operation: false,
                at: false,
                returning: $has_returning,
            };

            mode!(flag, $cases, returning: $returning, { flag = state },
                state: Bool, "NOT NULL", stamp: Timestamp as NaiveDateTime, TIMESTAMP_DDL, touch: BigInt as i64, "BIGINT",
                soft_at_utc: no, restore_at_utc: no, at: no, purge: no, BASE);
            mode!(flag_and_timestamp, $cases, returning: $returning, { flag = state, timestamp = deleted },
                state: Bool, "NOT NULL", stamp: Timestamp as NaiveDateTime, TIMESTAMP_DDL, touch: BigInt as i64, "BIGINT",
                soft_at_utc: yes, restore_at_utc: no, at: yes, purge: yes,
                Mode { stamp: Some(Unit::Micros), at: true, ..BASE });
            mode!(timestamp, $cases, returning: $returning, { timestamp = deleted },
                state: Bool, "NOT NULL", stamp: Timestamp as NaiveDateTime, TIMESTAMP_DDL, touch: BigInt as i64, "BIGINT",
                soft_at_utc: yes, restore_at_utc: no, at: yes, purge: yes,
                Mode { flag: Flag::None, stamp: Some(Unit::Micros), at: true, ..BASE });
            mode!(active_flag, $cases, returning: $returning, { active_flag = state, metadata(reason) },
                state: Bool, "NOT NULL", stamp: Timestamp as NaiveDateTime, TIMESTAMP_DDL, touch: BigInt as i64, "BIGINT",
                soft_at_utc: no, restore_at_utc: no, at: no, purge: no,
                Mode { flag: Flag::Active, metadata: true, ..BASE });
            mode!(active_flag_timestamp_touch, $cases, returning: $returning,
                { active_flag = state, timestamp = deleted, touch = touched },
                state: Bool, "NOT NULL", stamp: OwnInstant as OwnValue, OWN_DDL, touch: OwnInstant as OwnValue, OWN_DDL,
                soft_at_utc: yes, restore_at_utc: yes, at: yes, purge: yes,
                Mode { flag: Flag::Active, stamp: Some(Unit::Micros), touch: Some(Unit::Micros), at: true, ..BASE });
            mode!(nullable_flag, $cases, returning: $returning, { flag = state, operation = operation },
                state: Nullable<Bool>, "NULL", stamp: Timestamp as NaiveDateTime, TIMESTAMP_DDL, touch: BigInt as i64, "BIGINT",
                soft_at_utc: no, restore_at_utc: no, at: no, purge: no,
                Mode { nullable: true, operation: true, ..BASE });
            mode!(nullable_flag_and_all_else, $cases, returning: $returning,
                { flag = state, timestamp = deleted, touch = touched, metadata(reason), operation = operation },
                state: Nullable<Bool>, "NULL", stamp: OwnInstant as OwnValue, OWN_DDL, touch: OwnInstant as OwnValue, OWN_DDL,
                soft_at_utc: yes, restore_at_utc: yes, at: yes, purge: yes,
                Mode {
                    nullable: true, stamp: Some(Unit::Micros), touch: Some(Unit::Micros),
                    metadata: true, operation: true, at: true, ..BASE
                });
            mode!(nullable_active_flag, $cases, returning: $returning,
                { active_flag = state, timestamp = deleted, metadata(reason, operation) },
                state: Nullable<Bool>, "NULL", stamp: Timestamp as NaiveDateTime, TIMESTAMP_DDL, touch: BigInt as i64, "BIGINT",
                soft_at_utc: yes, restore_at_utc: no, at: yes, purge: yes,
                Mode {
                    flag: Flag::Active, nullable: true, stamp: Some(Unit::Micros),
                    metadata: true, operation: true, at: true, ..BASE
                });
            mode!(seconds, $cases, returning: $returning,
                { timestamp = deleted, unit = seconds, touch = touched, metadata(reason), operation = operation },
                state: Bool, "NOT NULL", stamp: BigInt as i64, "BIGINT", touch: BigInt as i64, "BIGINT",
                soft_at_utc: yes, restore_at_utc: yes, at: yes, purge: yes,
                Mode {
                    flag: Flag::None, stamp: Some(Unit::Seconds), touch: Some(Unit::Seconds),
                    metadata: true, operation: true, at: true, ..BASE
                });
            mode!(seconds_in_32_bits, $cases, returning: $returning, { active_flag = state, timestamp = deleted, unit = seconds },
                state: Nullable<Bool>, "NULL", stamp: Integer as i32, "INTEGER", touch: BigInt as i64, "BIGINT",
                soft_at_utc: yes, restore_at_utc: no, at: yes, purge: yes,
                Mode { flag: Flag::Active, nullable: true, stamp: Some(Unit::Seconds), at: true, ..BASE });
            mode!(millis, $cases, returning: $returning, { flag = state, timestamp = deleted, unit = millis, touch = touched },
                state: Bool, "NOT NULL", stamp: BigInt as i64, "BIGINT", touch: BigInt as i64, "BIGINT",
                soft_at_utc: yes, restore_at_utc: yes, at: yes, purge: yes,
                Mode { stamp: Some(Unit::Millis), touch: Some(Unit::Millis), at: true, ..BASE });
            mode!(micros, $cases, returning: $returning, { timestamp = deleted, unit = micros, metadata(reason) },
                state: Bool, "NOT NULL", stamp: BigInt as i64, "BIGINT", touch: BigInt as i64, "BIGINT",
                soft_at_utc: yes, restore_at_utc: no, at: yes, purge: yes,
                Mode { flag: Flag::None, stamp: Some(Unit::Micros), metadata: true, at: true, ..BASE });
            mode!(touch_of_another_type, $cases, returning: $returning,
                { flag = state, timestamp = deleted, touch = touched, unit = millis },
                state: Bool, "NOT NULL", stamp: Timestamp as NaiveDateTime, TIMESTAMP_DDL, touch: BigInt as i64, "BIGINT",
                soft_at_utc: yes, restore_at_utc: yes, at: no, purge: yes,
                Mode { stamp: Some(Unit::Micros), touch: Some(Unit::Millis), ..BASE });
            mode!(touch_alone, $cases, returning: $returning, { flag = state, touch = touched, unit = seconds },
                state: Bool, "NOT NULL", stamp: Timestamp as NaiveDateTime, TIMESTAMP_DDL, touch: BigInt as i64, "BIGINT",
                soft_at_utc: yes, restore_at_utc: yes, at: no, purge: no,
                Mode { touch: Some(Unit::Seconds), ..BASE });
        }
    };
}

modes!(sqlite, 500, returning: yes, true);
modes!(
    #[cfg(feature = "postgres")]
    postgres, 60, returning: yes, true
);
modes!(
    #[cfg(feature = "mysql")]
    mysql, 60, returning: no, false
);
