//! There are six tables, and each of the five soft-deletable ones has its own mode. Beside each of these are two reduced
//! ones, `live_` and `dead_`, which contain only its active or its deleted rows.
//!
//! The generator of the rows sets `visible` to the truth. The library does not use it.

macro_rules! tables {
    ($($table:ident ($live:ident, $dead:ident) { $($columns:tt)* })*) => {
        $(
            diesel::table! { $table { $($columns)* } }
            diesel::table! { $live { $($columns)* } }
            diesel::table! { $dead { $($columns)* } }
        )*
        diesel::allow_tables_to_appear_in_same_query!($($table, $live, $dead,)* tags);
    };
}

tables! {
    teams (live_teams, dead_teams) {
        id -> Integer,
        size -> Integer,
        visible -> Bool,
        is_active -> Nullable<Bool>,
    }
    users (live_users, dead_users) {
        id -> Integer,
        team_id -> Nullable<Integer>,
        boss_id -> Nullable<Integer>,
        age -> Integer,
        visible -> Bool,
        is_deleted -> Bool,
        deleted_at -> Nullable<Timestamp>,
    }
    posts (live_posts, dead_posts) {
        id -> Integer,
        user_id -> Nullable<Integer>,
        stars -> Integer,
        visible -> Bool,
        deleted_at -> Nullable<Timestamp>,
    }
    comments (live_comments, dead_comments) {
        id -> Integer,
        post_id -> Nullable<Integer>,
        votes -> Integer,
        visible -> Bool,
        is_active -> Bool,
    }
    likes (live_likes, dead_likes) {
        id -> Integer,
        post_id -> Nullable<Integer>,
        weight -> Integer,
        visible -> Bool,
        is_deleted -> Nullable<Bool>,
    }
}

diesel::table! {
    tags {
        id -> Integer,
        post_id -> Nullable<Integer>,
        label -> Integer,
        visible -> Bool,
        is_deleted -> Bool,
    }
}

macro_rules! joinable {
    ($($child:ident -> [$($parent:ident),*] ($key:ident);)*) => {
        $($(diesel::joinable!($child -> $parent ($key));)*)*
    };
}

joinable! {
    users -> [teams, live_teams, dead_teams] (team_id);
    live_users -> [teams, live_teams, dead_teams] (team_id);
    dead_users -> [teams, live_teams, dead_teams] (team_id);
    posts -> [users, live_users, dead_users] (user_id);
    live_posts -> [users, live_users, dead_users] (user_id);
    dead_posts -> [users, live_users, dead_users] (user_id);
    comments -> [posts, live_posts, dead_posts] (post_id);
    live_comments -> [posts, live_posts, dead_posts] (post_id);
    dead_comments -> [posts, live_posts, dead_posts] (post_id);
    likes -> [posts, live_posts, dead_posts] (post_id);
    live_likes -> [posts, live_posts, dead_posts] (post_id);
    dead_likes -> [posts, live_posts, dead_posts] (post_id);
    tags -> [posts, live_posts, dead_posts] (post_id);
}

diesel::allow_columns_to_appear_in_same_group_by_clause!(posts::stars, comments::votes);
diesel::allow_columns_to_appear_in_same_group_by_clause!(live_posts::stars, live_comments::votes);

// Only the full tables are declared, so our calls do not compile on a reduced one.
diesel_soft_delete::soft_deletable! {
    teams { active_flag = is_active }
    users { flag = is_deleted, timestamp = deleted_at }
    posts { timestamp = deleted_at }
    comments { active_flag = is_active }
    likes { flag = is_deleted }
}
diesel_soft_delete::not_soft_deletable!(tags);
