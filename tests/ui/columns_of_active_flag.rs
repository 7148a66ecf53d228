use diesel_soft_delete::prelude::*;

diesel::table! { a { id -> Integer, live -> Integer, } }
diesel::table! { b { id -> Integer, is_deleted -> Bool, deleted_at -> Nullable<Text>, operation -> Integer, } }
diesel::table! { c { id -> Integer, deleted_at -> Nullable<Integer>, } }

#[derive(SoftDeletable)]
#[diesel(table_name = a)]
#[soft_delete(active_flag = live)] //~ a soft-delete flag cannot be of the SQL type `diesel::sql_types::Integer`
struct A;

#[derive(SoftDeletable)]
#[diesel(table_name = b)]
#[soft_delete(
    flag = is_deleted,
    timestamp = deleted_at, //~ the SQL type `diesel::sql_types::Text` cannot hold a time here
    operation = operation, //~ a restore cannot set a column of the SQL type `diesel::sql_types::Integer` to NULL
    //~^ an `operation` column cannot be of the SQL type `diesel::sql_types::Integer`
)]
struct B;

#[derive(SoftDeletable)]
#[diesel(table_name = c)]
#[soft_delete(timestamp = deleted_at, unit = micros)] //~ `Integer` with `unit = seconds`
struct C;

fn main() {}
