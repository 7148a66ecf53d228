use diesel::connection::LoadConnection;
use diesel::mysql::Mysql;
use diesel::prelude::*;
use diesel_soft_delete::prelude::*;

diesel::table! { users { id -> Integer, name -> Text, deleted_at -> Nullable<Timestamp>, } }
diesel::table! { posts { id -> Integer, user_id -> Integer, deleted_at -> Nullable<Timestamp>, } }
diesel_soft_delete::soft_deletable! {
    users { timestamp = deleted_at, cascade(posts(user_id)) }
    posts { timestamp = deleted_at }
}

fn misuse<Conn: LoadConnection<Backend = Mysql>>(conn: &mut Conn) {
    let _ = users::table.find(1).soft_delete().execute(conn);
    //~^ this table has declared children, so a soft delete or a restore of it must say what becomes of them
    //~^^ `.cascade()` takes along what the declaration says, in one transaction; `.without_cascade()` changes the rows of this table alone
    let _ = users::table.find(1).restore().run(conn);
    //~^ this table has declared children
    let _ = users::table.find(1).soft_delete().outcome(conn);
    //~^ this table has declared children
    let _ = posts::table.find(1).soft_delete().execute(conn);
    let _ = users::table.find(1).soft_delete().without_cascade().cascade();
    //~^ `.without_cascade()` was called, so this statement cannot cascade
    let _ = users::table.find(1).soft_delete().cascade().execute(conn);
    //~^ `execute`
    let _ = users::table.find(1).soft_delete().at(users::deleted_at.assume_not_null()).cascade();
    //~^ Count == Once
    let revive = || users::table.insert_or_revive((users::name.eq("Ann"),)).on(users::name);
    let _ = revive().run(conn);
    //~^ this table has declared children
    let _ = revive().keeping_the_rest().without_cascade().run(conn);
    let _ = revive().without_cascade().cascade();
    //~^ no method named `cascade` found
}

fn main() {}
