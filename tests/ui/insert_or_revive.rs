include!("../support/blog.rs");

#[derive(Insertable, AsChangeset)]
#[diesel(table_name = posts)]
struct NewPost {
    user_id: i32,
}

#[derive(Clone, Copy, Insertable)]
#[diesel(table_name = posts)]
struct InsertedOnly {
    user_id: i32,
}

fn runs<Q: diesel_soft_delete::methods::RunsOn<diesel::mysql::Mysql>>(_: Q) {}

fn main() {
    let values = (posts::user_id.eq(1),);
    let _ = tags::table.insert_or_revive((tags::post_id.eq(1),));
    //~^ `tags::table` is not declared soft-deletable
    let _ = posts::table.find(1).insert_or_revive(values);
    //~^ the method `insert_or_revive` exists
    let _ = posts::table.insert_or_revive(InsertedOnly { user_id: 1 });
    //~^ the trait `diesel::AsChangeset` is not implemented for `InsertedOnly`
    let _ = posts::table.insert_or_revive(NewPost { user_id: 1 });
    //~^ `NewPost: Clone` is not satisfied
    let _ = posts::table.insert_or_revive(values).run(&mut ());
    //~^ no method named `run` found
    let _ = posts::table.insert_or_revive(values).on(posts::user_id.eq(1));
    //~^ is neither a column of the table `posts::table`
    let _ = posts::table.insert_or_revive(values).on(comments::post_id);
    //~^ type mismatch
    let _ = posts::table.insert_or_revive(values).on(posts::user_id).keeping(posts::user_id.eq(1));
    //~^ is neither a column of the table `posts::table`
    let _ = posts::table.insert_or_revive(values).on(posts::user_id).keeping((posts::user_id, comments::post_id));
    //~^ is neither a column of the table `posts::table` nor a tuple of its columns
    runs(posts::table.insert_or_revive(posts::user_id.eq(1)).on(posts::user_id));
    //~^ `insert_or_revive` cannot find the columns of these values
}
