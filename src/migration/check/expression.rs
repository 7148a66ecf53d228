//! Predicates over one column: what they say, and whether a planner sees that our filters imply them.
//!
//! What each planner sees was tried on PostgreSQL 15 and SQLite 3.53; the tests ask them again.

use super::parser::parse;
use crate::declare::{Mode, Rows};
use crate::dialect::Dialect;
use crate::schema::{Token, same_column, tokens, top_level};

/// An expression, as far as predicates of partial indexes need one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expression {
    /// A column, by its last name.
    Column(String),
    /// A literal as it is spelled: on SQLite `FALSE` is not `false`.
    Literal(String),
    /// A literal in quotes.
    Text(String),
    Not(Box<Self>),
    And(Vec<Self>),
    Or(Vec<Self>),
    Compare(&'static str, Box<Self>, Box<Self>),
    /// `IS` or `IS NOT`.
    Is(bool, Box<Self>, Box<Self>),
    In(bool, Box<Self>, Vec<Self>),
    /// A cast of more than a literal, by the first word of its type.
    Cast(Box<Self>, String),
    /// The first argument that is not NULL.
    Coalesce(Vec<Self>),
}

/// A value of the column or of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    /// `FALSE` and `TRUE` are 0 and 1.
    Number(i64),
    /// A time, which is only known not to be NULL.
    Instant,
}

use self::Expression::{And, Cast, Coalesce, Column, Compare, In, Is, Literal, Not, Or, Text};

impl Expression {
    /// The value for a value of the one column; `None` if it depends on more, or cannot be told.
    pub(super) fn value(&self, dialect: Dialect, column: &str, is: Value) -> Option<Value> {
        let value = |of: &Self| of.value(dialect, column, is);
        let truth = |of: &Self| value(of)?.truth();
        Some(match self {
            Column(name) if same_column(dialect, name, column) => is,
            Column(_) | Cast(..) => return None,
            Literal(text) | Text(text) => Value::of_literal(text)?,
            Not(inner) => Value::of_truth(truth(inner)?.map(|truth| !truth)),
            And(all) => {
                let all = all.iter().map(truth).collect::<Option<Vec<_>>>()?;
                Value::of_truth(if all.contains(&Some(false)) {
                    Some(false)
                } else {
                    all.iter().all(|truth| *truth == Some(true)).then_some(true)
                })
            }
            Or(any) => {
                let any = any.iter().map(truth).collect::<Option<Vec<_>>>()?;
                Value::of_truth(if any.contains(&Some(true)) {
                    Some(true)
                } else {
                    any.iter().all(|truth| *truth == Some(false)).then_some(false)
                })
            }
            Compare(operator, left, right) => match (value(left)?, value(right)?) {
                (Value::Null, _) | (_, Value::Null) => Value::Null,
                (Value::Number(left), Value::Number(right)) => Value::of_truth(Some(match *operator {
                    "=" => left == right,
                    "<>" => left != right,
                    "<" => left < right,
                    "<=" => left <= right,
                    ">" => left > right,
                    _ => left >= right,
                })),
                _ => return None,
            },
            Is(negated, left, right) => {
                let same = match (value(left)?, value(right)?) {
                    (Value::Instant, Value::Instant) => return None,
                    (left, right) => left == right,
                };
                Value::of_truth(Some(same != *negated))
            }
            In(negated, left, list) => {
                let left = value(left)?;
                let list = list.iter().map(value).collect::<Option<Vec<_>>>()?;
                match left {
                    Value::Null => Value::Null,
                    Value::Instant => return None,
                    left if list.contains(&left) => Value::of_truth(Some(!negated)),
                    _ if list.contains(&Value::Null) => Value::Null,
                    _ => Value::of_truth(Some(*negated)),
                }
            }
            Coalesce(all) => {
                let all = all.iter().map(value).collect::<Option<Vec<_>>>()?;
                all.into_iter().find(|value| *value != Value::Null).unwrap_or(Value::Null)
            }
        })
    }

    /// The form in which a planner compares two predicates.
    fn canonical(self, dialect: Dialect) -> Self {
        match dialect {
            Dialect::Postgres => self.postgres(true),
            Dialect::Mysql | Dialect::Sqlite => self,
        }
    }

    /// PostgreSQL folds a comparison with TRUE or FALSE into the column or its NOT, and moves NOT
    /// inwards. It does not do so for `IS TRUE` and its kin, which are never NULL.
    fn postgres(self, holds: bool) -> Self {
        let negate = |expression| if holds { expression } else { Not(Box::new(expression)) };
        match self {
            Not(inner) => inner.postgres(!holds),
            And(all) => {
                let all = all.into_iter().map(|each| each.postgres(holds)).collect();
                if holds { And(all) } else { Or(all) }
            }
            Or(any) => {
                let any = any.into_iter().map(|each| each.postgres(holds)).collect();
                if holds { Or(any) } else { And(any) }
            }
            In(negated, left, mut list) if list.len() == 1 => {
                let operator = if negated { "<>" } else { "=" };
                let right = list.pop().unwrap_or_else(|| Literal(String::from("NULL")));
                Compare(operator, left, Box::new(right)).postgres(holds)
            }
            Compare(operator @ ("=" | "<>"), left, right) => {
                let equal = operator == "=";
                match (left.boolean(), right.boolean()) {
                    (_, Some(right)) => left.postgres((right == equal) == holds),
                    (Some(left), _) => right.postgres((left == equal) == holds),
                    _ => negate(Compare(operator, Box::new(left.postgres(true)), Box::new(right.postgres(true)))),
                }
            }
            Is(negated, left, right) => Is(negated == holds, left, right),
            other => negate(other),
        }
    }

    /// The value of a literal of PostgreSQL's type boolean.
    fn boolean(&self) -> Option<bool> {
        match self {
            Literal(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Literal(text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }

    /// Whether a planner sees that this predicate implies the other; both are canonical.
    fn implies(&self, other: &Self) -> bool {
        match (self, other) {
            _ if self == other => true,
            (Or(any), _) => any.iter().all(|each| each.implies(other)),
            (_, And(all)) => all.iter().all(|each| self.implies(each)),
            (And(all), _) if all.iter().any(|each| each.implies(other)) => true,
            (_, Or(any)) => any.iter().any(|each| self.implies(each)),
            (_, Is(true, tested, null)) if null.is_null() => self.is_null_if(tested),
            _ => false,
        }
    }

    /// Whether the predicate cannot be true where the column is NULL.
    fn is_null_if(&self, column: &Self) -> bool {
        match self {
            Column(_) => self == column,
            Not(inner) => inner.is_null_if(column),
            Compare(_, left, right) => left.is_null_if(column) || right.is_null_if(column),
            _ => false,
        }
    }

    fn is_null(&self) -> bool {
        matches!(self, Literal(text) if text.eq_ignore_ascii_case("null"))
    }
}

impl Value {
    fn of_truth(truth: Option<bool>) -> Self {
        truth.map_or(Self::Null, |truth| Self::Number(i64::from(truth)))
    }

    pub(super) fn of_literal(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "null" | "unknown" => Some(Self::Null),
            "true" | "t" => Some(Self::Number(1)),
            "false" | "f" => Some(Self::Number(0)),
            other => other.parse().ok().map(Self::Number),
        }
    }

    /// `Some(None)` is NULL; `None` where it cannot be told.
    fn truth(self) -> Option<Option<bool>> {
        match self {
            Self::Null => Some(None),
            Self::Number(number) => Some(Some(number != 0)),
            Self::Instant => None,
        }
    }
}

/// The state column of a table, for predicates about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct StateColumn<'a> {
    pub(super) dialect: Dialect,
    pub(super) mode: Mode,
    pub(super) name: &'a str,
}

impl StateColumn<'_> {
    /// Whether text names the column.
    pub(super) fn is_named_in(self, sql: &str) -> bool {
        tokens(sql).iter().any(|token| token.names(self.dialect, self.name))
    }

    /// Whether our filter for `rows` implies the predicate, as far as the planner sees.
    pub(super) fn implies(self, rows: Rows, sql: &str) -> bool {
        let Some(predicate) = parse(&tokens(sql)) else { return false };
        self.own(rows).is_some_and(|own| own.implies(&self.fold(predicate).canonical(self.dialect)))
    }

    /// Which rows the predicate is true for, if it is nothing but a test of the column.
    pub(super) fn rows(self, sql: &str) -> Option<Rows> {
        let found = self.truths(&parse(&tokens(sql))?)?;
        [Rows::Active, Rows::Deleted].into_iter().find(|rows| {
            let own = parse(&tokens(&self.text(*rows)));
            own.and_then(|own| self.truths(&own)).is_some_and(|own| own == found)
        })
    }

    /// Whether the predicate says nothing of the column: it holds for all its values, or for none.
    pub(super) fn is_constant(self, sql: &str) -> bool {
        let truths = parse(&tokens(sql)).and_then(|predicate| self.truths(&predicate));
        truths.is_some_and(|truths| truths.iter().all(|truth| *truth == truths[0]))
    }

    /// Whether the predicate is an OR that is not understood.
    pub(super) fn is_unclear(self, sql: &str) -> bool {
        let tokens = tokens(sql);
        parse(&tokens).is_none() && tokens.iter().any(|token| token.is("OR") || token.is("CASE"))
    }

    /// For each value of the column, whether the predicate is true.
    fn truths(self, predicate: &Expression) -> Option<Vec<bool>> {
        let values: &[Value] = match self.mode {
            Mode::Flag | Mode::ActiveFlag => &[Value::Number(0), Value::Number(1)],
            Mode::NullableFlag | Mode::NullableActiveFlag => &[Value::Number(0), Value::Number(1), Value::Null],
            Mode::Timestamp => &[Value::Instant, Value::Null],
        };
        let truth = |value: &Value| {
            let truth = predicate.value(self.dialect, self.name, *value)?.truth()?;
            Some(truth == Some(true))
        };
        values.iter().map(truth).collect()
    }

    fn text(self, rows: Rows) -> String {
        self.mode.text(rows, &self.dialect.quote(self.name))
    }

    fn own(self, rows: Rows) -> Option<Expression> {
        Some(self.fold(parse(&tokens(&self.text(rows)))?).canonical(self.dialect))
    }

    /// Spells the column as the declaration does.
    fn fold(self, expression: Expression) -> Expression {
        let fold = |each: Expression| self.fold(each);
        let boxed = |each: Box<Expression>| Box::new(self.fold(*each));
        match expression {
            Column(name) if same_column(self.dialect, &name, self.name) => Column(self.name.to_owned()),
            Column(_) | Literal(_) | Text(_) => expression,
            Not(inner) => Not(boxed(inner)),
            And(all) => And(all.into_iter().map(fold).collect()),
            Or(any) => Or(any.into_iter().map(fold).collect()),
            Compare(operator, left, right) => Compare(operator, boxed(left), boxed(right)),
            Is(negated, left, right) => Is(negated, boxed(left), boxed(right)),
            In(negated, left, list) => In(negated, boxed(left), list.into_iter().map(fold).collect()),
            Cast(inner, ty) => Cast(boxed(inner), ty),
            Coalesce(all) => Coalesce(all.into_iter().map(fold).collect()),
        }
    }
}

/// Whether two predicates are the same, but for the spelling that the database gives them.
pub(super) fn is_same_predicate(dialect: Dialect, one: &str, other: &str) -> bool {
    let canonical = |sql: &str| Some(parse(&tokens(sql))?.canonical(dialect));
    canonical(one).is_some_and(|one| canonical(other) == Some(one))
}

/// The parts of a predicate that are joined by AND, each as text.
pub(super) fn conjuncts(sql: &str) -> Vec<String> {
    let all = tokens(sql);
    let inside = unwrapped(&all);
    let text = |part: &[Token]| match (part.first(), part.last()) {
        (Some(first), Some(last)) => sql[first.span.start..last.span.end].to_owned(),
        _ => String::new(),
    };
    // An AND inside of CASE or beside OR is not one between parts of the whole.
    let whole = inside.iter().any(|token| token.is("CASE")) || top_level(inside, "OR").next().is_some();
    let ands = top_level(inside, "AND").collect::<Vec<_>>();
    if whole || ands.is_empty() {
        return vec![text(inside)];
    }
    let starts = std::iter::once(0).chain(ands.iter().map(|and| and + 1));
    let ends = ands.iter().copied().chain([inside.len()]);
    starts.zip(ends).flat_map(|(start, end)| conjuncts(&text(&inside[start..end]))).collect()
}

/// Without the parentheses around the whole.
fn unwrapped(tokens: &[Token]) -> &[Token] {
    let is_wrapped = tokens.first().is_some_and(|token| token.is_symbol("("))
        && crate::schema::closing(tokens, 0) == Some(tokens.len() - 1);
    if is_wrapped { unwrapped(&tokens[1..tokens.len() - 1]) } else { tokens }
}
