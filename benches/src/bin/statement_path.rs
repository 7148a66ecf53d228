//! Calls one side of a pair on SQLite a given number of times: `statement_path PAIR ours|by_hand CALLS`.
//!
//! `benches/run` runs it under callgrind, which counts the instructions.

use soft_delete_benches::sqlite::{filled, pairs};

fn main() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [number, side, calls] = &arguments[..] else {
        return Err("usage: statement_path PAIR ours|by_hand CALLS".to_owned());
    };
    let number: usize = number.parse().map_err(|_| "PAIR is a number")?;
    let calls: i32 = calls.parse().map_err(|_| "CALLS is a number")?;
    let pair = pairs().nth(number).ok_or("there is no such pair")?;
    let side = match &side[..] {
        "ours" => &pair.ours,
        "by_hand" => &pair.by_hand,
        other => return Err(format!("no side `{other}`")),
    };
    let mut database = filled();
    (pair.prepare)(&mut database.conn, 1, soft_delete_benches::IDS);
    for id in 1..=calls {
        if (side.call)(&mut database.conn, id) != pair.rows {
            return Err(format!("{} of {id} did not do its work", pair.name));
        }
    }
    Ok(())
}
