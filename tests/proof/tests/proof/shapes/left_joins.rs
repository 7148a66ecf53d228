//! A left join keeps every left row, with NULLs beside it if its right row is deleted.

use super::compare::Proof;

pub fn shapes(p: &mut Proof) {
    two_tables(p);
    three_tables(p);
    four_tables(p);
    nested_on_the_right(p);
    with_a_plain_table(p);
    without_active(p);
}

fn two_tables(p: &mut Proof) {
    source!(p,
        from (live_teams::table.left_join_active(live_users::table))
        by (live_teams::id, live_users::id.nullable())
        filter (live_users::age.ge(1)));
    source!(p,
        from (live_users::table.left_join_active(live_posts::table))
        by (live_users::id, live_posts::id.nullable())
        filter (live_users::age.ge(1)));
    source!(p,
        from (live_posts::table.left_join_active(live_likes::table))
        by (live_posts::id, live_likes::id.nullable())
        filter (live_likes::weight.is_null()));
    source!(p,
        from (live_comments::table.left_join_active(live_posts::table))
        by (live_comments::id, live_posts::id.nullable())
        filter (live_comments::votes.ge(1)));
    source!(p,
        from (live_users::table.left_join_active(live_teams::table))
        by (live_users::id, live_teams::id.nullable())
        filter (live_users::age.ge(1)));
    source!(p,
        from (live_posts::table.left_join(live_comments::table.on_active(live_comments::votes.eq(live_posts::stars))))
        by (live_posts::id, live_comments::id.nullable())
        filter (live_posts::stars.ge(1)));
    source!(p,
        from (live_posts::table.left_join_active(live_comments::table.on(
            live_comments::votes.eq(live_posts::stars).or(live_comments::post_id.eq(live_posts::id.nullable())))))
        by (live_posts::id, live_comments::id.nullable())
        filter (live_posts::stars.ge(1)));
    rows!(p, live_users::table.left_join_active(live_posts::table).active());
    rows!(
        p,
        live_users::table
            .left_outer_join(live_posts::table.on_active(live_posts::user_id.eq(live_users::id.nullable())))
            .active()
    );
    ordered!(
        p,
        active(live_users::table.left_join_active(live_posts::table))
            .order((live_users::id, live_posts::id))
            .limit(4)
            .select((live_users::age, live_posts::stars.nullable(), live_posts::user_id.nullable()))
    );
}

fn three_tables(p: &mut Proof) {
    source!(p,
        from (live_users::table.left_join_active(live_posts::table.left_join_active(live_comments::table)))
        by (live_users::id, live_posts::id.nullable(), live_comments::id.nullable())
        filter (live_users::age.ge(1)));
    source!(p,
        from (live_users::table.left_join_active(live_posts::table)
            .left_join(live_comments::table.on_active(live_comments::post_id.eq(live_posts::id.nullable()))))
        by (live_users::id, live_posts::id.nullable(), live_comments::id.nullable())
        filter (live_users::age.ge(1)));
    source!(p,
        from (live_posts::table.left_join_active(live_users::table).left_join_active(live_comments::table))
        by (live_posts::id, live_users::id.nullable(), live_comments::id.nullable())
        filter (live_posts::stars.ge(1)));
    source!(p,
        from (live_posts::table.left_join_active(live_users::table).inner_join(live_comments::table))
        by (live_posts::id, live_users::id.nullable(), live_comments::id)
        filter (live_comments::votes.ge(1)));
    source!(p,
        from (live_posts::table.inner_join(live_users::table).left_join_active(live_likes::table))
        by (live_posts::id, live_users::id, live_likes::id.nullable())
        filter (live_users::age.ge(1)));
    source!(p,
        from (live_posts::table.left_join_active(live_likes::table).inner_join_active(live_users::table))
        by (live_posts::id, live_users::id, live_likes::id.nullable())
        filter (live_users::age.ge(1)));
    source!(p,
        from (live_users::table.inner_join(live_posts::table.left_join_active(live_comments::table)))
        by (live_users::id, live_posts::id, live_comments::id.nullable())
        filter (live_posts::stars.ge(1)));
    source!(p,
        from (live_comments::table.left_join_active(live_posts::table.left_join_active(live_users::table)))
        by (live_comments::id, live_posts::id.nullable(), live_users::id.nullable())
        filter (live_comments::votes.ge(1)));
    // An inner join follows a left join. Its ON clause drops a left row without a match.
    source!(p,
        from (live_users::table.left_join_active(live_posts::table)
            .inner_join(live_comments::table.on(live_comments::post_id.eq(live_posts::id.nullable()))))
        by (live_users::id, live_posts::id.nullable(), live_comments::id)
        filter (live_users::age.ge(1)));
}

fn four_tables(p: &mut Proof) {
    source!(p,
        from (live_teams::table.left_join_active(
            live_users::table.left_join_active(live_posts::table.left_join_active(live_comments::table))))
        by (live_teams::id, live_users::id.nullable(), live_posts::id.nullable(), live_comments::id.nullable())
        filter (live_teams::size.ge(1)));
    source!(p,
        from (live_posts::table.left_join_active(live_users::table.left_join_active(live_teams::table))
            .left_join_active(live_comments::table))
        by (live_posts::id, live_users::id.nullable(), live_teams::id.nullable(), live_comments::id.nullable())
        filter (live_posts::stars.ge(1)));
    source!(p,
        from (live_posts::table.left_join_active(live_users::table).left_join_active(live_comments::table)
            .left_join_active(live_likes::table))
        by (live_posts::id, live_users::id.nullable(), live_comments::id.nullable(), live_likes::id.nullable())
        filter (live_posts::stars.ge(1)));
    source!(p,
        from (live_posts::table.inner_join(live_users::table.inner_join(live_teams::table))
            .left_join_active(live_likes::table))
        by (live_posts::id, live_users::id, live_teams::id, live_likes::id.nullable())
        filter (live_posts::stars.ge(1)));
    source!(p,
        from (live_teams::table.inner_join(
            live_users::table.left_join_active(live_posts::table.inner_join(live_comments::table))))
        by (live_teams::id, live_users::id, live_posts::id.nullable(), live_comments::id.nullable())
        filter (live_users::age.ge(1)));
}

/// The right side is itself a join. The outer ON clause gets the predicates of all its tables.
fn nested_on_the_right(p: &mut Proof) {
    source!(p,
        from (live_users::table.left_join_active(live_posts::table.inner_join(live_comments::table)))
        by (live_users::id, live_posts::id.nullable(), live_comments::id.nullable())
        filter (live_users::age.ge(1)));
    source!(p,
        from (live_users::table.left_join_active(live_posts::table.inner_join_active(live_comments::table)))
        by (live_users::id, live_posts::id.nullable(), live_comments::id.nullable())
        filter (live_users::age.ge(1)));
    source!(p,
        from (live_users::table.left_join(live_posts::table.inner_join(live_comments::table)
            .on_active(live_posts::user_id.eq(live_users::id.nullable()))))
        by (live_users::id, live_posts::id.nullable(), live_comments::id.nullable())
        filter (live_users::age.ge(1)));
    source!(p,
        from (live_users::table.left_join(live_posts::table.left_join_active(live_comments::table)
            .on_active(live_posts::stars.ge(live_users::age))))
        by (live_users::id, live_posts::id.nullable(), live_comments::id.nullable())
        filter (live_users::age.ge(1)));
    source!(p,
        from (live_users::table.left_join_active(
            live_posts::table.inner_join(live_comments::table).inner_join(live_likes::table)))
        by (live_users::id, live_posts::id.nullable(), live_comments::id.nullable(), live_likes::id.nullable())
        filter (live_users::age.ge(1)));
    source!(p,
        from (live_comments::table.left_join_active(
            live_posts::table.inner_join(live_users::table.inner_join(live_teams::table))))
        by (live_comments::id, live_posts::id.nullable(), live_users::id.nullable(), live_teams::id.nullable())
        filter (live_comments::votes.ge(1)));
    source!(p,
        from (live_comments::table.left_join_active(
            live_posts::table.inner_join(live_users::table.left_join_active(live_teams::table))))
        by (live_comments::id, live_posts::id.nullable(), live_users::id.nullable(), live_teams::id.nullable())
        filter (live_comments::votes.ge(1)));
    source!(p,
        from (live_posts::table.left_join_active(live_comments::table)
            .left_join_active(live_users::table.inner_join(live_teams::table)))
        by (live_posts::id, live_comments::id.nullable(), live_users::id.nullable(), live_teams::id.nullable())
        filter (live_posts::stars.ge(1)));
}

fn with_a_plain_table(p: &mut Proof) {
    source!(p,
        from (live_posts::table.left_join(tags::table))
        by (live_posts::id, tags::id.nullable())
        filter (live_posts::stars.ge(1)));
    source!(p,
        from (live_posts::table.left_join_active(tags::table).inner_join(live_users::table))
        by (live_posts::id, tags::id.nullable(), live_users::id)
        filter (live_posts::stars.ge(1)));
    source!(p,
        from (live_users::table.left_join_active(live_posts::table.left_join(tags::table)))
        by (live_users::id, live_posts::id.nullable(), tags::id.nullable())
        filter (live_users::age.ge(1)));
    source!(p,
        from (live_users::table.left_join_active(live_posts::table.inner_join(tags::table)))
        by (live_users::id, live_posts::id.nullable(), tags::id.nullable())
        filter (live_users::age.ge(1)));
    source!(p,
        from (live_users::table.inner_join(live_posts::table.left_join(tags::table)))
        by (live_users::id, live_posts::id, tags::id.nullable())
        filter (live_users::age.ge(1)));
    // The first table is not soft-deletable, so all of its rows stay.
    source!(p,
        from (tags::table.left_join_active(live_posts::table).inner_join(live_comments::table.on(
            live_comments::post_id.eq(tags::post_id))))
        by (tags::id, live_posts::id.nullable(), live_comments::id)
        filter (tags::label.ge(1)));
    source!(p,
        from (live_posts::table.left_join(tags::table.on(tags::label.eq(live_posts::stars)))
            .left_join_active(live_likes::table))
        by (live_posts::id, tags::id.nullable(), live_likes::id.nullable())
        filter (live_posts::stars.ge(1)));
}

/// Only the joined table is filtered.
fn without_active(p: &mut Proof) {
    rows!(p, users::table.left_join_active(live_posts::table).select((users::id, live_posts::id.nullable())));
    rows!(p, tags::table.left_join_active(live_posts::table).select((tags::id, live_posts::id.nullable())));
    rows!(
        p,
        teams::table.left_join_active(live_users::table.left_join_active(live_posts::table)).select((
            teams::id,
            live_users::id.nullable(),
            live_posts::id.nullable()
        ))
    );
    rows!(
        p,
        teams::table.left_join_active(live_users::table.inner_join(live_posts::table)).select((
            teams::id,
            live_users::id.nullable(),
            live_posts::id.nullable()
        ))
    );
    rows!(
        p,
        users::table
            .left_join(live_posts::table.on_active(live_posts::stars.ge(users::age)))
            .select((users::id, live_posts::id.nullable()))
    );
    rows!(
        p,
        posts::table.left_join_active(live_comments::table).left_join_active(live_likes::table).select((
            posts::id,
            live_comments::id.nullable(),
            live_likes::id.nullable()
        ))
    );
    rows!(
        p,
        posts::table.inner_join(users::table).left_join_active(live_likes::table).select((
            posts::id,
            users::id,
            live_likes::id.nullable()
        ))
    );
    rows!(
        p,
        users::table
            .left_join(
                live_posts::table.on(live_posts::user_id.eq(users::id.nullable()).and(is_active(live_posts::table)))
            )
            .select((users::id, live_posts::id.nullable()))
    );
    // Diesel's `on` of a nested join does not change filters outside of the ON clauses.
    rows!(
        p,
        users::table.inner_join(posts::table.left_join_active(live_comments::table)).select((
            users::id,
            posts::id,
            live_comments::id.nullable()
        ))
    );
}
