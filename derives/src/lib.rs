//! The derive and the macros of `diesel_soft_delete`, which re-exports and documents them.
//!
//! A declaration goes through three files: `parse` reads keys and values, `validate` checks what they mean together,
//! and `expand` writes the impls. All mistakes are reported at once, each at its key. What is right is expanded
//! nevertheless, so one mistake does not cause others.

mod expand;
mod parse;
mod validate;

use proc_macro::TokenStream;
use syn::parse_macro_input;

/// Declares the table of a model soft-deletable. The documentation is in `diesel_soft_delete`.
#[proc_macro_derive(SoftDeletable, attributes(soft_delete, diesel))]
pub fn derive_soft_deletable(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as syn::DeriveInput);
    expand::declarations(vec![parse::model(&input)]).into()
}

/// Declares tables soft-deletable. The documentation is in `diesel_soft_delete`.
#[proc_macro]
pub fn soft_deletable(input: TokenStream) -> TokenStream {
    let parse::Tables(tables) = parse_macro_input!(input as parse::Tables);
    expand::declarations(tables).into()
}

/// Declares tables that are not soft-deletable. The documentation is in `diesel_soft_delete`.
#[proc_macro]
pub fn not_soft_deletable(input: TokenStream) -> TokenStream {
    let parse::NotSoftDeletable(tables) = parse_macro_input!(input as parse::NotSoftDeletable);
    expand::not_soft_deletable(&tables).into()
}
