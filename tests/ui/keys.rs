use diesel_soft_delete::prelude::*;

diesel::table! {
    posts {
        id -> Integer,
        is_deleted -> Bool,
        live -> Bool,
        deleted_at -> Nullable<Timestamp>,
    }
}

// The derive reports all mistakes at once, each at its key.
#[derive(SoftDeletable)]
#[diesel(table_name = posts)]
#[soft_delete(
    flag = is_deleted,
    active_flag = live, //~ `flag` and `active_flag` cannot be used together
    timestmap = deleted_at, //~ did you mean `timestamp`? The correct format looks like `timestamp = deleted_at`
    flag = is_deleted, //~ `flag` is given twice
    unit = years, //~ unknown unit `years`
    touch, //~ the correct format looks like `touch = updated_at`
    metadata = live, //~ the correct format looks like `metadata(deleted_by, reason)`
    operation = "live", //~ `operation` takes a name without quotes
    hold(live), //~ the correct format looks like `hold = legal_hold`
    colour = red, //~ the keys are `flag`, `active_flag`, `timestamp`, `unit`, `touch`, `metadata`, `operation`, `hold`
)]
struct Post {
    id: i32,
}

// The derive still implements the correct part, so this is not a second error.
fn main() {
    let _ = posts::table.active();
}
