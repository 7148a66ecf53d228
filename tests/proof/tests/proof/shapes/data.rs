//! Random rows, and the SQL that loads them.

use std::fmt::Write as _;

use proptest::prelude::*;

/// The state of a row, as the mode of its table can express it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum State {
    Active,
    /// Active, with NULL in a nullable flag, or with a timestamp that contradicts the flag.
    OddlyActive,
    Deleted,
    /// Deleted by the flag, without a timestamp.
    OddlyDeleted,
}

#[derive(Debug, Clone)]
pub struct Row {
    state: State,
    /// NULL, the key of a row, or a key that no row has.
    parent: Option<i32>,
    boss: Option<i32>,
    value: i32,
}

#[derive(Debug, Clone)]
pub struct Data {
    teams: Vec<Row>,
    users: Vec<Row>,
    posts: Vec<Row>,
    comments: Vec<Row>,
    likes: Vec<Row>,
    tags: Vec<Row>,
}

pub fn data() -> impl Strategy<Value = Data> {
    let table = |rows: std::ops::Range<usize>, parents: i32| {
        let state = prop_oneof![
            5 => Just(State::Active),
            3 => Just(State::OddlyActive),
            3 => Just(State::Deleted),
            1 => Just(State::OddlyDeleted),
        ];
        let key = |keys: i32| proptest::option::weighted(0.85, 1..=keys);
        let row = (state, key(parents), key(6), 0..4).prop_map(|(state, parent, boss, value)| Row {
            state,
            parent,
            boss,
            value,
        });
        proptest::collection::vec(row, rows)
    };
    (table(0..5, 1), table(0..8, 4), table(0..9, 6), table(0..10, 6), table(0..9, 6), table(0..7, 6))
        .prop_map(|(teams, users, posts, comments, likes, tags)| Data { teams, users, posts, comments, likes, tags })
}

const INSTANT: &str = "'2024-03-01 12:00:00'";
const TABLES: [&str; 5] = ["teams", "users", "posts", "comments", "likes"];

/// Creates all tables.
pub fn ddl(instant: &str) -> String {
    let mut sql = String::new();
    for prefix in ["", "live_", "dead_"] {
        for (table, columns) in [
            ("teams", "size INTEGER NOT NULL, visible BOOLEAN NOT NULL, is_active BOOLEAN"),
            (
                "users",
                "team_id INTEGER, boss_id INTEGER, age INTEGER NOT NULL, visible BOOLEAN NOT NULL, \
                 is_deleted BOOLEAN NOT NULL, deleted_at {instant}",
            ),
            ("posts", "user_id INTEGER, stars INTEGER NOT NULL, visible BOOLEAN NOT NULL, deleted_at {instant}"),
            (
                "comments",
                "post_id INTEGER, votes INTEGER NOT NULL, visible BOOLEAN NOT NULL, is_active BOOLEAN NOT NULL",
            ),
            ("likes", "post_id INTEGER, weight INTEGER NOT NULL, visible BOOLEAN NOT NULL, is_deleted BOOLEAN"),
        ] {
            let columns = columns.replace("{instant}", instant);
            let _ = writeln!(sql, "CREATE TABLE {prefix}{table} (id INTEGER NOT NULL PRIMARY KEY, {columns});");
        }
    }
    sql + "CREATE TABLE tags (id INTEGER NOT NULL PRIMARY KEY, post_id INTEGER, label INTEGER NOT NULL, \
           visible BOOLEAN NOT NULL, is_deleted BOOLEAN NOT NULL);"
}

impl Data {
    /// Empties and fills all tables.
    ///
    /// With `lie`, the reduced tables contain every row and every row counts as visible, as for a query without any filter.
    pub fn sql(&self, lie: bool) -> String {
        let mut sql = String::from("BEGIN;\n");
        for (table, rows) in
            TABLES.into_iter().zip([&self.teams, &self.users, &self.posts, &self.comments, &self.likes])
        {
            insert(&mut sql, table, "", rows, |_| true, lie);
            insert(&mut sql, table, "live_", rows, |row| lie || row.visible(), lie);
            insert(&mut sql, table, "dead_", rows, |row| lie || !row.visible(), lie);
        }
        insert(&mut sql, "tags", "", &self.tags, |_| true, lie);
        sql + "COMMIT;"
    }
}

impl Row {
    fn visible(&self) -> bool {
        matches!(self.state, State::Active | State::OddlyActive)
    }

    fn columns(&self, table: &str, lie: bool) -> String {
        use State::{Active, Deleted, OddlyActive, OddlyDeleted};
        let null = || String::from("NULL");
        let parent = self.parent.map_or_else(null, |key| key.to_string());
        let boss = self.boss.map_or_else(null, |key| key.to_string());
        let visible = lie || table == "tags" || self.visible();
        let (value, visible) = (self.value, if visible { "TRUE" } else { "FALSE" });
        let pick = |values: [&'static str; 4]| match self.state {
            Active => values[0],
            OddlyActive => values[1],
            Deleted => values[2],
            OddlyDeleted => values[3],
        };
        match table {
            "teams" => format!("{value}, {visible}, {}", pick(["TRUE", "NULL", "FALSE", "FALSE"])),
            "users" => format!(
                "{parent}, {boss}, {value}, {visible}, {}, {}",
                pick(["FALSE", "FALSE", "TRUE", "TRUE"]),
                pick(["NULL", INSTANT, INSTANT, "NULL"]),
            ),
            "posts" => format!("{parent}, {value}, {visible}, {}", pick(["NULL", "NULL", INSTANT, INSTANT])),
            "comments" => format!("{parent}, {value}, {visible}, {}", pick(["TRUE", "TRUE", "FALSE", "FALSE"])),
            "likes" => format!("{parent}, {value}, {visible}, {}", pick(["FALSE", "NULL", "TRUE", "TRUE"])),
            // This table is not soft-deletable, and its `is_deleted` means something else.
            _ => format!("{parent}, {value}, {visible}, {}", pick(["FALSE", "FALSE", "TRUE", "TRUE"])),
        }
    }
}

fn insert(sql: &mut String, table: &str, prefix: &str, rows: &[Row], keep: impl Fn(&Row) -> bool, lie: bool) {
    let values: Vec<String> = (1..)
        .zip(rows)
        .filter(|(_, row)| keep(row))
        .map(|(id, row)| format!("({id}, {})", row.columns(table, lie)))
        .collect();
    let _ = writeln!(sql, "DELETE FROM {prefix}{table};");
    if !values.is_empty() {
        let _ = writeln!(sql, "INSERT INTO {prefix}{table} VALUES {};", values.join(", "));
    }
}
