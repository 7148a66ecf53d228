use diesel_soft_delete::prelude::*;

diesel::table! { users { id -> Integer, deleted_at -> Nullable<Timestamp>, } }
diesel::table! { seats (tenant, number) { tenant -> Integer, number -> BigInt, deleted_at -> Nullable<Timestamp>, } }
diesel::table! {
    posts { id -> Integer, user_id -> Integer, user_name -> Text, tenant -> Integer, seat -> Nullable<BigInt>, deleted_at -> Nullable<Timestamp>, }
}
diesel::table! { tags { id -> Integer, user_id -> Integer, } }
diesel::table! { raws { id -> Integer, user_id -> Integer, } }
diesel_soft_delete::soft_deletable! { posts { timestamp = deleted_at } }
diesel_soft_delete::not_soft_deletable!(tags);

#[derive(SoftDeletable)]
#[diesel(table_name = users)]
#[soft_delete(
    timestamp = deleted_at,
    cascade(posts(author_id)), //~ cannot find type `author_id` in module `posts`
)]
struct User {
    id: i32,
}

mod of_another_type {
    use super::*;
    #[derive(SoftDeletable)]
    #[diesel(table_name = seats)]
    #[soft_delete(timestamp = deleted_at, cascade(posts(tenant, user_name)))]
    //~^ a foreign key column of the SQL type `diesel::sql_types::Text` cannot refer to a primary key column of the SQL type `diesel::sql_types::BigInt`
    struct Seat {
        number: i64,
    }
}

fn main() {}
