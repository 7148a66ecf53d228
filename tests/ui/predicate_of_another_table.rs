include!("../support/blog.rs");

fn executed(_: impl diesel::query_builder::Query) {}

fn main() {
    executed(posts::table.filter(diesel_soft_delete::is_active(users::table)));
    //~^ Count == Once
}
