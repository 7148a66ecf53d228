diesel::table! { a { id -> Integer, is_deleted -> Bool, deleted_at -> Nullable<Timestamp>, } }
diesel::table! { b { id -> Integer, is_deleted -> Bool, deleted_at -> Nullable<Timestamp>, } }
diesel::table! { c { id -> Integer, live -> Bool, is_deleted -> Bool, } }

// The macro reports the same mistakes as the derive, for all its tables at once.
diesel_soft_delete::soft_deletable! {
    a {
        flga = is_deleted, //~ did you mean `flag`? The correct format looks like `flag = is_deleted`
        timestamp = deleted_at,
        timestamp = deleted_at, //~ `timestamp` is given twice
    }
    b { flag = is_deleted, holt = live, unit = millis } //~ did you mean `hold`? The correct format looks like `hold = legal_hold`
    //~^ `unit` needs a timestamp or a touch column, and the declaration names neither
    c {
        flag = is_deleted,
        active_flag = live, //~ `flag` and `active_flag` cannot be used together
    }
}

fn main() {}
