//! The impls: what a table declares, and one macro call for what every such table gets.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, Path};

use crate::parse::{Declaration, Policy, Relation, Unit};
use crate::validate::{State, Valid, validate};

pub fn declarations(declarations: Vec<Declaration>) -> TokenStream {
    let mut tokens = TokenStream::new();
    for mut declaration in declarations {
        let valid = validate(&mut declaration);
        tokens.extend(declaration.errors.to_compile_error());
        tokens.extend(valid.as_ref().map(soft_deletable));
    }
    tokens
}

pub fn not_soft_deletable(tables: &[Path]) -> TokenStream {
    tables
        .iter()
        .map(|table| quote_spanned!(table.span()=> ::diesel_soft_delete::__not_soft_deletable_impls!(#table::table);))
        .collect()
}

fn soft_deletable(valid: &Valid) -> TokenStream {
    let Valid { table, state, timestamp, unit, touch, reset, operation, hold, relations } = valid;
    // Each type carries the span of its column, so that a column of a wrong type is shown there.
    let private = |span| quote_spanned!(span=> ::diesel_soft_delete::__private);
    let of = |marker: &str, column: &Ident, unit: Option<TokenStream>| {
        let (span, marker) = (column.span(), Ident::new(marker, column.span()));
        let (private, unit) = (private(span), unit.into_iter());
        quote_spanned!(span=> #private::#marker<#table::#column #(, #unit)*>)
    };
    let without = |marker: &str| {
        let (private, marker) = (private(Span::call_site()), Ident::new(marker, Span::call_site()));
        quote!(#private::#marker)
    };
    // A timestamp needs no unit; a unit that nothing uses is a mistake.
    let unit_is_used = unit.as_ref().map(|(key, _)| {
        let private = private(key.span());
        quote_spanned! {key.span()=>
            const _: () = ::core::assert!(
                #private::uses_unit::<<#table::table as ::diesel_soft_delete::SoftDeletable>::Stamp>()
                    || #private::uses_unit::<<#table::table as ::diesel_soft_delete::SoftDeletable>::Touch>(),
                "`unit` is for integer columns, and neither the timestamp nor the touch column is an integer: leave `unit` out",
            );
        }
    });
    let unit = without(match unit.as_ref().map(|(_, unit)| unit) {
        None => "NoUnit",
        Some(Unit::Seconds) => "Seconds",
        Some(Unit::Millis) => "Millis",
        Some(Unit::Micros) => "Micros",
    });
    let state = match state {
        State::Flag(column) => of("Flag", column, None),
        State::ActiveFlag(column) => of("ActiveFlag", column, None),
        State::Timestamp(column) => of("ByTimestamp", column, None),
    };
    let stamp = match timestamp {
        None => without("NoTimeColumn"),
        Some(column) => of("TimestampColumn", column, Some(unit.clone())),
    };
    let touch = match touch {
        None => without("NoTimeColumn"),
        Some(column) => of("TouchColumn", column, Some(unit)),
    };
    let hold = match hold {
        None => without("NoHold"),
        Some(column) => of("HoldColumn", column, None),
    };
    let operation = match operation {
        None => without("NoOperation"),
        Some(column) => of("OperationColumn", column, None),
    };
    let asserted = relations.iter().filter_map(nullable_key);
    let registered = (!relations.is_empty()).then(|| {
        quote! {
            ::diesel_soft_delete::__private::inventory::submit! {
                ::diesel_soft_delete::__private::DeclaredParent::of::<#table::table>()
            }
        }
    });
    let relations = children(table, relations);
    let reset_span = reset.first().map_or_else(Span::call_site, Ident::span);
    let reset = reset.iter().map(|column| quote_spanned!(column.span()=> #table::#column));
    let reset = quote_spanned!(reset_span=> (#(#reset,)*));
    let target = quote_spanned!(table.span()=> #table::table);
    quote! {
        const _: () = {
            #[automatically_derived]
            impl ::diesel_soft_delete::SoftDeletable for #target {
                type State = #state;
                type Stamp = #stamp;
                type Touch = #touch;
                type Reset = #reset;
                type Operation = #operation;
                type Hold = #hold;
                type Relations = #relations;
            }
            ::diesel_soft_delete::__soft_deletable_impls!(#target);
            #unit_is_used
            #(#asserted)*
            #registered
        };
    }
}

/// The type of a table's relations, each with the span of its child.
fn children(table: &Path, relations: &[Relation]) -> TokenStream {
    if relations.is_empty() {
        return quote!(::diesel_soft_delete::__private::NoRelations);
    }
    let list = relations.iter().rev().fold(quote!(()), |rest, relation| {
        let Relation { policy, child, .. } = relation;
        let span = child.span();
        let policy = match policy {
            Policy::Cascade => "Cascade",
            Policy::Restrict => "Restrict",
            Policy::SetNull => "SetNull",
        };
        let (policy, columns) = (Ident::new(policy, span), key(relation));
        quote_spanned!(span=> (::diesel_soft_delete::__private::#policy<#child::table, #columns>, #rest))
    });
    // The compiler shows the whole type where one of its parts does not fit.
    let span = relations.first().map_or_else(Span::call_site, |relation| relation.child.span());
    quote_spanned!(span=> ::diesel_soft_delete::__private::Children<#table::table, #list>)
}

/// The foreign key as a tuple of columns.
fn key(relation: &Relation) -> TokenStream {
    let Relation { child, columns, .. } = relation;
    let columns = columns.iter().map(|column| quote_spanned!(column.span()=> #child::#column));
    quote_spanned!(child.span()=> (#(#columns,)*))
}

/// `set_null` needs a column that can be NULL.
fn nullable_key(relation: &Relation) -> Option<TokenStream> {
    if relation.policy != Policy::SetNull {
        return None;
    }
    let (span, key) = (relation.child.span(), key(relation));
    Some(quote_spanned! {span=>
        const _: () = ::core::assert!(
            <#key as ::diesel_soft_delete::__private::AnyNullable>::ANY,
            "`set_null` needs a foreign key that can be NULL: make the column `Nullable`, or write `restrict` or `cascade`",
        );
    })
}
