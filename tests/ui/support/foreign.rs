//! A crate that owns tables.

diesel::table! { posts { id -> Integer, is_deleted -> Bool, deleted_at -> Nullable<Timestamp>, } }
diesel::table! { users { id -> Integer, is_deleted -> Bool, } }
diesel::table! { tags { id -> Integer, } }
