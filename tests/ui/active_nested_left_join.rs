include!("../support/blog.rs");

fn main() {
    let _ = comments::table.inner_join(posts::table.left_join(tags::table)).active();
    let _ = users::table.inner_join(posts::table.left_join(comments::table)).active();
    //~^ `.active()` after a plain `left_join` of `comments::table`
    let _ = users::table.left_join(posts::table.inner_join(comments::table)).active();
    //~^ `.active()` after a plain `left_join` of
}
