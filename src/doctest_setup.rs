#[allow(unused_imports, reason = "not every example needs both preludes")]
use diesel::prelude::*;
#[allow(unused_imports, reason = "not every example needs both preludes")]
use diesel_soft_delete::prelude::*;

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
        is_deleted -> Bool,
        deleted_at -> Nullable<Timestamp>,
        deleted_by -> Nullable<Text>,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    tags {
        id -> Integer,
        post_id -> Integer,
        name -> Text,
    }
}

diesel::joinable!(posts -> users (user_id));
diesel::joinable!(tags -> posts (post_id));
diesel::allow_tables_to_appear_in_same_query!(users, posts, tags);

diesel_soft_delete::soft_deletable! {
    users { flag = is_deleted, timestamp = deleted_at }
    posts { flag = is_deleted, timestamp = deleted_at, touch = updated_at, metadata(deleted_by) }
}
diesel_soft_delete::not_soft_deletable!(tags);

/// Sean (active) wrote `One` (1) and `Two` (2, deleted); Tess (deleted) wrote `Three` (3).
#[allow(dead_code, reason = "some examples send nothing")]
fn connection() -> SqliteConnection {
    use diesel::connection::SimpleConnection;
    let mut conn = SqliteConnection::establish(":memory:").unwrap();
    conn.batch_execute(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL,
             is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at TIMESTAMP);
         CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users, title TEXT NOT NULL,
             version INTEGER NOT NULL DEFAULT 1, is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at TIMESTAMP,
             deleted_by TEXT, updated_at TIMESTAMP NOT NULL DEFAULT '2024-01-01 00:00:00');
         CREATE TABLE tags (id INTEGER PRIMARY KEY, post_id INTEGER NOT NULL REFERENCES posts, name TEXT NOT NULL);
         INSERT INTO users (id, name, is_deleted, deleted_at) VALUES
             (1, 'Sean', FALSE, NULL), (2, 'Tess', TRUE, '2024-03-01 12:00:00');
         INSERT INTO posts (id, user_id, title, is_deleted, deleted_at) VALUES
             (1, 1, 'One', FALSE, NULL), (2, 1, 'Two', TRUE, '2024-03-01 12:00:00'), (3, 2, 'Three', FALSE, NULL);
         INSERT INTO tags VALUES (1, 3, 'rust'), (2, 3, 'sql');",
    )
    .unwrap();
    conn
}
