// The tables of the forests. Each backend and kind of declaration includes this file.

diesel::table! {
    users { id -> Integer, team_id -> Nullable<Integer>, deleted_at -> Nullable<Timestamp>, operation -> Nullable<Text> }
}
diesel::table! {
    posts { id -> Integer, user_id -> Nullable<Integer>, is_deleted -> Bool, deleted_at -> Nullable<Timestamp>, operation -> Nullable<Text> }
}
diesel::table! {
    comments {
        id -> Integer,
        post_id -> Nullable<Integer>,
        parent_id -> Nullable<Integer>,
        is_active -> Bool,
        deleted_at -> Nullable<Timestamp>,
        operation -> Nullable<Text>,
    }
}
diesel::table! {
    // This is the link table of a many-to-many relation between rows of one table.
    follows {
        id -> Integer,
        from_user -> Nullable<Integer>,
        to_user -> Nullable<Integer>,
        deleted_at -> Nullable<Timestamp>,
        operation -> Nullable<Text>,
    }
}
diesel::table! {
    teams {
        id -> Integer,
        leader -> Nullable<Integer>,
        part_of -> Nullable<Integer>,
        deleted_at -> Nullable<Timestamp>,
        operation -> Nullable<Text>,
    }
}
