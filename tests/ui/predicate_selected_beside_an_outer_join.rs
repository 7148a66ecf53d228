include!("../support/blog.rs");

fn main() {
    // NULL for a missing row, and no `bool`.
    let _ = users::table.left_join(posts::table).select(diesel_soft_delete::is_active(posts::table));
    //~^ Count == Never
    //~^^ cannot select `posts::columns::is_deleted` from `users::table`
    let _ = users::table.left_join(posts::table).select(diesel_soft_delete::is_deleted(posts::table));
    //~^ Count == Never
    //~^^ cannot select `posts::columns::is_deleted` from `users::table`
}
