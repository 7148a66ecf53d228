// The blog of `migrations/`, as `table!` and models.

use diesel::prelude::*;
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use diesel_soft_delete::prelude::*;

use super::backend::{Conn, MIGRATIONS, connection};
use crate::support::TestConnection;

diesel::table! {
    users {
        id -> Integer,
        name -> Text,
        is_deleted -> Bool,
        deleted_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    posts {
        id -> Integer,
        user_id -> Integer,
        title -> Text,
        version -> Integer,
        updated_at -> Timestamp,
        is_deleted -> Bool,
        deleted_at -> Nullable<Timestamp>,
        deleted_by -> Nullable<Text>,
        reason -> Nullable<Text>,
    }
}

diesel::table! {
    comments {
        id -> Integer,
        post_id -> Integer,
        body -> Text,
        deleted_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    tags {
        id -> Integer,
        post_id -> Integer,
        name -> Text,
        is_deleted -> Bool,
    }
}

diesel::joinable!(posts -> users (user_id));
diesel::joinable!(comments -> posts (post_id));
diesel::joinable!(tags -> posts (post_id));
diesel::allow_tables_to_appear_in_same_query!(users, posts, comments, tags);

diesel_soft_delete::not_soft_deletable!(tags);

#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Identifiable, SoftDeletable)]
#[diesel(table_name = users)]
pub struct User {
    pub id: i32,
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Identifiable, Associations, SoftDeletable)]
#[diesel(table_name = posts, belongs_to(User))]
#[soft_delete(flag = is_deleted, timestamp = deleted_at, touch = updated_at, metadata(deleted_by, reason))]
pub struct Post {
    pub id: i32,
    pub user_id: i32,
    pub title: String,
}

#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Identifiable, Associations, SoftDeletable)]
#[diesel(table_name = comments, belongs_to(Post))]
#[soft_delete(timestamp = deleted_at)]
pub struct Comment {
    pub id: i32,
    pub post_id: i32,
    pub body: String,
}

/// A time that every backend stores to the last digit.
pub fn instant(text: &str) -> chrono::NaiveDateTime {
    chrono::NaiveDateTime::parse_from_str(text, "%F %T%.f").expect("an instant")
}

/// The deleted rows were deleted at this time.
pub const DELETED_AT: &str = "2024-03-01 12:00:00.250001";

/// Runs the migrations and fills the tables.
///
/// | users | posts | comments | tags |
/// |---|---|---|---|
/// | 1 Sean | 1 One | 1 first, ~~2 spam~~ | 1 rust |
/// | | ~~2 Two~~ | 3 lost | 2 sql |
/// | | 3 Three | ~~4 gone~~ | |
/// | ~~2 Tess~~ | 4 Four | 5 hers | 3 tess (its flag means something else) |
/// | 3 Ida | ~~5 Five~~ | | |
/// | 4 Jim | | | |
pub fn blog() -> TestConnection<Conn> {
    let mut conn = connection();
    fill(&mut conn);
    conn
}

/// [`blog`] on an existing connection.
pub fn fill(conn: &mut Conn) {
    conn.run_pending_migrations(FileBasedMigrations::from_path(MIGRATIONS).expect("the folder is there"))
        .expect("the migrations run");
    let at = instant(DELETED_AT);
    let user = |id: i32, name: &'static str, deleted: bool| {
        (
            users::id.eq(id),
            users::name.eq(name),
            users::is_deleted.eq(deleted),
            users::deleted_at.eq(deleted.then_some(at)),
        )
    };
    let post = |id: i32, user: i32, title: &'static str, deleted: bool| {
        (
            posts::id.eq(id),
            posts::user_id.eq(user),
            posts::title.eq(title),
            posts::is_deleted.eq(deleted),
            posts::deleted_at.eq(deleted.then_some(at)),
            posts::deleted_by.eq(deleted.then_some("root")),
        )
    };
    let comment = |id: i32, post: i32, body: &'static str, deleted: bool| {
        (
            comments::id.eq(id),
            comments::post_id.eq(post),
            comments::body.eq(body),
            comments::deleted_at.eq(deleted.then_some(at)),
        )
    };
    let tag = |id: i32, post: i32, name: &'static str, flag: bool| {
        (tags::id.eq(id), tags::post_id.eq(post), tags::name.eq(name), tags::is_deleted.eq(flag))
    };
    diesel::insert_into(users::table)
        .values(vec![user(1, "Sean", false), user(2, "Tess", true), user(3, "Ida", false), user(4, "Jim", false)])
        .execute(conn)
        .expect("users");
    diesel::insert_into(posts::table)
        .values(vec![
            post(1, 1, "One", false),
            post(2, 1, "Two", true),
            post(3, 1, "Three", false),
            post(4, 2, "Four", false),
            post(5, 3, "Five", true),
        ])
        .execute(conn)
        .expect("posts");
    diesel::insert_into(comments::table)
        .values(vec![
            comment(1, 1, "first", false),
            comment(2, 1, "spam", true),
            comment(3, 2, "lost", false),
            comment(4, 3, "gone", true),
            comment(5, 4, "hers", false),
        ])
        .execute(conn)
        .expect("comments");
    diesel::insert_into(tags::table)
        .values(vec![tag(1, 1, "rust", false), tag(2, 2, "sql", false), tag(3, 4, "tess", true)])
        .execute(conn)
        .expect("tags");
}
