//! One table, and inner joins.

use super::compare::Proof;

pub fn shapes(p: &mut Proof) {
    one_table(p);
    two_tables(p);
    three_tables(p);
    four_tables(p);
    with_a_plain_table(p);
    early_active(p);
}

fn one_table(p: &mut Proof) {
    source!(p, from (live_teams::table) by (live_teams::id) filter (live_teams::size.ge(1)));
    source!(p, from (live_users::table) by (live_users::id) filter (live_users::age.ge(1)));
    source!(p, from (live_posts::table) by (live_posts::id) filter (live_posts::stars.ge(1)));
    source!(p, from (live_comments::table) by (live_comments::id) filter (live_comments::votes.ge(1)));
    source!(p, from (live_likes::table) by (live_likes::id) filter (live_likes::weight.ge(1)));
    rows!(p, live_users::table.active().select((live_users::team_id, live_users::age, live_users::deleted_at)));
    rows!(p, live_likes::table.active().select(live_likes::all_columns));
    rows!(p, live_posts::table.active());
    rows!(p, live_posts::table.active().active());
    ordered!(p, live_posts::table.order(live_posts::id.desc()).active().limit(2));
    ordered!(p, live_posts::table.active().order(live_posts::stars).then_order_by(live_posts::id).offset(1).limit(9));
    rows!(p, live_posts::table.find(2).active());
    rows!(p, active(live_posts::table.find(2)).select(live_posts::stars));
    rows!(p, live_posts::table.select(diesel::dsl::max(live_posts::stars)).active());
    rows!(p, active(live_likes::table).select((diesel::dsl::sum(live_likes::weight), diesel::dsl::count_star())));
    rows!(p, live_posts::table.filter(live_posts::stars.eq(1).or(live_posts::stars.eq(2))).active());
    rows!(p, live_posts::table.filter(live_posts::user_id.is_null()).or_filter(live_posts::stars.eq(2)).active());
    rows!(p, live_comments::table.active().distinct().select(live_comments::votes).filter(live_comments::id.ge(2)));
}

fn two_tables(p: &mut Proof) {
    source!(p,
        from (live_users::table.inner_join(live_posts::table))
        by (live_users::id, live_posts::id)
        filter (live_posts::stars.ge(live_users::age)));
    source!(p,
        from (live_posts::table.inner_join(live_users::table))
        by (live_posts::id, live_users::id)
        filter (live_users::age.ge(1)));
    source!(p,
        from (live_teams::table.inner_join_active(live_users::table))
        by (live_teams::id, live_users::id)
        filter (live_users::age.ge(1)));
    source!(p,
        from (live_posts::table.inner_join(live_comments::table.on(live_comments::votes.eq(live_posts::stars))))
        by (live_posts::id, live_comments::id)
        filter (live_comments::votes.ge(1)));
    source!(p,
        from (live_likes::table.inner_join(live_posts::table.on_active(live_posts::stars.ge(live_likes::weight))))
        by (live_likes::id, live_posts::id)
        filter (live_likes::weight.ge(1)));
    source!(p,
        from (live_comments::table.inner_join_active(
            live_posts::table.on(live_comments::post_id.eq(live_posts::id.nullable()).or(live_comments::votes.eq(3)))))
        by (live_comments::id, live_posts::id)
        filter (live_posts::stars.ge(1)));
    rows!(p, live_users::table.inner_join(live_posts::table).active());
    rows!(p, live_users::table.filter(live_users::age.ge(1)).inner_join(live_posts::table).active());
    rows!(p, live_users::table.select(live_users::age).inner_join(live_posts::table).active());
    ordered!(
        p,
        live_users::table
            .order(live_users::id)
            .inner_join(live_posts::table)
            .limit(9)
            .active()
            .then_order_by(live_posts::id)
    );
}

fn three_tables(p: &mut Proof) {
    source!(p,
        from (live_users::table.inner_join(live_posts::table.inner_join(live_comments::table)))
        by (live_users::id, live_posts::id, live_comments::id)
        filter (live_comments::votes.ge(1)));
    source!(p,
        from (live_comments::table.inner_join(live_posts::table.inner_join(live_users::table)))
        by (live_users::id, live_posts::id, live_comments::id)
        filter (live_users::age.ge(1)));
    source!(p,
        from (live_posts::table.inner_join(live_users::table).inner_join(live_likes::table))
        by (live_users::id, live_posts::id, live_likes::id)
        filter (live_likes::weight.ge(live_posts::stars)));
    source!(p,
        from (live_posts::table.inner_join_active(live_likes::table).inner_join(live_comments::table))
        by (live_comments::id, live_posts::id, live_likes::id)
        filter (live_comments::votes.ge(1)));
    source!(p,
        from (live_posts::table.inner_join(live_likes::table).inner_join_active(live_comments::table))
        by (live_comments::id, live_posts::id, live_likes::id)
        filter (live_comments::votes.ge(1)));
    source!(p,
        from (live_teams::table.inner_join_active(live_users::table.inner_join(live_posts::table)))
        by (live_teams::id, live_users::id, live_posts::id)
        filter (live_users::age.ge(1)));
    source!(p,
        from (live_teams::table.inner_join(live_users::table.inner_join_active(live_posts::table)))
        by (live_teams::id, live_users::id, live_posts::id)
        filter (live_users::age.ge(1)));
    source!(p,
        from (live_teams::table.inner_join(
            live_users::table.inner_join(live_posts::table).on(live_posts::stars.ge(live_teams::size))))
        by (live_teams::id, live_users::id, live_posts::id)
        filter (live_users::age.ge(1)));
    source!(p,
        from (live_teams::table.inner_join(
            live_users::table.inner_join(live_posts::table).on_active(live_posts::stars.ge(live_teams::size))))
        by (live_teams::id, live_users::id, live_posts::id)
        filter (live_users::age.ge(1)));
}

fn four_tables(p: &mut Proof) {
    source!(p,
        from (live_teams::table.inner_join(
            live_users::table.inner_join(live_posts::table.inner_join(live_comments::table))))
        by (live_teams::id, live_users::id, live_posts::id, live_comments::id)
        filter (live_comments::votes.ge(1)));
    source!(p,
        from (live_likes::table.inner_join(
            live_posts::table.inner_join(live_users::table.inner_join(live_teams::table))))
        by (live_teams::id, live_users::id, live_posts::id, live_likes::id)
        filter (live_teams::size.ge(1)));
    source!(p,
        from (live_posts::table.inner_join(live_users::table.inner_join(live_teams::table))
            .inner_join(live_comments::table))
        by (live_teams::id, live_users::id, live_posts::id, live_comments::id)
        filter (live_teams::size.ge(1)));
    source!(p,
        from (live_posts::table.inner_join(live_users::table).inner_join(live_comments::table)
            .inner_join(live_likes::table))
        by (live_users::id, live_posts::id, live_comments::id, live_likes::id)
        filter (live_users::age.ge(1)));
    source!(p,
        from (live_users::table.inner_join_active(
            live_posts::table.inner_join(live_comments::table).inner_join_active(live_likes::table)))
        by (live_users::id, live_posts::id, live_comments::id, live_likes::id)
        filter (live_likes::weight.ge(1)));
}

fn with_a_plain_table(p: &mut Proof) {
    source!(p,
        from (live_posts::table.inner_join(tags::table))
        by (live_posts::id, tags::id)
        filter (tags::label.ge(1)));
    source!(p,
        from (tags::table.inner_join(live_posts::table))
        by (live_posts::id, tags::id)
        filter (tags::label.ge(1)));
    source!(p,
        from (tags::table.inner_join_active(live_posts::table.inner_join(live_users::table)))
        by (live_users::id, live_posts::id, tags::id)
        filter (tags::label.ge(1)));
    source!(p,
        from (live_posts::table.inner_join_active(tags::table).inner_join(live_comments::table))
        by (live_posts::id, live_comments::id, tags::id)
        filter (tags::is_deleted.eq(false)));
    source!(p,
        from (live_posts::table.inner_join(live_users::table).inner_join(live_comments::table)
            .inner_join(live_likes::table).inner_join(tags::table.on_active(tags::label.ge(live_posts::stars))))
        by (live_users::id, live_posts::id, live_comments::id, live_likes::id, tags::id)
        filter (tags::label.ge(1)));
}

/// Joins after `active()` have their own predicate or need none.
fn early_active(p: &mut Proof) {
    rows!(p, live_users::table.active().inner_join_active(live_posts::table).select((live_users::id, live_posts::id)));
    rows!(p, live_users::table.active().inner_join_active(live_posts::table).active());
    rows!(p, live_posts::table.active().inner_join(tags::table).select((live_posts::id, tags::id)));
    rows!(
        p,
        live_users::table
            .active()
            .left_join_active(live_posts::table)
            .select((live_users::id, live_posts::id.nullable()))
    );
    rows!(p, live_posts::table.active().left_join(tags::table).select((live_posts::id, tags::id.nullable())));
    rows!(
        p,
        live_posts::table.active().inner_join_active(live_users::table.inner_join_active(live_teams::table)).select((
            live_posts::id,
            live_users::id,
            live_teams::id
        ))
    );
    rows!(
        p,
        live_posts::table
            .active()
            .inner_join_active(live_users::table)
            .inner_join_active(live_comments::table)
            .filter(live_comments::votes.ge(1))
            .count()
    );
    rows!(
        p,
        live_posts::table
            .inner_join(live_users::table)
            .active()
            .left_join_active(live_comments::table)
            .select((live_posts::id, live_comments::id.nullable()))
    );
    rows!(p, users::table.inner_join_active(live_posts::table).select((users::id, live_posts::id)));
    // The predicate is written twice.
    rows!(
        p,
        live_users::table
            .inner_join_active(live_posts::table.on_active(live_posts::user_id.eq(live_users::id.nullable())))
            .active()
            .select((live_users::id, live_posts::id))
    );
    rows!(
        p,
        live_users::table
            .left_join_active(live_posts::table.on_active(live_posts::user_id.eq(live_users::id.nullable())))
            .active()
            .select((live_users::id, live_posts::id.nullable()))
    );
    rows!(
        p,
        posts::table.inner_join(users::table).inner_join_active(live_comments::table).select((
            posts::id,
            users::id,
            live_comments::id
        ))
    );
}
