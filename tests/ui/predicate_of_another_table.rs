include!("../support/blog.rs");

fn main() {
    let conn = &mut SqliteConnection::establish(":memory:").unwrap();
    let _ = posts::table.filter(diesel_soft_delete::is_active(users::table)).count().get_result::<i64>(conn);
    //~^ Count == Once
}
