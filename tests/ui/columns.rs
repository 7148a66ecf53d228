use diesel_soft_delete::prelude::*;

diesel::table! {
    posts {
        id -> Integer,
        title -> Text,
        is_deleted -> Bool,
        deleted_at -> Timestamp,
        deleted_s -> Nullable<Integer>,
        reason -> Text,
    }
}
diesel::table! { a { id -> Integer, is_deleted -> Bool, deleted_s -> Nullable<BigInt>, } }
diesel::table! { b { id -> Integer, title -> Text, reason -> Text, deleted_at -> Nullable<Timestamp>, } }

#[derive(SoftDeletable)]
#[diesel(table_name = posts)]
#[soft_delete(
    flag = title, //~ a soft-delete flag cannot be of the SQL type `diesel::sql_types::Text`
    timestamp = deleted_at, //~ the column must be nullable (restore sets it to NULL)
)]
struct Post;

#[derive(SoftDeletable)]
#[diesel(table_name = a)]
#[soft_delete(flag = is_deleted, timestamp = deleted_s)] //~ integers: `BigInt` with `unit = seconds | millis | micros`
struct A;

#[derive(SoftDeletable)]
#[diesel(table_name = b)]
#[soft_delete(
    timestamp = deleted_at,
    touch = title, //~ the SQL type `diesel::sql_types::Text` cannot be that of a `touch` column
    metadata(reason), //~ a restore cannot set a column of the SQL type `diesel::sql_types::Text` to NULL
)]
struct B;

diesel::table! { c { id -> Integer, is_deleted -> Bool, held_until -> Nullable<Timestamp>, } }

#[derive(SoftDeletable)]
#[diesel(table_name = c)]
#[soft_delete(
    flag = is_deleted,
    hold = held_until, //~ a `hold` column cannot be of the SQL type `diesel::sql_types::Nullable<diesel::sql_types::Timestamp>`
)]
struct C;

fn main() {}
