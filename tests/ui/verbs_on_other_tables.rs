include!("../support/blog.rs");

fn main() {
    let _ = tags::table.find(1).soft_delete();
    //~^ `tags::table` is not declared soft-deletable
    let _ = posts::table.order(posts::id).soft_delete();
    //~^ the method `soft_delete` exists
    let _ = posts::table.soft_delete().at(None::<chrono::NaiveDateTime>);
    //~^ `Option<NaiveDateTime>: AsExpression<diesel::sql_types::Timestamp>` is not satisfied
    //~^^ `Option<NaiveDateTime>: AppearsOnTable<posts::table>` is not satisfied
    let _ = posts::table.restore().at_utc(chrono::Utc::now());
    //~^ has no `touch` column, so a restore writes no time
    let _ = posts::table.find(1).soft_delete().only_if(users::is_deleted.eq(true));
    //~^ Count == Once
    let _ = tags::table.find(1).erase();
    //~^ `tags::table` is not declared soft-deletable
    let _ = posts::table.find(1).erase().execute(&mut ());
    //~^ `execute`
}
