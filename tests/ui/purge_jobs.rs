use chrono::TimeDelta;
use diesel::prelude::*;
use diesel_soft_delete::prelude::*;

diesel::table! { posts { id -> Integer, deleted_at -> Nullable<Timestamp>, } }
diesel::table! { weights (grams) { grams -> Double, deleted_at -> Nullable<Timestamp>, } }
diesel_soft_delete::soft_deletable! {
    posts { timestamp = deleted_at }
    weights { timestamp = deleted_at }
}

fn run(conn: &mut impl diesel::connection::LoadConnection<Backend = diesel::mysql::Mysql>) {
    let month = TimeDelta::days(30);
    let _ = weights::table.purge_older_than(month).in_batches().run(conn);
    //~^ a purge in batches cannot walk a primary key of the SQL type `diesel::sql_types::Double`
    //~^^ supported are integers, `Numeric`, `Text`, `Binary`
    let _ = posts::table.purge_older_than(month).in_batches().archive_into("posts_archive");
    //~^ `&str` is not a table to archive rows in
    //~^^ `.archive_into(posts_archive::table)`
    let _ = posts::table.purge_older_than(month).in_batches().pause(5);
    //~^ `{integer}` is not a length of time
    //~^^ give a `std::time::Duration`
    let _ = posts::table.soft_delete().in_batches();
    //~^ no method named `in_batches` found
}

fn main() {}
