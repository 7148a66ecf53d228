use diesel_soft_delete::prelude::*;

diesel::table! { users { id -> Integer, deleted_at -> Nullable<Timestamp>, } }
diesel::table! { posts { id -> Integer, user_id -> Integer, deleted_at -> Nullable<Timestamp>, } }
diesel_soft_delete::soft_deletable! { posts { timestamp = deleted_at } }

#[derive(SoftDeletable)]
#[diesel(table_name = users)]
#[soft_delete(
    timestamp = deleted_at,
    cascade = posts, //~ the correct format looks like `cascade(posts(author_id), comments(author_id))`
    cascade(posts), //~ name the columns of `posts` that refer to this table: `cascade(posts(..))`
    cascade(posts(user_id)),
    restrict(posts(user_id)), //~ the foreign key `posts(user_id)` is named twice
    set_null(), //~ the correct format looks like `set_null(drafts(author_id))`
    restrict(posts()), //~ the correct format looks like `restrict(invoices(customer_id))`
    cascades(posts(user_id)), //~ did you mean `cascade`?
)]
struct User {
    id: i32,
}

fn main() {}
