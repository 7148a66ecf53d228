include!("../support/blog.rs");

fn main() {
    let other = diesel::alias!(posts as other);
    let _ = users::table.left_join(other).active();
    //~^ `.active()` after a plain `left_join` of `posts::table`
}
