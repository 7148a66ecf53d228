use diesel::prelude::*;
use diesel_soft_delete::db_now;
use diesel_soft_delete::prelude::*;

diesel::table! {
    notes {
        id -> Integer,
        is_deleted -> Bool,
        deleted_ms -> Nullable<BigInt>,
        updated_at -> Timestamp,
    }
}
diesel_soft_delete::soft_deletable! {
    notes { flag = is_deleted, timestamp = deleted_ms, touch = updated_at, unit = millis }
}

fn main() {
    let _ = notes::table.soft_delete().at(7_i64);
    //~^ the `touch` column cannot take the expression given to `.at(..)`
    let _ = notes::table.soft_delete().at(diesel::dsl::sql::<diesel::sql_types::BigInt>("7"));
    //~^ the `touch` column cannot take the expression given to `.at(..)`
    let _ = notes::table.soft_delete().at(db_now().millis());
}
