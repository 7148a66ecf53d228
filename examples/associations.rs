//! Joins: what the query written by hand leaks or loses, and what `active()` returns.
//! `cargo run --example associations`
//!
//! Users write posts, posts have comments. Some of each are soft-deleted.

use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{is_active, is_active_or_missing};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

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
        is_deleted -> Bool,
        deleted_at -> Nullable<Timestamp>,
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

diesel::joinable!(posts -> users (user_id));
diesel::joinable!(comments -> posts (post_id));
diesel::allow_tables_to_appear_in_same_query!(users, posts, comments);

#[derive(Debug, Queryable, Selectable, Identifiable, SoftDeletable)]
#[diesel(table_name = users)]
struct User {
    id: i32,
    name: String,
}

#[derive(Debug, Queryable, Selectable, Identifiable, Associations, SoftDeletable)]
#[diesel(table_name = posts, belongs_to(User))]
struct Post {
    id: i32,
    user_id: i32,
    title: String,
}

// Comments have no flag: a NULL timestamp means active.
#[derive(Debug, Queryable, Selectable, Identifiable, Associations, SoftDeletable)]
#[diesel(table_name = comments, belongs_to(Post))]
#[soft_delete(timestamp = deleted_at)]
struct Comment {
    id: i32,
    post_id: i32,
    body: String,
}

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let conn = &mut SqliteConnection::establish(":memory:")?;
    conn.run_pending_migrations(MIGRATIONS)?;
    insert_blog(conn)?;

    title("Inner join: posts with their authors");
    by_hand(
        "posts.filter(posts.is_deleted = false), the author forgotten: Tess is deleted",
        posts::table
            .inner_join(users::table)
            .filter(posts::is_deleted.eq(false))
            .select((posts::title, users::name))
            .load::<(String, String)>(conn)?,
    );
    ours(
        "posts.inner_join(users).active()",
        posts::table
            .inner_join(users::table)
            .active()
            .select((posts::title, users::name))
            .load::<(String, String)>(conn)?,
        "[(\"Hello\", \"Sean\")]",
    );

    title("Left join: every active user, with the posts that are left");
    by_hand(
        "the filter of the right table in WHERE: Ida, whose only post is deleted, is lost",
        users::table
            .left_join(posts::table)
            .filter(users::is_deleted.eq(false))
            .filter(posts::is_deleted.eq(false).or(posts::id.is_null()))
            .select((users::name, posts::title.nullable()))
            .load::<(String, Option<String>)>(conn)?,
    );
    ours(
        "users.left_join_active(posts).active()",
        users::table.left_join_active(posts::table).active().select((users::name, posts::title.nullable())).load::<(
            String,
            Option<String>,
        )>(
            conn
        )?,
        "[(\"Sean\", Some(\"Hello\")), (\"Ida\", None)]",
    );
    println!("         (users.left_join(posts).active() does not compile, and the message names left_join_active)");

    title("Aliases: for each post, the other posts of the same author");
    let other = diesel::alias!(posts as other);
    let on = other.field(posts::user_id).eq(posts::user_id).and(other.field(posts::id).ne(posts::id));
    by_hand(
        "the table is filtered, its alias is not: the draft `Old` is deleted",
        posts::table
            .inner_join(other.on(on))
            .filter(posts::is_deleted.eq(false))
            .select((posts::title, other.field(posts::title)))
            .load::<(String, String)>(conn)?,
    );
    ours(
        "posts.inner_join(other.on(..)).active()",
        posts::table.inner_join(other.on(on)).active().select((posts::title, other.field(posts::title))).load::<(
            String,
            String,
        )>(
            conn
        )?,
        "[]",
    );

    title("Three deep, through associations");
    let sean: User = users::table.active().filter(users::name.eq("Sean")).select(User::as_select()).first(conn)?;
    let posts_of_sean = Post::belonging_to(&sean).active().select(Post::as_select()).load(conn)?;
    let comments = Comment::belonging_to(&posts_of_sean).active().select(Comment::as_select()).load(conn)?;
    for (post, comments) in posts_of_sean.iter().zip(comments.grouped_by(&posts_of_sean)) {
        let bodies: Vec<_> = comments.iter().map(|comment| comment.body.as_str()).collect();
        println!("  {} wrote `{}`: {bodies:?}", sean.name, post.title);
    }

    title("On purpose: active posts, their authors whether deleted or not");
    ours(
        "posts.inner_join(users).filter(is_active(posts))",
        posts::table
            .inner_join(users::table)
            .filter(is_active(posts::table))
            .select((posts::title, users::name))
            .load::<(String, String)>(conn)?,
        "[(\"Hello\", \"Sean\"), (\"Hers\", \"Tess\")]",
    );

    title("In WHERE after an outer join: comments whose post is active, or not there");
    ours(
        "comments.left_join(posts).filter(is_active_or_missing(posts))",
        comments::table
            .left_join(posts::table)
            .filter(is_active(comments::table))
            .filter(is_active_or_missing(posts::table))
            .select((comments::body, posts::title.nullable()))
            .load::<(String, Option<String>)>(conn)?,
        "[(\"first!\", Some(\"Hello\")), (\"nice\", Some(\"Hers\"))]",
    );
    Ok(())
}

fn insert_blog(conn: &mut SqliteConnection) -> QueryResult<()> {
    let user = |id: i32, name: &'static str| (users::id.eq(id), users::name.eq(name));
    let post =
        |id: i32, user: i32, title: &'static str| (posts::id.eq(id), posts::user_id.eq(user), posts::title.eq(title));
    let comment = |id: i32, post: i32, body: &'static str| {
        (comments::id.eq(id), comments::post_id.eq(post), comments::body.eq(body))
    };
    diesel::insert_into(users::table).values([user(1, "Sean"), user(2, "Tess"), user(3, "Ida")]).execute(conn)?;
    diesel::insert_into(posts::table)
        .values([post(1, 1, "Hello"), post(2, 1, "Old"), post(3, 2, "Hers"), post(4, 3, "Ours")])
        .execute(conn)?;
    diesel::insert_into(comments::table)
        .values([comment(1, 1, "first!"), comment(2, 1, "spam"), comment(3, 3, "nice")])
        .execute(conn)?;
    users::table.find(2).soft_delete().execute(conn)?;
    posts::table.filter(posts::id.eq_any([2, 4])).soft_delete().execute(conn)?;
    comments::table.find(2).soft_delete().execute(conn)?;
    Ok(())
}

fn title(title: &str) {
    println!("\n== {title}");
}

fn by_hand(query: &str, rows: Vec<impl std::fmt::Debug>) {
    println!("by hand: {query}");
    rows.iter().for_each(|row| println!("  {row:?}"));
}

/// Prints the rows, and checks that they are those that the title promises.
fn ours(query: &str, rows: Vec<impl std::fmt::Debug>, expected: &str) {
    println!("ours:    {query}");
    rows.iter().for_each(|row| println!("  {row:?}"));
    assert_eq!(format!("{rows:?}"), expected);
}
