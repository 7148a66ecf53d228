include!("../support/blog.rs");

fn main() {
    // `active()` of one alias does not filter another.
    let (a, b) = diesel::alias!(posts as a, posts as b);
    let _ = a.active().inner_join(b.on(a.field(posts::id).eq(b.field(posts::id))));
    //~^ is joined after `.active()`: its deleted rows would show
    let _ = a.active().inner_join(posts::table.on(a.field(posts::id).eq(posts::id)));
    //~^ `posts::table` is joined after `.active()`: its deleted rows would show
    let _ = posts::table.active().left_join(a.on(a.field(posts::id).eq(posts::id)));
    //~^ is joined after `.active()`: its deleted rows would show
    let _ = a.left_join(b.on(a.field(posts::id).eq(b.field(posts::id)))).active();
    //~^ `.active()` after a plain `left_join` of `posts::table`
}
