// Soft-deletable tables, one that is declared as not soft-deletable (`tags`), and an undeclared one (`raws`).

use diesel::prelude::*;
use diesel_soft_delete::prelude::*;

diesel::table! { users { id -> Integer, is_deleted -> Bool, deleted_at -> Nullable<Timestamp>, } }
diesel::table! { posts { id -> Integer, user_id -> Integer, is_deleted -> Bool, deleted_at -> Nullable<Timestamp>, } }
diesel::table! { comments { id -> Integer, post_id -> Integer, deleted_at -> Nullable<Timestamp>, } }
diesel::table! { tags { id -> Integer, post_id -> Integer, } }
diesel::table! { raws { id -> Integer, post_id -> Integer, } }
diesel::joinable!(posts -> users (user_id));
diesel::joinable!(comments -> posts (post_id));
diesel::joinable!(tags -> posts (post_id));
diesel::joinable!(raws -> posts (post_id));
diesel::allow_tables_to_appear_in_same_query!(users, posts, comments, tags, raws);
diesel_soft_delete::soft_deletable! {
    users { flag = is_deleted, timestamp = deleted_at }
    posts { flag = is_deleted, timestamp = deleted_at }
    comments { timestamp = deleted_at }
}
diesel_soft_delete::not_soft_deletable!(tags);
