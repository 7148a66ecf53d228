include!("../support/blog.rs");

fn on_mysql(_: impl diesel::query_builder::QueryFragment<diesel::mysql::Mysql>) {}

fn main() {
    let query = posts::table.find(1).soft_delete().returning(posts::id);
    on_mysql(query);
    //~^ `diesel::mysql::Mysql` does not have a `RETURNING` clause
    on_mysql(posts::table.find(1).restore().returning(posts::id));
    //~^ `diesel::mysql::Mysql` does not have a `RETURNING` clause
    on_mysql(posts::table.purge_older_than(chrono::TimeDelta::days(1)).returning(posts::id));
    //~^ `diesel::mysql::Mysql` does not have a `RETURNING` clause
}
