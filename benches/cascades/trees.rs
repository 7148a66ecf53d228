// The tree on one backend, and the ways to delete it. Each backend includes this file and defines `Conn`, `Instant_`,
// `INSTANT`, `DELETE_COMMENTS` and `RESTORE_COMMENTS`.

use chrono::NaiveDateTime;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_soft_delete::prelude::*;

diesel::table! {
    use diesel::sql_types::*;
    use super::Instant_;
    users { id -> Integer, is_deleted -> Bool, deleted_at -> Nullable<Instant_> }
}
diesel::table! {
    use diesel::sql_types::*;
    use super::Instant_;
    posts { id -> Integer, user_id -> Integer, title -> Text, is_deleted -> Bool, deleted_at -> Nullable<Instant_> }
}
diesel::table! {
    use diesel::sql_types::*;
    use super::Instant_;
    comments { id -> Integer, post_id -> Integer, body -> Text, is_deleted -> Bool, deleted_at -> Nullable<Instant_> }
}
diesel_soft_delete::soft_deletable! {
    users { flag = is_deleted, timestamp = deleted_at, cascade(posts(user_id)) }
    posts { flag = is_deleted, timestamp = deleted_at, cascade(comments(post_id)) }
    comments { flag = is_deleted, timestamp = deleted_at }
}
diesel::allow_tables_to_appear_in_same_query!(users, posts, comments);

const TABLES: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY, is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at {instant});
    CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id), title VARCHAR(100) NOT NULL,
        is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at {instant});
    CREATE TABLE comments (id INTEGER PRIMARY KEY, post_id INTEGER NOT NULL REFERENCES posts (id), body VARCHAR(100) NOT NULL,
        is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at {instant});
    CREATE INDEX posts_user ON posts (user_id);
    CREATE INDEX comments_post ON comments (post_id);";

/// Fills the tables. The comments of each user are scattered over the table, as they would be after some years.
fn fill(conn: &mut Conn) {
    conn.batch_execute(&TABLES.replace("{instant}", INSTANT)).expect("the tables");
    let insert = |conn: &mut Conn, table: &str, rows: Vec<String>| {
        for some in rows.chunks(500) {
            conn.batch_execute(&format!("INSERT INTO {table} VALUES {}", some.join(", "))).expect("rows");
        }
    };
    conn.transaction(|conn| {
        insert(conn, "users (id)", (1..=crate::USERS).map(|id| format!("({id})")).collect());
        let posts = 1..=crate::USERS * crate::POSTS;
        insert(
            conn,
            "posts (id, user_id, title)",
            posts.map(|id| format!("({id}, {}, 'a title')", id % crate::USERS + 1)).collect(),
        );
        let comments = 1..=crate::USERS * crate::POSTS * crate::COMMENTS;
        let comment = |id: u32| {
            format!(
                "({id}, {}, 'a comment of some forty letters, or so it is')",
                id % (crate::USERS * crate::POSTS) + 1
            )
        };
        insert(conn, "comments (id, post_id, body)", comments.map(comment).collect());
        QueryResult::Ok(())
    })
    .expect("the tree");
}

fn now() -> NaiveDateTime {
    use chrono::SubsecRound;
    chrono::Utc::now().naive_utc().trunc_subsecs(6)
}

fn cascade(conn: &mut Conn, user: i32) {
    let report = users::table.find(user).soft_delete().cascade().run(conn).expect("a cascade");
    assert_eq!(report.total(), u64::from(1 + crate::POSTS + crate::POSTS * crate::COMMENTS));
}

fn cascade_back(conn: &mut Conn, user: i32) {
    let report = users::table.find(user).restore().cascade().run(conn).expect("a cascade");
    assert_eq!(report.total(), u64::from(1 + crate::POSTS + crate::POSTS * crate::COMMENTS));
}

/// Deletes by three statements in a transaction, which is the best way that we could write by hand.
fn by_hand(conn: &mut Conn, user: i32) {
    let now = now();
    conn.transaction(|conn| {
        let user_row = users::table.find(user).filter(users::is_deleted.eq(false));
        diesel::update(user_row).set((users::is_deleted.eq(true), users::deleted_at.eq(now))).execute(conn)?;
        let their_posts = posts::table.filter(posts::user_id.eq(user)).filter(posts::is_deleted.eq(false));
        diesel::update(their_posts).set((posts::is_deleted.eq(true), posts::deleted_at.eq(now))).execute(conn)?;
        let comments = diesel::sql_query(DELETE_COMMENTS)
            .bind::<Instant_, _>(now)
            .bind::<diesel::sql_types::Integer, _>(user)
            .bind::<Instant_, _>(now)
            .execute(conn)?;
        assert_eq!(comments as u32, crate::POSTS * crate::COMMENTS);
        QueryResult::Ok(())
    })
    .expect("three statements");
}

/// Restores by three statements in a transaction.
fn by_hand_back(conn: &mut Conn, user: i32) {
    conn.transaction(|conn| {
        let at = users::table.find(user).select(users::deleted_at.assume_not_null()).first::<NaiveDateTime>(conn)?;
        diesel::update(users::table.find(user))
            .set((users::is_deleted.eq(false), users::deleted_at.eq(None::<NaiveDateTime>)))
            .execute(conn)?;
        let their_posts = posts::table.filter(posts::user_id.eq(user)).filter(posts::deleted_at.eq(at));
        diesel::update(their_posts)
            .set((posts::is_deleted.eq(false), posts::deleted_at.eq(None::<NaiveDateTime>)))
            .execute(conn)?;
        let comments = diesel::sql_query(RESTORE_COMMENTS)
            .bind::<diesel::sql_types::Integer, _>(user)
            .bind::<Instant_, _>(at)
            .execute(conn)?;
        assert_eq!(comments as u32, crate::POSTS * crate::COMMENTS);
        QueryResult::Ok(())
    })
    .expect("three statements");
}

/// Loads each row and updates it by its key, after its children, as most ORMs do.
fn row_by_row(conn: &mut Conn, user: i32) {
    let now = now();
    conn.transaction(|conn| {
        for post in posts::table.filter(posts::user_id.eq(user)).select(posts::id).load::<i32>(conn)? {
            for comment in comments::table.filter(comments::post_id.eq(post)).select(comments::id).load::<i32>(conn)? {
                let comment = comments::table.find(comment);
                diesel::update(comment)
                    .set((comments::is_deleted.eq(true), comments::deleted_at.eq(now)))
                    .execute(conn)?;
            }
            diesel::update(posts::table.find(post))
                .set((posts::is_deleted.eq(true), posts::deleted_at.eq(now)))
                .execute(conn)?;
        }
        diesel::update(users::table.find(user))
            .set((users::is_deleted.eq(true), users::deleted_at.eq(now)))
            .execute(conn)?;
        QueryResult::Ok(())
    })
    .expect("many statements");
}

fn measure_on(rows: &mut crate::Rows, backend: &'static str, conn: &mut Conn) {
    let back = |conn: &mut Conn| {
        for user in users::table.filter(users::is_deleted.eq(true)).select(users::id).load::<i32>(conn).expect("users")
        {
            by_hand_back(conn, user);
        }
        tidy(conn);
    };
    let away = |conn: &mut Conn| {
        back(conn);
        by_hand(conn, 1);
        by_hand(conn, 2);
        tidy(conn);
    };
    crate::compare(
        rows,
        (backend, "delete a tree of 101k rows: cascade to three UPDATEs by hand", 1.15, 16),
        conn,
        back,
        cascade,
        by_hand,
    );
    crate::compare(
        rows,
        (backend, "restore it: cascade to three UPDATEs by hand", 1.15, 16),
        conn,
        away,
        cascade_back,
        by_hand_back,
    );
    crate::compare(
        rows,
        (backend, "delete it: cascade to a loop over the rows", 0.5, 1),
        conn,
        back,
        cascade,
        row_by_row,
    );
}
