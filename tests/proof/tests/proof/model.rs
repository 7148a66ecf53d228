//! The model is a table as a vector of rows, and what each step must do to it. It does not use SQL.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// The unit in which a column counts. A timestamp counts microseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Unit {
    Seconds,
    Millis,
    Micros,
}

impl Unit {
    fn micros(self) -> i64 {
        match self {
            Self::Seconds => 1_000_000,
            Self::Millis => 1_000,
            Self::Micros => 1,
        }
    }

    /// The value of a time in a column of this unit, rounded down.
    pub fn value(self, at: DateTime<Utc>) -> i64 {
        at.timestamp_micros().div_euclid(self.micros())
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Flag {
    /// The timestamp decides.
    None,
    /// TRUE means deleted.
    Deleted,
    /// TRUE means active.
    Active,
}

/// What a table declares, and whether its backend has RETURNING.
#[derive(Debug, Clone, Copy)]
pub struct Mode {
    pub flag: Flag,
    pub nullable: bool,
    pub stamp: Option<Unit>,
    pub touch: Option<Unit>,
    pub metadata: bool,
    pub operation: bool,
    /// Whether `.at(value)` fits both columns.
    pub at: bool,
    pub returning: bool,
}

/// A row as it is stored. Times are in the unit of their column. A row also has columns that the declaration does not
/// name, and no verb may change them.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub id: i32,
    pub parent: i32,
    pub n: i32,
    pub state: Option<bool>,
    pub deleted: Option<i64>,
    pub touched: i64,
    pub reason: Option<String>,
    pub operation: Option<i64>,
}

/// A row to be inserted. Its flag and timestamp agree only by chance.
#[derive(Debug, Clone)]
pub struct NewRow {
    pub id: i32,
    pub parent: i32,
    pub n: i32,
    pub state: Option<bool>,
    pub deleted: Option<DateTime<Utc>>,
    pub reason: Option<&'static str>,
}

/// A predicate of Diesel, which is boxed.
#[derive(Debug, Clone)]
pub enum Expr {
    Id(i32),
    AtLeast(i32),
    Deleted,
    Not(Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    /// `id = a OR n >= k` without parentheses. It is only at the top, since Diesel does not group operands.
    Raw(i32, i32),
}

/// The rows a verb is called on.
#[derive(Debug, Clone)]
pub enum Target {
    /// `things`
    All,
    /// `things.filter(<boxed>)`
    Boxed(Expr),
    /// `things.filter(sql("id = a OR n >= k"))`
    Raw(i32, i32),
    /// `things.find(id)`
    Find(i32),
    /// `&Thing { id, .. }`
    Model(i32),
    /// `Thing::belonging_to(&Parent { id })`
    Children(i32),
    /// `things.filter(id.eq_any(..))`
    Ids(Vec<i32>),
    /// `things.filter(id.eq(a).or(n.ge(k)))`
    Either(i32, i32),
    /// `things.filter(n.ge(k)).filter(parent.eq(p))`
    Chain(i32, i32),
    /// `things.filter(id.eq(a)).or_filter(n.ge(k))`
    OrFilter(i32, i32),
    /// `things.filter(sql("id = a OR n >= k")).filter(parent.eq(p))`, which SQL reads as `a OR (k AND p)`
    RawThen(i32, i32, i32),
    /// `things.filter(parent.eq(p)).filter(sql("id = a OR n >= k"))`, which SQL reads as `(p AND a) OR k`
    ThenRaw(i32, i32, i32),
    /// `things.filter(is_active(things).or(id.eq(a)))`
    ActiveOr(i32),
}

impl Target {
    /// Whether verbs on it are tried in every form. Others are tried in a few, which keeps the build short.
    fn in_every_form(&self) -> bool {
        matches!(self, Self::All | Self::Boxed(_) | Self::Raw(..))
    }
}

/// How a transition is written and run.
#[derive(Debug, Clone)]
pub enum Form {
    Execute,
    Run,
    Outcome,
    /// `.at_utc(time).run(..)`
    AtUtc(DateTime<Utc>),
    /// `.at(value).execute(..)`
    At(DateTime<Utc>),
    /// `.at_utc(time).set(..).only_if(n.ge(k))`, then `.run(..)` or `.outcome(..)`
    Full {
        at: DateTime<Utc>,
        set: Set,
        at_least: i32,
        outcome: bool,
    },
    /// `.only_if(sql("n >= k OR reason = 'x'"))`, and `.returning(id)` where the backend has it
    RawCondition {
        at_least: i32,
    },
}

/// A changeset whose columns vary. A restore sets only `n`.
#[derive(Debug, Clone)]
pub struct Set {
    pub reason: Option<Option<&'static str>>,
    pub operation: Option<Option<i64>>,
    pub n: Option<i32>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verb {
    SoftDelete,
    Restore,
}

#[derive(Debug, Clone)]
pub enum Step {
    Insert(NewRow),
    Transition(Verb, Target, Form),
    /// `update(things.filter(<boxed>)).set(n.eq(..))`
    Update(Expr, i32),
    /// The flag means RETURNING.
    PurgeDeletedBefore(Target, DateTime<Utc>, bool),
    /// The age is in days. The flag means RETURNING.
    PurgeOlderThan(Target, i64, bool),
}

/// What a step reports.
#[derive(Debug, Clone, PartialEq)]
pub enum Did {
    Rows(usize),
    Returned(Vec<i32>),
    Outcome(diesel_soft_delete::Outcome),
    NotOneRow(u64),
    NegativeAge,
}

impl TryFrom<diesel_soft_delete::Error> for Did {
    type Error = diesel_soft_delete::Error;
    fn try_from(error: diesel_soft_delete::Error) -> Result<Self, Self::Error> {
        use diesel_soft_delete::Error;
        match error {
            Error::NotOneRow { rows, .. } => Ok(Self::NotOneRow(rows)),
            Error::NegativeAge { .. } => Ok(Self::NegativeAge),
            other => Err(other),
        }
    }
}

#[derive(Clone)]
pub struct Sequence {
    pub rows: Vec<NewRow>,
    pub steps: Vec<Step>,
}

impl std::fmt::Debug for Sequence {
    /// Shows each row and step on one line.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.rows.iter().try_for_each(|row| writeln!(f, "    {row:?}"))?;
        self.steps.iter().enumerate().try_for_each(|(i, step)| writeln!(f, "    {i}. {step:?}"))
    }
}

// --- what is generated ---------------------------------------------------------------------------

/// There are few times, so that some are equal. They are near the edges of every unit.
fn instant() -> impl Strategy<Value = DateTime<Utc>> {
    let edges = vec![0, 1, 999, 1_000, 987_654, 999_999];
    (0_i64..3, select(edges)).prop_map(|(second, micro)| {
        DateTime::from_timestamp_micros((1_709_294_400 + second) * 1_000_000 + micro).expect("an instant in 2024")
    })
}

fn reason() -> impl Strategy<Value = Option<&'static str>> {
    option::of(select(vec!["x", "spam"]))
}

const IDS: std::ops::RangeInclusive<i32> = 1..=6;
const PARENTS: std::ops::RangeInclusive<i32> = 1..=2;
const N: std::ops::RangeInclusive<i32> = 0..=4;

fn new_row(mode: Mode) -> impl Strategy<Value = NewRow> {
    let state =
        if mode.nullable { select(vec![Some(false), Some(true), None]) } else { select(vec![Some(false), Some(true)]) };
    (IDS, PARENTS, N, state, option::of(instant()), reason())
        .prop_map(|(id, parent, n, state, deleted, reason)| NewRow { id, parent, n, state, deleted, reason })
}

fn expr() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![IDS.prop_map(Expr::Id), N.prop_map(Expr::AtLeast), Just(Expr::Deleted)];
    let tree = leaf.prop_recursive(2, 4, 2, |inner| {
        let pair = (inner.clone(), inner.clone());
        prop_oneof![
            inner.prop_map(|e| Expr::Not(e.into())),
            pair.clone().prop_map(|(a, b)| Expr::And(a.into(), b.into())),
            pair.prop_map(|(a, b)| Expr::Or(a.into(), b.into())),
        ]
    });
    prop_oneof![3 => tree, 1 => (IDS, N).prop_map(|(a, k)| Expr::Raw(a, k))]
}

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![
        2 => Just(Target::All),
        4 => expr().prop_map(Target::Boxed),
        3 => (IDS, N).prop_map(|(a, k)| Target::Raw(a, k)),
        2 => IDS.prop_map(Target::Find),
        1 => IDS.prop_map(Target::Model),
        1 => PARENTS.prop_map(Target::Children),
        1 => vec(IDS, 0..4).prop_map(Target::Ids),
        1 => (IDS, N).prop_map(|(a, k)| Target::Either(a, k)),
        1 => (N, PARENTS).prop_map(|(k, p)| Target::Chain(k, p)),
        1 => (IDS, N).prop_map(|(a, k)| Target::OrFilter(a, k)),
        1 => (IDS, N, PARENTS).prop_map(|(a, k, p)| Target::RawThen(a, k, p)),
        1 => (PARENTS, IDS, N).prop_map(|(p, a, k)| Target::ThenRaw(p, a, k)),
        1 => IDS.prop_map(Target::ActiveOr),
    ]
}

fn set() -> impl Strategy<Value = Set> {
    (option::of(reason()), option::of(option::of(1..3_i64)), option::of(N)).prop_map(|(reason, operation, n)| Set {
        reason,
        operation,
        n,
    })
}

fn form() -> impl Strategy<Value = Form> {
    prop_oneof![
        1 => Just(Form::Execute),
        1 => Just(Form::Run),
        2 => Just(Form::Outcome),
        2 => instant().prop_map(Form::AtUtc),
        1 => instant().prop_map(Form::At),
        3 => (instant(), set(), N, any::<bool>())
            .prop_map(|(at, set, at_least, outcome)| Form::Full { at, set, at_least, outcome }),
        1 => N.prop_map(|at_least| Form::RawCondition { at_least }),
    ]
}

impl Form {
    /// The nearest form that is written for the target and compiles for the declaration.
    fn fit(self, verb: Verb, target: &Target, mode: Mode) -> Self {
        let deletes = verb == Verb::SoftDelete;
        let at_utc = mode.touch.is_some() || (deletes && mode.stamp.is_some());
        match self {
            Self::Full { at, .. } | Self::At(at) if !target.in_every_form() => Self::AtUtc(at).fit(verb, target, mode),
            Self::Run | Self::RawCondition { .. } if !target.in_every_form() => Self::Execute,
            Self::At(at) if !(if deletes { mode.at } else { mode.touch.is_some() }) => {
                Self::AtUtc(at).fit(verb, target, mode)
            }
            Self::AtUtc(_) if !at_utc => Self::Execute,
            other => other,
        }
    }
}

fn step(mode: Mode) -> BoxedStrategy<Step> {
    let transition = |verb: Verb| {
        (target(), form()).prop_map(move |(target, form)| {
            let form = form.fit(verb, &target, mode);
            Step::Transition(verb, target, form)
        })
    };
    let basic = prop_oneof![
        2 => new_row(mode).prop_map(Step::Insert),
        5 => transition(Verb::SoftDelete),
        4 => transition(Verb::Restore),
        1 => (expr(), N).prop_map(|(expr, n)| Step::Update(expr, n)),
    ];
    if mode.stamp.is_none() {
        return basic.boxed();
    }
    let returning = move |target: &Target, wanted: bool| wanted && mode.returning && target.in_every_form();
    let before = (target(), instant(), any::<bool>()).prop_map(move |(target, cutoff, wanted)| {
        let returning = returning(&target, wanted);
        Step::PurgeDeletedBefore(target, cutoff, returning)
    });
    // The ages are far from the duration of a run. Its own rows are younger than a day, and others are from 2024.
    let older =
        (target(), select(vec![1, 30, 30, 36_500 / 5, -1]), any::<bool>()).prop_map(move |(target, age, wanted)| {
            let returning = returning(&target, wanted);
            Step::PurgeOlderThan(target, age, returning)
        });
    prop_oneof![12 => basic, 1 => before, 1 => older].boxed()
}

pub fn sequence(mode: Mode) -> impl Strategy<Value = Sequence> {
    (vec(new_row(mode), 0..7), vec(step(mode), 1..13)).prop_map(|(rows, steps)| Sequence { rows, steps })
}

// --- what must happen ----------------------------------------------------------------------------

#[derive(Debug)]
pub struct Model {
    mode: Mode,
    /// In the order of their keys.
    pub rows: Vec<Row>,
}

/// The clock before and after a step, and the rows after it. If the time is that of the call, it is read from the first
/// row that changed, and it must be between the two clocks.
pub struct Observed<'a> {
    pub before: DateTime<Utc>,
    pub after: DateTime<Utc>,
    pub rows: &'a [Row],
}

impl Model {
    pub fn new(mode: Mode) -> Self {
        Self { mode, rows: Vec::new() }
    }

    fn is_deleted(&self, row: &Row) -> bool {
        match self.mode.flag {
            Flag::None => row.deleted.is_some(),
            Flag::Deleted => row.state == Some(true),
            Flag::Active => row.state == Some(false),
        }
    }

    pub fn ids(&self, deleted: bool) -> Vec<i32> {
        self.rows.iter().filter(|row| self.is_deleted(row) == deleted).map(|row| row.id).collect()
    }

    fn holds(&self, expr: &Expr, row: &Row) -> bool {
        match expr {
            Expr::Id(id) => row.id == *id,
            Expr::AtLeast(k) => row.n >= *k,
            Expr::Deleted => self.is_deleted(row),
            Expr::Not(inner) => !self.holds(inner, row),
            Expr::And(a, b) => self.holds(a, row) && self.holds(b, row),
            Expr::Or(a, b) => self.holds(a, row) || self.holds(b, row),
            Expr::Raw(a, k) => row.id == *a || row.n >= *k,
        }
    }

    fn matches(&self, target: &Target, row: &Row) -> bool {
        match target {
            Target::All => true,
            Target::Boxed(expr) => self.holds(expr, row),
            Target::Find(id) | Target::Model(id) => row.id == *id,
            Target::Children(parent) => row.parent == *parent,
            Target::Ids(ids) => ids.contains(&row.id),
            Target::Raw(a, k) | Target::Either(a, k) | Target::OrFilter(a, k) => row.id == *a || row.n >= *k,
            Target::Chain(k, p) => row.n >= *k && row.parent == *p,
            Target::RawThen(a, k, p) => row.id == *a || (row.n >= *k && row.parent == *p),
            Target::ThenRaw(p, a, k) => (row.parent == *p && row.id == *a) || row.n >= *k,
            Target::ActiveOr(a) => !self.is_deleted(row) || row.id == *a,
        }
    }

    /// The row as it is stored, unless the key is taken.
    pub fn insert(&mut self, new: &NewRow) -> Option<&Row> {
        let place = self.rows.binary_search_by_key(&new.id, |row| row.id).err()?;
        let stamp = self.mode.stamp.unwrap_or(Unit::Micros);
        let touch = self.mode.touch.unwrap_or(Unit::Micros);
        let row = Row {
            id: new.id,
            parent: new.parent,
            n: new.n,
            state: new.state,
            deleted: new.deleted.map(|at| stamp.value(at)),
            touched: touch.value(DateTime::UNIX_EPOCH + TimeDelta::days(20_000)),
            reason: new.reason.map(str::to_owned),
            operation: Some(7),
        };
        self.rows.insert(place, row);
        Some(&self.rows[place])
    }

    /// Applies a step that is not an insert, and returns what it should have reported.
    pub fn apply(&mut self, step: &Step, seen: &Observed<'_>) -> Result<Did, String> {
        match step {
            Step::Insert(_) => unreachable!("inserted by `insert`"),
            Step::Update(expr, n) => {
                let hit: Vec<usize> = (0..self.rows.len()).filter(|i| self.holds(expr, &self.rows[*i])).collect();
                hit.iter().for_each(|i| self.rows[*i].n = *n);
                Ok(Did::Rows(hit.len()))
            }
            Step::PurgeDeletedBefore(target, cutoff, returning) => Ok(self.purge(target, *cutoff, *returning)),
            Step::PurgeOlderThan(_, age, _) if *age < 0 => Ok(Did::NegativeAge),
            Step::PurgeOlderThan(target, age, returning) => {
                Ok(self.purge(target, seen.before - TimeDelta::days(*age), *returning))
            }
            Step::Transition(verb, target, form) => self.transition(*verb, target, form, seen),
        }
    }

    fn purge(&mut self, target: &Target, cutoff: DateTime<Utc>, returning: bool) -> Did {
        let cutoff = self.mode.stamp.expect("a purge needs a timestamp").value(cutoff);
        let goes = |row: &Row| {
            self.matches(target, row) && self.is_deleted(row) && row.deleted.is_some_and(|deleted| deleted < cutoff)
        };
        let gone: Vec<i32> = self.rows.iter().filter(|row| goes(row)).map(|row| row.id).collect();
        self.rows.retain(|row| !gone.contains(&row.id));
        if returning { Did::Returned(gone) } else { Did::Rows(gone.len()) }
    }

    fn transition(&mut self, verb: Verb, target: &Target, form: &Form, seen: &Observed<'_>) -> Result<Did, String> {
        use diesel_soft_delete::Outcome;
        let deletes = verb == Verb::SoftDelete;
        let may = |row: &Row| match form {
            Form::Full { at_least, .. } => row.n >= *at_least,
            Form::RawCondition { at_least } => row.n >= *at_least || row.reason.as_deref() == Some("x"),
            _ => true,
        };
        let matched: Vec<usize> = (0..self.rows.len()).filter(|i| self.matches(target, &self.rows[*i])).collect();
        let in_state: Vec<usize> =
            matched.iter().copied().filter(|i| self.is_deleted(&self.rows[*i]) != deletes).collect();
        let changed: Vec<usize> = in_state.iter().copied().filter(|i| may(&self.rows[*i])).collect();

        let did = match form {
            Form::Outcome | Form::Full { outcome: true, .. } => match (changed.len(), matched.len(), in_state.len()) {
                (1, ..) => Did::Outcome(Outcome::Changed),
                (0, 0, _) => Did::Outcome(Outcome::NotFound),
                (0, 1, 0) => Did::Outcome(Outcome::AlreadyInState),
                (0, 1, _) => Did::Outcome(Outcome::Refused),
                (0, rows, _) | (rows, ..) => Did::NotOneRow(rows as u64),
            },
            Form::RawCondition { .. } if self.mode.returning => {
                Did::Returned(changed.iter().map(|i| self.rows[*i].id).collect())
            }
            _ => Did::Rows(changed.len()),
        };
        if matches!(did, Did::NotOneRow(_)) || changed.is_empty() {
            return Ok(did);
        }

        let given = match form {
            Form::AtUtc(at) | Form::At(at) | Form::Full { at, .. } => Some(*at),
            _ => None,
        };
        let (stamp, touch) = match given {
            Some(at) => (self.mode.stamp.map(|unit| unit.value(at)), self.mode.touch.map(|unit| unit.value(at))),
            None => self.now(deletes, self.rows[changed[0]].id, seen)?,
        };
        for i in changed {
            let mode = self.mode;
            let row = &mut self.rows[i];
            match mode.flag {
                Flag::None => {}
                Flag::Deleted => row.state = Some(deletes),
                Flag::Active => row.state = Some(!deletes),
            }
            if mode.stamp.is_some() {
                row.deleted = if deletes { stamp } else { None };
            }
            if let Some(touch) = touch {
                row.touched = touch;
            }
            if mode.metadata && !deletes {
                row.reason = None;
            }
            if mode.operation && !deletes {
                row.operation = None;
            }
            if let Form::Full { set, .. } = form {
                row.n = set.n.unwrap_or(row.n);
                if let (true, Some(reason)) = (deletes, set.reason) {
                    row.reason = reason.map(str::to_owned);
                }
                if let (true, Some(operation)) = (deletes, set.operation) {
                    row.operation = operation;
                }
            }
        }
        Ok(did)
    }

    /// The time of the call, read from the row with this key.
    fn now(&self, deletes: bool, id: i32, seen: &Observed<'_>) -> Result<(Option<i64>, Option<i64>), String> {
        let row = seen.rows.iter().find(|row| row.id == id).ok_or(format!("row {id} is gone"))?;
        let stamp = if deletes { self.mode.stamp.map(|unit| (unit, row.deleted.unwrap_or(i64::MIN))) } else { None };
        let touch = self.mode.touch.map(|unit| (unit, row.touched));
        for (unit, value) in stamp.iter().chain(&touch) {
            if !(unit.value(seen.before)..=unit.value(seen.after)).contains(value) {
                return Err(format!("row {id}: {value} ({unit:?}) is not the instant of the call"));
            }
        }
        if let (Some((fine, stamp)), Some((coarse, touch))) = (stamp, touch) {
            if (stamp * fine.micros()).div_euclid(coarse.micros()) != touch {
                return Err(format!(
                    "row {id}: the timestamp {stamp} and the touch column {touch} are not one instant"
                ));
            }
        }
        Ok((stamp.map(|(_, value)| value), touch.map(|(_, value)| value)))
    }
}
