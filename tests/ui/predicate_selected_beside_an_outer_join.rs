include!("../support/blog.rs");

fn main() {
    // The value is NULL for a missing row, so it is not a `bool`.
    let _ = users::table.left_join(posts::table).select(diesel_soft_delete::is_active(posts::table));
    //~^ Count == Never
    //~^^ cannot select `posts::columns::is_deleted` from `users::table`
    let _ = users::table.left_join(posts::table).select(diesel_soft_delete::is_deleted(posts::table));
    //~^ Count == Never
    //~^^ cannot select `posts::columns::is_deleted` from `users::table`
}
