use diesel_soft_delete::prelude::*;

diesel::table! { a { id -> Integer, is_deleted -> Bool, reason -> Nullable<Text>, } }
diesel::table! { b { id -> Integer, is_deleted -> Bool, deleted_at -> Nullable<Timestamp>, } }
diesel::table! { c { id -> Integer, is_deleted -> Bool, deleted_at -> Nullable<Timestamp>, } }

#[derive(SoftDeletable)]
#[diesel(table_name = a)]
#[soft_delete(flag = is_deleted, unit = seconds)] //~ `unit` needs a timestamp or a touch column, and the declaration names neither
struct A;

#[derive(SoftDeletable)]
#[diesel(table_name = b)]
#[soft_delete(flag = is_deleted, timestamp = deleted_at, touch = deleted_at)] //~ the column `deleted_at` has two roles
struct B;

#[derive(SoftDeletable)]
#[diesel(table_name = c)]
#[soft_delete = "flag"] //~ `soft_delete` takes its keys in parentheses
struct C;

diesel::table! { d { id -> Integer, is_deleted -> Bool, deleted_at -> Nullable<Timestamp>, } }

#[derive(SoftDeletable)]
#[diesel(table_name = d)]
#[soft_delete(unit = millis)] //~ `unit` is for integer columns, and neither the timestamp nor the touch column is an integer
struct D;

diesel::table! { e { id -> Integer, is_deleted -> Bool, deleted_at -> Nullable<Timestamp>, } }

#[derive(SoftDeletable)]
#[diesel(table_name = e)]
#[soft_delete(hold = is_deleted)] //~ the column `is_deleted` has two roles
struct E;

fn main() {}
