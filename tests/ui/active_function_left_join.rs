include!("../support/blog.rs");

fn main() {
    let _ = diesel_soft_delete::active(
        users::table.left_join(posts::table), //~ write `left_join_active` instead of `left_join`
    );
}
