include!("../support/blog.rs");

fn main() {
    let _ = posts::table.inner_join(raws::table).active();
    //~^ `.active()` meets `raws::table`, which is an undeclared table
    //~^^ if not: `not_soft_deletable!(table_name);` beside `table!`
    let _ = raws::table.inner_join(posts::table).active();
    //~^ `.active()` meets `raws::table`
    let _ = posts::table.left_join(raws::table).active();
    //~^ if the rows of the right table are never soft-deleted, declare it: `not_soft_deletable!(table_name);`
    let _ = posts::table.left_join_active(raws::table);
    //~^ `.active()` meets `raws::table`
}
