include!("../support/blog.rs");

fn main() {
    let query = users::table.left_join(posts::table).into_boxed::<diesel::mysql::Mysql>();
    let _ = query.active();
    //~^ is not satisfied
    //~^^ `.active()` cannot filter
    //~^^^ write `left_join_active` instead of `left_join`
}
