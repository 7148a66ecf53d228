include!("../support/blog.rs");

fn main() {
    let _ = tags::table.active();
    //~^ `.active()` cannot filter `tags::table`
    let _ = tags::table.filter(tags::id.eq(1)).active();
    //~^ `.active()` has nothing to filter here: the table is declared not soft-deletable
    let _ = raws::table.active();
    //~^ `.active()` cannot filter `raws::table`
    let _ = raws::table.filter(raws::id.eq(1)).active();
    //~^ `.active()` meets `raws::table`
    let _ = tags::table.deleted();
    //~^ `.deleted()` cannot filter `tags::table`
    let _ = diesel_soft_delete::is_active(tags::table);
    //~^ `tags::table` is neither a soft-deletable table nor an alias of one
}
