//! Which keys go together, and what a declaration without column keys means.

use syn::{Ident, Path};

use crate::parse::{Column, Declaration, Relation, Unit};

/// A declaration that makes sense.
pub struct Valid {
    pub table: Path,
    pub state: State,
    pub timestamp: Option<Ident>,
    pub unit: Option<(Ident, Unit)>,
    pub touch: Option<Ident>,
    pub reset: Vec<Ident>,
    pub operation: Option<Ident>,
    pub hold: Option<Ident>,
    pub relations: Vec<Relation>,
}

/// The column that says whether a row is deleted.
pub enum State {
    Flag(Ident),
    ActiveFlag(Ident),
    Timestamp(Ident),
}

/// Checks a declaration, adding to its errors. What is right comes back nevertheless.
pub fn validate(declaration: &mut Declaration) -> Option<Valid> {
    let table = declaration.table.clone()?;
    flag_or_active_flag(declaration);
    unit_needs_an_instant(declaration);
    one_role_per_column(declaration);
    one_policy_per_key(declaration);

    let span = table.segments.last().map_or_else(proc_macro2::Span::call_site, |last| last.ident.span());
    let named = |key: &Option<Column>| key.as_ref().map(|column| declaration.column(&column.column));
    let mut timestamp = named(&declaration.timestamp);
    let state = match (named(&declaration.flag), named(&declaration.active_flag), &timestamp) {
        (Some(flag), _, _) => State::Flag(flag),
        (None, Some(flag), _) => State::ActiveFlag(flag),
        (None, None, Some(timestamp)) => State::Timestamp(timestamp.clone()),
        (None, None, None) => {
            timestamp = Some(declaration.column(&Ident::new("deleted_at", span)));
            State::Flag(declaration.column(&Ident::new("is_deleted", span)))
        }
    };
    let metadata = declaration.metadata.iter().flat_map(|(_, columns)| columns);
    let reset = metadata.map(|column| declaration.column(column)).chain(named(&declaration.operation)).collect();
    let (unit, touch, hold) = (declaration.unit.clone(), named(&declaration.touch), named(&declaration.hold));
    let (operation, relations) = (named(&declaration.operation), declaration.relations.clone());
    Some(Valid { state, timestamp, unit, touch, reset, operation, hold, relations, table })
}

/// Two flags could contradict each other, and no filter would be right.
fn flag_or_active_flag(declaration: &mut Declaration) {
    if let (Some(_), Some(active)) = (&declaration.flag, &declaration.active_flag) {
        declaration.errors.push(
            active.key.span(),
            "`flag` and `active_flag` cannot stand together\n\
             help: keep `flag = ..` if TRUE means deleted, `active_flag = ..` if TRUE means active",
        );
    }
}

/// A unit is the unit of an integer column that holds a time.
fn unit_needs_an_instant(declaration: &mut Declaration) {
    let has_state = declaration.flag.is_some() || declaration.active_flag.is_some();
    if has_state && declaration.timestamp.is_none() && declaration.touch.is_none() {
        if let Some((key, _)) = declaration.unit.take() {
            declaration.errors.push(
                key.span(),
                "`unit` has no column to be the unit of\n\
                 help: name the integer column: `timestamp = deleted_at, unit = seconds`",
            );
        }
    }
}

/// One UPDATE must not set a column twice, and no verb may set a hold.
fn one_role_per_column(declaration: &mut Declaration) {
    let roles: [&Option<Column>; 6] = [
        &declaration.flag,
        &declaration.active_flag,
        &declaration.timestamp,
        &declaration.touch,
        &declaration.operation,
        &declaration.hold,
    ];
    let columns = roles.into_iter().flatten().map(|column| &column.column);
    let metadata = declaration.metadata.iter().flat_map(|(_, columns)| columns);
    let mut seen: Vec<&Ident> = Vec::new();
    let mut twice: Vec<Ident> = Vec::new();
    for column in columns.chain(metadata) {
        if seen.contains(&column) {
            twice.push(column.clone());
        }
        seen.push(column);
    }
    if declaration.flag.is_none() && declaration.active_flag.is_none() && declaration.timestamp.is_none() {
        // The assumed columns take part too.
        twice.extend(seen.iter().filter(|c| **c == "is_deleted" || **c == "deleted_at").map(|c| (*c).clone()));
    }
    for column in twice {
        declaration.errors.push(
            column.span(),
            format!("the column `{column}` has two roles\nhelp: each key needs a column of its own"),
        );
    }
}

/// Children that are to be deleted and to be kept could not be either.
fn one_policy_per_key(declaration: &mut Declaration) {
    let name = |path: &Path| path.segments.iter().map(|part| part.ident.to_string()).collect::<Vec<_>>().join("::");
    let mut seen: Vec<(String, &[Ident])> = Vec::new();
    let mut twice = Vec::new();
    for relation in &declaration.relations {
        let this = (name(&relation.child), relation.columns.as_slice());
        if seen.contains(&this) {
            let columns = relation.columns.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            twice.push((relation.key.span(), format!("{}({columns})", this.0)));
        }
        seen.push(this);
    }
    for (span, key) in twice {
        declaration.errors.push(
            span,
            format!(
                "the foreign key `{key}` is named twice\nhelp: keep one of `cascade`, `restrict` and `set_null` for it"
            ),
        );
    }
}
