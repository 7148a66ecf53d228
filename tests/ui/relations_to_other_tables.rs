use diesel_soft_delete::prelude::*;

diesel::table! { users { id -> Integer, deleted_at -> Nullable<Timestamp>, } }
diesel::table! { people { id -> Integer, deleted_at -> Nullable<Timestamp>, } }
diesel::table! { groups { id -> Integer, deleted_at -> Nullable<Timestamp>, } }
diesel::table! { seats (tenant, number) { tenant -> Integer, number -> BigInt, deleted_at -> Nullable<Timestamp>, } }
diesel::table! { posts { id -> Integer, user_id -> Integer, tenant -> Integer, deleted_at -> Nullable<Timestamp>, } }
diesel::table! { tags { id -> Integer, user_id -> Integer, } }
diesel::table! { raws { id -> Integer, user_id -> Integer, } }
diesel_soft_delete::not_soft_deletable!(tags);
diesel_soft_delete::soft_deletable! {
    posts { timestamp = deleted_at }
    users { timestamp = deleted_at, cascade(tags(user_id)) }
    //~^ `cascade(..)` names `tags::table`, which is not declared soft-deletable: a cascade never removes rows
    //~^^ or write `restrict(..)` or `set_null(..)` for it
    people { timestamp = deleted_at, restrict(raws(user_id)) }
    //~^ `restrict(..)` or `set_null(..)` names `raws::table`, which is an undeclared table
    groups { timestamp = deleted_at, set_null(tags(user_id)) }
    //~^ `set_null` needs a foreign key that can be NULL
    seats { timestamp = deleted_at, cascade(posts(tenant)) }
    //~^ name as many columns of the child as the parent's primary key has
}

fn main() {}
