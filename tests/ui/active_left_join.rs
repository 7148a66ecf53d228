include!("../support/blog.rs");

fn main() {
    let _ = users::table.left_join(posts::table).active();
    //~^ `.active()` after a plain `left_join` of `posts::table` would put its predicate into WHERE, where it drops left rows
    //~^^ write `left_join_active` instead of `left_join`
    //~^^^ `left.left_join_active(right)` and `left.left_join(right.on_active(on_clause))` put the predicate into ON
}
