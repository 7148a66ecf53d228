include!("../support/blog.rs");

fn main() {
    let on = posts::user_id.eq(users::id);
    // The right side has a left join that is not filtered, so the outer join is refused.
    let _ = users::table.left_join_active(posts::table.left_join(comments::table));
    //~^ `.active()` after a plain `left_join` of `comments::table`
    let _ = users::table.inner_join_active(posts::table.left_join(comments::table));
    //~^ `.active()` after a plain `left_join` of `comments::table`
    let _ = users::table.left_join(posts::table.left_join(comments::table).on_active(on));
    //~^ `.active()` after a plain `left_join` of `comments::table`

    // The ON clause has only the predicate of `posts`, for a join of `posts` and `comments`.
    let _ = users::table.left_join(posts::table.on_active(on).inner_join(comments::table)).active();
    //~^ this ON clause carries the predicate of only a part of the joined tables
    //~^^ `.on_active(..)` comes last: `right.inner_join(other).on_active(on_clause)`
    let _ = users::table.inner_join(posts::table.on_active(on).inner_join(comments::table)).active();
    //~^ this ON clause carries the predicate of only a part of the joined tables
    let _ = users::table.active().inner_join(posts::table.on_active(on).inner_join(comments::table));
    //~^ this ON clause carries the predicate of only a part of the joined tables

    // `active()` comes too early for `posts`, but not for the table inside of the join.
    let _ = comments::table.active().inner_join(posts::table.inner_join_active(users::table));
    //~^ `posts::table` is joined after `.active()`: its deleted rows would show
    let _ = comments::table.active().left_join(posts::table.inner_join_active(users::table));
    //~^ `posts::table` is joined after `.active()`: its deleted rows would show
    let _ = comments::table
        .active()
        .inner_join(tags::table.on(tags::post_id.eq(comments::post_id)).inner_join(posts::table));
    //~^ `posts::table` is joined after `.active()`: its deleted rows would show
    let _ = posts::table.active().count().inner_join(users::table);
    //~^ `users::table` is joined after `.active()`: its deleted rows would show
    let _ = posts::table.group_by(posts::id).select(posts::id).active().inner_join(users::table);
    //~^ `users::table` is joined after `.active()`: its deleted rows would show
}
