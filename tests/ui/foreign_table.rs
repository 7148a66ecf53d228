use diesel_soft_delete::prelude::*;

// This is a table of another crate. No macro can see that, so the compiler reports it and names the table.
#[derive(SoftDeletable)]
//~^ `foreign::posts::table` is not defined in the current crate
//~^^ type parameter `S` must be used as the type parameter for some local type
#[diesel(table_name = foreign::posts)]
struct Post;

diesel_soft_delete::soft_deletable! { foreign::users { flag = is_deleted } }
//~^ `foreign::users::table` is not defined in the current crate
//~^^ type parameter `S` must be used as the type parameter for some local type
diesel_soft_delete::not_soft_deletable!(foreign::tags);
//~^ `foreign::tags::table` is not defined in the current crate
//~^^ type parameter `S` must be used as the type parameter for some local type

fn main() {}
