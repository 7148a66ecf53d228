//! Each alias is filtered through its own name.

use super::compare::Proof;

pub fn shapes(p: &mut Proof) {
    source!(p,
        { let a = diesel::alias!(live_users as a); }
        from (a)
        by (a.field(live_users::id))
        filter (a.field(live_users::age).ge(1)));
    source!(p,
        { let a = diesel::alias!(live_likes as a); }
        from (a)
        by (a.field(live_likes::id))
        filter (a.field(live_likes::weight).ge(1)));
    self_joins(p);
    among_tables(p);
    without_active(p);
}

fn self_joins(p: &mut Proof) {
    source!(p,
        { let (a, b) = diesel::alias!(live_users as a, live_users as b); }
        from (a.inner_join(b.on(a.field(live_users::boss_id).eq(b.field(live_users::id).nullable()))))
        by (a.field(live_users::id), b.field(live_users::id))
        filter (b.field(live_users::age).ge(1)));
    source!(p,
        { let boss = diesel::alias!(live_users as boss); }
        from (live_users::table.inner_join(boss.on(live_users::boss_id.eq(boss.field(live_users::id).nullable()))))
        by (live_users::id, boss.field(live_users::id))
        filter (live_users::age.ge(1)));
    source!(p,
        { let boss = diesel::alias!(live_users as boss); }
        from (boss.inner_join(live_users::table.on(live_users::boss_id.eq(boss.field(live_users::id).nullable()))))
        by (live_users::id, boss.field(live_users::id))
        filter (live_users::age.ge(1)));
    source!(p,
        { let boss = diesel::alias!(live_users as boss); }
        from (live_users::table.left_join(
            boss.on_active(live_users::boss_id.eq(boss.field(live_users::id).nullable()))))
        by (live_users::id, boss.field(live_users::id).nullable())
        filter (live_users::age.ge(1)));
    source!(p,
        { let boss = diesel::alias!(live_users as boss); }
        from (boss.left_join_active(
            live_users::table.on(live_users::boss_id.eq(boss.field(live_users::id).nullable()))))
        by (boss.field(live_users::id), live_users::id.nullable())
        filter (boss.field(live_users::age).ge(1)));
    source!(p,
        { let (a, b) = diesel::alias!(live_comments as a, live_comments as b); }
        from (a.left_join(b.on_active(a.field(live_comments::post_id).eq(b.field(live_comments::post_id)))))
        by (a.field(live_comments::id), b.field(live_comments::id).nullable())
        filter (a.field(live_comments::votes).ge(1)));
    source!(p,
        { let (a, b) = diesel::alias!(live_users as a, live_users as b); }
        from (live_users::table
            .inner_join(a.on(live_users::boss_id.eq(a.field(live_users::id).nullable())))
            .left_join(b.on_active(a.field(live_users::boss_id).eq(b.field(live_users::id).nullable()))))
        by (live_users::id, a.field(live_users::id), b.field(live_users::id).nullable())
        filter (live_users::age.ge(1)));
    source!(p,
        { let (a, b) = diesel::alias!(live_likes as a, live_likes as b); }
        from (a.inner_join(b.on_active(a.field(live_likes::weight).eq(b.field(live_likes::weight)))))
        by (a.field(live_likes::id), b.field(live_likes::id))
        filter (a.field(live_likes::weight).ge(1)));
}

fn among_tables(p: &mut Proof) {
    source!(p,
        { let a = diesel::alias!(live_posts as a); }
        from (live_users::table.inner_join(a))
        by (live_users::id, a.field(live_posts::id))
        filter (a.field(live_posts::stars).ge(1)));
    source!(p,
        { let a = diesel::alias!(live_posts as a); }
        from (live_users::table.left_join_active(a))
        by (live_users::id, a.field(live_posts::id).nullable())
        filter (live_users::age.ge(1)));
    source!(p,
        { let a = diesel::alias!(live_posts as a); }
        from (live_users::table.inner_join_active(a).inner_join(live_posts::table))
        by (live_users::id, a.field(live_posts::id), live_posts::id)
        filter (a.field(live_posts::stars).ge(live_posts::stars)));
    source!(p,
        { let a = diesel::alias!(live_comments as a); }
        from (live_posts::table.inner_join(live_comments::table).left_join_active(a))
        by (live_posts::id, live_comments::id, a.field(live_comments::id).nullable())
        filter (live_posts::stars.ge(1)));
    source!(p,
        { let (a, b) = diesel::alias!(live_users as a, live_posts as b); }
        from (a.inner_join(b.on(b.field(live_posts::user_id).eq(a.field(live_users::id).nullable()))))
        by (a.field(live_users::id), b.field(live_posts::id))
        filter (a.field(live_users::age).ge(1)));
    source!(p,
        { let (a, b) = diesel::alias!(live_users as a, live_teams as b); }
        from (live_posts::table
            .inner_join(a.on(live_posts::user_id.eq(a.field(live_users::id).nullable())))
            .left_join(b.on_active(a.field(live_users::team_id).eq(b.field(live_teams::id).nullable()))))
        by (live_posts::id, a.field(live_users::id), b.field(live_teams::id).nullable())
        filter (live_posts::stars.ge(1)));
    // An alias of a table that is not soft-deletable needs no filter.
    source!(p,
        { let t = diesel::alias!(tags as t); }
        from (live_posts::table.left_join(t))
        by (live_posts::id, t.field(tags::id).nullable())
        filter (live_posts::stars.ge(1)));
    source!(p,
        { let t = diesel::alias!(tags as t); }
        from (live_posts::table.inner_join(t).inner_join(live_users::table))
        by (live_posts::id, t.field(tags::id), live_users::id)
        filter (live_posts::stars.ge(1)));
}

fn without_active(p: &mut Proof) {
    rows!(p, {
        let boss = diesel::alias!(live_users as boss);
        users::table
            .left_join(boss.on_active(users::boss_id.eq(boss.field(live_users::id).nullable())))
            .select((users::id, boss.field(live_users::id).nullable()))
    });
    rows!(p, {
        let a = diesel::alias!(live_posts as a);
        users::table.left_join_active(a).select((users::id, a.field(live_posts::id).nullable()))
    });
    rows!(p, {
        let a = diesel::alias!(users as a);
        a.filter(is_active(a).or(a.field(users::age).eq(1))).select(a.field(users::id))
    });
    rows!(p, {
        let a = diesel::alias!(likes as a);
        a.filter(diesel::dsl::not(is_active(a))).select(a.field(likes::id))
    });
    rows!(p, {
        let a = diesel::alias!(posts as a);
        users::table.left_join(a).filter(is_active_or_missing(a)).select((users::id, a.field(posts::id).nullable()))
    });
    rows!(p, {
        let a = diesel::alias!(teams as a);
        a.select((a.field(teams::id), is_deleted(a)))
    });
}
