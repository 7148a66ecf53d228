include!("../support/blog.rs");

fn main() {
    let _ = users::table.active().inner_join(posts::table);
    //~^ `posts::table` is joined after `.active()`: its deleted rows would show
    //~^^ call `.active()` after the last join, or join with `inner_join_active(..)` / `left_join_active(..)`
    let _ = users::table.active().left_join(posts::table);
    //~^ `posts::table` is joined after `.active()`: its deleted rows would show
    let other = diesel::alias!(posts as other);
    let _ = users::table.active().inner_join(other);
    //~^ is joined after `.active()`: its deleted rows would show
    let _ = posts::table.active().inner_join(raws::table);
    //~^ call `.active()` after the last join, or join with `inner_join_active(..)` / `left_join_active(..)`
}
