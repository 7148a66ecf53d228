include!("../support/blog.rs");

fn main() {
    let _ = users::table.left_join(posts::table.left_join(comments::table)).active();
    //~^ `.active()` after a plain `left_join` of
    let _ = users::table.left_join(posts::table.left_join_active(comments::table)).active();
    //~^ `.active()` after a plain `left_join` of
    let _ = users::table.left_join(posts::table).left_join(comments::table.on(comments::post_id.eq(posts::id))).active();
    //~^ `.active()` after a plain `left_join` of
    let _ = users::table.left_join_active(posts::table).left_join(comments::table.on(comments::post_id.eq(posts::id))).active();
    //~^ `.active()` after a plain `left_join` of `comments::table`
}
