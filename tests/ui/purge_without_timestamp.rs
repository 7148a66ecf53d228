use chrono::{TimeDelta, Utc};
use diesel_soft_delete::prelude::*;

diesel::table! { posts { id -> Integer, is_deleted -> Bool, } }
diesel_soft_delete::soft_deletable! { posts { flag = is_deleted } }

fn main() {
    let _ = posts::table.purge_older_than(TimeDelta::days(1));
    //~^ has no timestamp column, so the age of a deletion is unknown
    //~^^ `#[soft_delete(flag = .., timestamp = deleted_at)]`
    let _ = posts::table.purge_deleted_before(Utc::now());
    //~^ has no timestamp column
    let _ = posts::table.soft_delete().at_utc(Utc::now());
    //~^ has no timestamp column and no touch column to write a time to
}
