include!("../support/blog.rs");

fn main() {
    let _ = posts::table.into_boxed::<diesel::mysql::Mysql>().soft_delete();
    //~^ the method `soft_delete` exists
    let _ = posts::table.inner_join(users::table).restore();
    //~^ the method `restore` exists
}
