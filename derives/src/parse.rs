//! Reads keys and values from tokens. Nothing here knows which keys go together.

use proc_macro2::{Span, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Fields, Ident, LitStr, Path, Result, Token};

/// A declaration as it was written.
#[derive(Default)]
pub struct Declaration {
    pub table: Option<Path>,
    pub flag: Option<Column>,
    pub active_flag: Option<Column>,
    pub timestamp: Option<Column>,
    pub unit: Option<(Ident, Unit)>,
    pub touch: Option<Column>,
    pub metadata: Option<(Ident, Vec<Ident>)>,
    pub operation: Option<Column>,
    pub hold: Option<Column>,
    pub relations: Vec<Relation>,
    /// Fields that `#[diesel(column_name = ..)]` maps to another column.
    pub renamed: Vec<(Ident, Ident)>,
    pub errors: Errors,
}

/// A key and the column that it names.
pub struct Column {
    pub key: Ident,
    pub column: Ident,
}

/// `cascade(posts(author_id))`: the policy, the child's module and its foreign key.
#[derive(Clone)]
pub struct Relation {
    pub key: Ident,
    pub policy: Policy,
    pub child: Path,
    pub columns: Vec<Ident>,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Policy {
    Cascade,
    Restrict,
    SetNull,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Unit {
    Seconds,
    Millis,
    Micros,
}

/// All mistakes of a declaration, reported together.
#[derive(Default)]
pub struct Errors(Option<syn::Error>);

impl Errors {
    pub fn push(&mut self, span: Span, message: impl std::fmt::Display) {
        self.add(syn::Error::new(span, message));
    }

    pub fn add(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(first) => first.combine(error),
            None => self.0 = Some(error),
        }
    }

    pub fn to_compile_error(&self) -> Option<proc_macro2::TokenStream> {
        self.0.as_ref().map(syn::Error::to_compile_error)
    }
}

const KEYS: [(&str, &str); 11] = [
    ("flag", "flag = is_deleted"),
    ("active_flag", "active_flag = is_active"),
    ("timestamp", "timestamp = deleted_at"),
    ("unit", "unit = seconds | millis | micros"),
    ("touch", "touch = updated_at"),
    ("metadata", "metadata(deleted_by, reason)"),
    ("operation", "operation = deletion_id"),
    ("hold", "hold = legal_hold"),
    ("cascade", "cascade(posts(author_id), comments(author_id))"),
    ("restrict", "restrict(invoices(customer_id))"),
    ("set_null", "set_null(drafts(author_id))"),
];

const UNITS: [(&str, Unit); 3] = [("seconds", Unit::Seconds), ("millis", Unit::Millis), ("micros", Unit::Micros)];

/// Reads a model: `#[diesel(table_name = ..)]` and `#[soft_delete(..)]`.
pub fn model(input: &DeriveInput) -> Declaration {
    let mut declaration = Declaration::default();
    match &input.data {
        Data::Struct(_) => {}
        Data::Enum(data) => {
            declaration.errors.push(
                data.enum_token.span,
                "`SoftDeletable` can only be derived for a struct, since Diesel maps a row to a struct\n\
                 help: derive it on the struct that has `#[diesel(table_name = ..)]`, or use `soft_deletable!` beside `table!`",
            );
            return declaration;
        }
        Data::Union(data) => {
            declaration.errors.push(
                data.union_token.span,
                "`SoftDeletable` can only be derived for a struct, since Diesel maps a row to a struct\n\
                 help: derive it on the struct that has `#[diesel(table_name = ..)]`, or use `soft_deletable!` beside `table!`",
            );
            return declaration;
        }
    }

    for attribute in &input.attrs {
        if attribute.path().is_ident("diesel") {
            if let Some(table) = diesel_value(attribute, "table_name") {
                declaration.table = Some(table);
            }
        }
    }
    if declaration.table.is_none() {
        declaration.errors.push(
            input.ident.span(),
            format!(
                "`SoftDeletable` needs the name of the table\n\
                 help: add `#[diesel(table_name = {})]`",
                guess_table_name(&input.ident.to_string())
            ),
        );
    }

    for attribute in &input.attrs {
        if !attribute.path().is_ident("soft_delete") {
            continue;
        }
        match &attribute.meta {
            // `#[soft_delete]` without keys means the same as no attribute.
            syn::Meta::Path(_) => {}
            syn::Meta::List(_) => {
                let keys = attribute.parse_args_with(|input: ParseStream<'_>| {
                    declaration.keys(input);
                    Ok(())
                });
                if let Err(error) = keys {
                    declaration.errors.add(error);
                }
            }
            syn::Meta::NameValue(meta) => declaration.errors.push(
                meta.span(),
                "`soft_delete` takes its keys in parentheses\n\
                 help: the correct format looks like `#[soft_delete(flag = is_deleted, timestamp = deleted_at)]`",
            ),
        }
    }

    if let Data::Struct(data) = &input.data {
        declaration.read_renames(&data.fields);
    }
    declaration
}

/// `posts { flag = is_deleted, .. } schema::users { .. }`
pub struct Tables(pub Vec<Declaration>);

impl Parse for Tables {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut tables = Vec::new();
        if input.is_empty() {
            return Err(input.error(
                "no table is named\nhelp: the correct format looks like \
                 `soft_deletable! { posts { flag = is_deleted, timestamp = deleted_at } }`",
            ));
        }
        while !input.is_empty() {
            let mut declaration = Declaration { table: Some(table_module(input.parse()?)), ..Declaration::default() };
            let keys;
            syn::braced!(keys in input);
            declaration.keys(&keys);
            tables.push(declaration);
            if input.peek(Token![,]) {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(Self(tables))
    }
}

/// `tags, schema::countries`
pub struct NotSoftDeletable(pub Vec<Path>);

impl Parse for NotSoftDeletable {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.is_empty() {
            return Err(input.error(
                "no table is named\nhelp: the correct format looks like `not_soft_deletable!(tags, countries);`",
            ));
        }
        let tables = Punctuated::<Path, Token![,]>::parse_terminated(input)?;
        Ok(Self(tables.into_iter().map(table_module).collect()))
    }
}

/// The module of a table. `posts::table` is read as `posts`.
fn table_module(mut path: Path) -> Path {
    if path.segments.len() > 1 && path.segments.last().is_some_and(|last| last.ident == "table") {
        path.segments.pop();
        // The rest ends in `::`, which is not a valid path.
        if let Some(last) = path.segments.pop() {
            path.segments.push_value(last.into_value());
        }
    }
    path
}

impl Declaration {
    /// Reads `key = value` and `key(values)`, separated by commas. After a mistake it continues with the next key.
    fn keys(&mut self, input: ParseStream<'_>) {
        while !input.is_empty() {
            if let Err(error) = self.key(input) {
                self.errors.add(error);
                while !input.is_empty() && !input.peek(Token![,]) {
                    // It skips whole token trees, so a comma in parentheses does not end the key.
                    if input.parse::<TokenTree>().is_err() {
                        return;
                    }
                }
            }
            if !input.is_empty() {
                if let Err(error) = input.parse::<Token![,]>() {
                    self.errors.add(error);
                    return;
                }
            }
        }
    }

    fn key(&mut self, input: ParseStream<'_>) -> Result<()> {
        let key = Ident::parse_any(input)?;
        match key.to_string().as_str() {
            "flag" => set_column(&mut self.flag, key, input),
            "active_flag" => set_column(&mut self.active_flag, key, input),
            "timestamp" => set_column(&mut self.timestamp, key, input),
            "touch" => set_column(&mut self.touch, key, input),
            "operation" => set_column(&mut self.operation, key, input),
            "hold" => set_column(&mut self.hold, key, input),
            "unit" => {
                let value = value(&key, input)?;
                let Some((_, unit)) = UNITS.into_iter().find(|(name, _)| value == name) else {
                    return Err(syn::Error::new(
                        value.span(),
                        format!("unknown unit `{value}`\nhelp: the correct format looks like `{}`", format_of("unit")),
                    ));
                };
                set(&mut self.unit, key.clone(), (key, unit))
            }
            "metadata" => {
                if !input.peek(syn::token::Paren) {
                    return Err(wrong_format(&key, key.span()));
                }
                let columns;
                syn::parenthesized!(columns in input);
                let columns = Punctuated::<Ident, Token![,]>::parse_terminated(&columns)
                    .map_err(|error| wrong_format(&key, error.span()))?;
                if columns.is_empty() {
                    return Err(wrong_format(&key, key.span()));
                }
                set(&mut self.metadata, key.clone(), (key, columns.into_iter().collect()))
            }
            "cascade" => self.relations(key, Policy::Cascade, input),
            "restrict" => self.relations(key, Policy::Restrict, input),
            "set_null" => self.relations(key, Policy::SetNull, input),
            unknown => Err(syn::Error::new(key.span(), unknown_key(unknown))),
        }
    }

    /// Reads `(posts(author_id), schema::seats(tenant_id, user_id))`. A declaration may use the key several times.
    fn relations(&mut self, key: Ident, policy: Policy, input: ParseStream<'_>) -> Result<()> {
        if !input.peek(syn::token::Paren) {
            return Err(wrong_format(&key, key.span()));
        }
        let children;
        syn::parenthesized!(children in input);
        if children.is_empty() {
            return Err(wrong_format(&key, key.span()));
        }
        while !children.is_empty() {
            let wrong = |error: syn::Error| wrong_format(&key, error.span());
            let child = table_module(children.call(Path::parse_mod_style).map_err(wrong)?);
            if !children.peek(syn::token::Paren) {
                let name = child.segments.last().map_or_else(String::new, |last| last.ident.to_string());
                return Err(syn::Error::new(
                    child.span(),
                    format!(
                        "`{key}` needs the foreign key of `{name}`\n\
                         help: name the columns of `{name}` that refer to this table: `{key}({name}(..))`, as in `{}`",
                        format_of(&key.to_string())
                    ),
                ));
            }
            let columns;
            syn::parenthesized!(columns in children);
            let columns = Punctuated::<Ident, Token![,]>::parse_terminated(&columns).map_err(wrong)?;
            if columns.is_empty() {
                return Err(wrong_format(&key, child.span()));
            }
            let columns = columns.into_iter().collect();
            self.relations.push(Relation { key: key.clone(), policy, child, columns });
            if !children.is_empty() {
                children.parse::<Token![,]>().map_err(wrong)?;
            }
        }
        Ok(())
    }

    /// Reads which fields `#[diesel(column_name = ..)]` maps to another column.
    fn read_renames(&mut self, fields: &Fields) {
        for field in fields {
            for attribute in &field.attrs {
                if attribute.path().is_ident("diesel") {
                    if let (Some(name), Some(column)) = (&field.ident, diesel_value(attribute, "column_name")) {
                        if let Some(column) = column.get_ident() {
                            self.renamed.push((name.clone(), column.clone()));
                        }
                    }
                }
            }
        }
    }

    /// The column that a key names, directly or by the name of its field.
    pub fn column(&self, name: &Ident) -> Ident {
        let Some((_, column)) = self.renamed.iter().find(|(field, _)| field == name) else {
            return name.clone();
        };
        let mut column = column.clone();
        // An error about the column is shown at the key.
        column.set_span(name.span());
        column
    }
}

fn set_column(slot: &mut Option<Column>, key: Ident, input: ParseStream<'_>) -> Result<()> {
    let column = value(&key, input)?;
    set(slot, key.clone(), Column { key, column })
}

fn set<T>(slot: &mut Option<T>, key: Ident, value: T) -> Result<()> {
    if slot.is_some() {
        return Err(syn::Error::new(key.span(), format!("`{key}` is given twice\nhelp: leave one of them out")));
    }
    *slot = Some(value);
    Ok(())
}

/// `= column`
fn value(key: &Ident, input: ParseStream<'_>) -> Result<Ident> {
    if !input.peek(Token![=]) {
        return Err(wrong_format(key, key.span()));
    }
    input.parse::<Token![=]>()?;
    if let Some(literal) = input.parse::<Option<LitStr>>()? {
        return Err(syn::Error::new(
            literal.span(),
            format!(
                "`{key}` takes a name without quotes\n\
                 help: the correct format looks like `{}`",
                format_of(&key.to_string())
            ),
        ));
    }
    input.call(Ident::parse_any).map_err(|error| wrong_format(key, error.span()))
}

fn wrong_format(key: &Ident, span: Span) -> syn::Error {
    syn::Error::new(
        span,
        format!("unexpected form of `{key}`\nhelp: the correct format looks like `{}`", format_of(&key.to_string())),
    )
}

fn format_of(key: &str) -> &'static str {
    KEYS.iter().find(|(name, _)| *name == key).map_or("flag = is_deleted", |(_, format)| format)
}

fn unknown_key(unknown: &str) -> String {
    let nearest = KEYS
        .iter()
        .map(|(name, format)| (distance(unknown, name), name, format))
        .min_by_key(|(distance, ..)| *distance)
        .filter(|(distance, ..)| *distance <= 3);
    let hint = match nearest {
        Some((_, name, format)) => format!("help: did you mean `{name}`? The correct format looks like `{format}`"),
        None => {
            String::from("help: `#[soft_delete(flag = is_deleted, timestamp = deleted_at)]` is a usual declaration")
        }
    };
    let all = KEYS.map(|(name, _)| format!("`{name}`")).join(", ");
    format!("unknown key `{unknown}`\n{hint}\nhelp: the keys are {all}")
}

/// The edit distance of two words: how many letters differ, are missing or are added.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// The path after `key =` in `#[diesel(..)]`. All other keys are left to Diesel.
fn diesel_value(attribute: &Attribute, key: &str) -> Option<Path> {
    let mut found = None;
    let _ = attribute.parse_args_with(|input: ParseStream<'_>| {
        while !input.is_empty() {
            let name: TokenTree = input.parse()?;
            if matches!(&name, TokenTree::Ident(ident) if ident == key) && input.peek(Token![=]) {
                input.parse::<Token![=]>()?;
                // Diesel 1 took strings; Diesel 2 still reads them.
                found = match input.parse::<Option<LitStr>>()? {
                    Some(literal) => Some(literal.parse::<Path>()?),
                    None => Some(input.parse::<Path>()?),
                };
            }
            while !input.is_empty() && !input.peek(Token![,]) {
                input.parse::<TokenTree>()?;
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(())
    });
    found
}

/// The name that Diesel itself would guess: `blog_posts` for `BlogPost`.
fn guess_table_name(model: &str) -> String {
    let mut table = String::new();
    for (i, letter) in model.chars().enumerate() {
        if letter.is_uppercase() && i > 0 {
            table.push('_');
        }
        table.extend(letter.to_lowercase());
    }
    table.push('s');
    table
}
