use diesel_soft_delete::prelude::*;

diesel::table! { posts { id -> Integer, is_deleted -> Bool, } }

#[derive(SoftDeletable)]
#[diesel(table_name = posts)]
#[soft_delete(
    flag = is_deleted,
    timestamp = deleted_at, //~ cannot find type `deleted_at` in module `posts`
)]
struct Post;

diesel::table! { mails { id -> Integer, is_deleted -> Bool, } }

#[derive(SoftDeletable)]
#[diesel(table_name = mails)]
#[soft_delete(
    flag = is_deleted,
    hold = legal_hold, //~ cannot find type `legal_hold` in module `mails`
)]
struct Mail;

fn main() {}
