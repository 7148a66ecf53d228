//! The impls: what a table declares, and one macro call for what every such table gets.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Path;
use syn::spanned::Spanned;

use crate::parse::{Declaration, Unit};
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

pub fn plain(tables: &[Path]) -> TokenStream {
    tables
        .iter()
        .map(|table| quote_spanned!(table.span()=> ::diesel_soft_delete::__plain_impls!(#table::table);))
        .collect()
}

fn soft_deletable(valid: &Valid) -> TokenStream {
    let Valid { table, state, timestamp, unit, touch, reset } = valid;
    let private = quote!(::diesel_soft_delete::__private);
    // Each type carries the span of its column, so that a column of a wrong type is shown there.
    let state = match state {
        State::Flag(column) => quote_spanned!(column.span()=> #private::Flag<#table::#column>),
        State::ActiveFlag(column) => quote_spanned!(column.span()=> #private::ActiveFlag<#table::#column>),
        State::Timestamp(column) => quote_spanned!(column.span()=> #private::ByTimestamp<#table::#column>),
    };
    let unit = match unit {
        None => quote!(#private::NoUnit),
        Some(Unit::Seconds) => quote!(#private::Seconds),
        Some(Unit::Millis) => quote!(#private::Millis),
        Some(Unit::Micros) => quote!(#private::Micros),
    };
    let stamp = match timestamp {
        None => quote!(#private::NoTimestamp),
        Some(column) => quote_spanned!(column.span()=> #private::TimestampColumn<#table::#column, #unit>),
    };
    let touch = match touch {
        None => quote!(#private::NoTouch),
        Some(column) => quote_spanned!(column.span()=> #private::TouchColumn<#table::#column, #unit>),
    };
    let reset = reset.iter().map(|column| quote_spanned!(column.span()=> #table::#column));
    let target = quote_spanned!(table.span()=> #table::table);
    quote! {
        const _: () = {
            #[automatically_derived]
            impl ::diesel_soft_delete::SoftDeletable for #target {
                type State = #state;
                type Stamp = #stamp;
                type Touch = #touch;
                type Reset = (#(#reset,)*);
            }
            ::diesel_soft_delete::__soft_deletable_impls!(#target);
        };
    }
}
