use diesel_soft_delete::prelude::*;

diesel::table! { blog_posts { id -> Integer, is_deleted -> Bool, deleted_at -> Nullable<Timestamp>, } }

#[derive(SoftDeletable)]
struct BlogPost { //~ add `#[diesel(table_name = blog_posts)]`
    id: i32,
}

#[derive(SoftDeletable)]
#[diesel(table_name = blog_posts)]
enum Kind { //~ `SoftDeletable` can only be derived for a struct
    A,
}

#[derive(SoftDeletable)]
#[diesel(table_name = blog_posts)]
union Bits { //~ `SoftDeletable` can only be derived for a struct
    a: u8,
}

diesel_soft_delete::soft_deletable! {} //~ the correct format looks like `soft_deletable! { posts { flag = is_deleted, timestamp = deleted_at } }`
diesel_soft_delete::not_soft_deletable!(); //~ the correct format looks like `not_soft_deletable!(tags, countries);`

fn main() {}
