//! Subqueries, unions, grouped queries, and raw SQL.

use super::compare::Proof;

pub fn shapes(p: &mut Proof) {
    correlated(p);
    of_values(p);
    combined(p);
    grouped(p);
    raw(p);
}

fn correlated(p: &mut Proof) {
    use diesel::dsl::{exists, not};
    rows!(
        p,
        users::table
            .filter(exists(live_posts::table.active().filter(live_posts::user_id.eq(users::id.nullable()))))
            .select(users::id)
    );
    rows!(
        p,
        users::table
            .filter(exists(live_posts::table.filter(live_posts::user_id.eq(users::id.nullable())).active()))
            .select(users::id)
    );
    rows!(
        p,
        users::table
            .filter(not(exists(live_posts::table.active().filter(live_posts::user_id.eq(users::id.nullable())))))
            .select(users::id)
    );
    rows!(
        p,
        live_users::table
            .active()
            .filter(not(exists(active(live_posts::table).filter(live_posts::user_id.eq(live_users::id.nullable())))))
            .select(live_users::id)
    );
    rows!(
        p,
        live_users::table
            .filter(not(exists(active(live_posts::table.filter(live_posts::user_id.eq(live_users::id.nullable()))))))
            .active()
            .select(live_users::id)
    );
    rows!(
        p,
        live_users::table
            .filter(exists(
                live_posts::table
                    .inner_join(live_comments::table)
                    .active()
                    .filter(live_posts::user_id.eq(live_users::id.nullable()))
            ))
            .active()
            .select(live_users::id)
    );
    rows!(
        p,
        live_users::table
            .active()
            .filter(exists(
                live_posts::table
                    .left_join_active(live_comments::table)
                    .active()
                    .filter(live_posts::user_id.eq(live_users::id.nullable()))
                    .filter(live_comments::id.is_null())
            ))
            .select(live_users::id)
    );
    rows!(
        p,
        live_users::table
            .active()
            .filter(exists(
                live_posts::table.active().filter(live_posts::user_id.eq(live_users::id.nullable())).filter(not(
                    exists(live_likes::table.active().filter(live_likes::post_id.eq(live_posts::id.nullable())))
                ))
            ))
            .select(live_users::id)
    );
    rows!(
        p,
        live_teams::table
            .inner_join(live_users::table)
            .active()
            .filter(exists(live_posts::table.active().filter(live_posts::user_id.eq(live_users::id.nullable()))))
            .select((live_teams::id, live_users::id))
    );
    rows!(
        p,
        users::table
            .filter(exists(dead_posts::table.deleted().filter(dead_posts::user_id.eq(users::id.nullable()))))
            .select(users::id)
    );
    rows!(
        p,
        users::table
            .filter(exists(
                posts::table.filter(posts::user_id.eq(users::id.nullable())).filter(is_active(posts::table))
            ))
            .select(users::id)
    );
    rows!(
        p,
        users::table
            .filter(exists(
                posts::table
                    .filter(posts::user_id.eq(users::id.nullable()))
                    .filter(is_active(users::table))
                    .filter(is_deleted(posts::table))
            ))
            .select(users::id)
    );
    rows!(
        p,
        users::table
            .filter(
                is_active(users::table)
                    .or(exists(live_posts::table.active().filter(live_posts::user_id.eq(users::id.nullable()))))
            )
            .select(users::id)
    );
    rows!(p, {
        let boss = diesel::alias!(live_users as boss);
        live_users::table
            .active()
            .filter(exists(boss.active().filter(boss.field(live_users::id).nullable().eq(live_users::boss_id))))
            .select(live_users::id)
    });
    rows!(p, {
        let boss = diesel::alias!(live_users as boss);
        live_users::table
            .filter(not(exists(boss.filter(boss.field(live_users::id).nullable().eq(live_users::boss_id)).active())))
            .active()
            .select(live_users::id)
    });
    rows!(p, diesel::select(exists(live_posts::table.active().find(2))));
    rows!(p, diesel::select(not(exists(active(live_users::table.inner_join(live_posts::table))))));
}

fn of_values(p: &mut Proof) {
    use diesel::dsl::{max, min, not};
    rows!(
        p,
        users::table
            .filter(users::id.nullable().eq_any(live_posts::table.active().select(live_posts::user_id)))
            .select(users::id)
    );
    rows!(
        p,
        users::table
            .filter(users::team_id.eq_any(live_teams::table.active().select(live_teams::id.nullable())))
            .select(users::id)
    );
    rows!(
        p,
        users::table
            .filter(users::team_id.ne_all(live_teams::table.active().select(live_teams::id.nullable())))
            .select(users::id)
    );
    rows!(
        p,
        live_users::table
            .filter(not(live_users::id.eq_any(live_posts::table.active().select(live_posts::stars))))
            .active()
            .select(live_users::id)
    );
    rows!(
        p,
        live_users::table
            .active()
            .filter(
                live_users::id
                    .nullable()
                    .eq_any(live_posts::table.inner_join(live_comments::table).active().select(live_posts::user_id))
            )
            .select(live_users::id)
    );
    rows!(
        p,
        live_users::table
            .active()
            .filter(
                live_users::id.nullable().eq_any(
                    live_posts::table
                        .left_join_active(live_comments::table)
                        .active()
                        .select(live_posts::user_id)
                        .filter(live_comments::id.is_null())
                )
            )
            .select(live_users::id)
    );
    rows!(
        p,
        live_users::table
            .active()
            .filter(
                live_users::id.nullable().eq_any(
                    live_posts::table.active().select(live_posts::user_id).distinct().filter(
                        live_posts::id.nullable().eq_any(live_likes::table.active().select(live_likes::post_id))
                    )
                )
            )
            .count()
    );
    rows!(
        p,
        users::table
            .filter(users::id.nullable().eq_any(dead_posts::table.deleted().select(dead_posts::user_id)))
            .select(users::id)
    );
    rows!(
        p,
        live_posts::table
            .active()
            .filter(
                live_posts::stars
                    .nullable()
                    .eq(live_comments::table.active().select(max(live_comments::votes)).single_value())
            )
            .select(live_posts::id)
    );
    rows!(
        p,
        live_posts::table
            .filter(
                live_posts::stars.nullable().ge(active(
                    live_likes::table.inner_join(tags::table.on(tags::post_id.eq(live_likes::post_id)))
                )
                .select(min(live_likes::weight))
                .single_value())
            )
            .active()
            .select(live_posts::id)
    );
    rows!(
        p,
        live_posts::table.active().select((
            live_posts::id,
            live_comments::table
                .active()
                .filter(live_comments::post_id.eq(live_posts::id.nullable()))
                .count()
                .single_value()
        ))
    );
    rows!(
        p,
        posts::table.select((
            posts::id,
            live_users::table
                .active()
                .filter(live_users::id.nullable().eq(posts::user_id))
                .select(live_users::age)
                .single_value()
        ))
    );
    rows!(
        p,
        live_users::table
            .left_join(
                live_posts::table.on_active(
                    live_posts::user_id
                        .eq(live_users::id.nullable())
                        .and(live_posts::id.nullable().eq_any(live_likes::table.active().select(live_likes::post_id)))
                )
            )
            .active()
            .select((live_users::id, live_posts::id.nullable()))
    );
    rows!(
        p,
        live_posts::table
            .active()
            .filter(live_posts::id.between(1, 4).or(
                live_posts::stars.nullable().eq_any(live_teams::table.active().select(live_teams::size.nullable()))
            ))
            .select(live_posts::id)
    );
}

/// A query of two sets, on the backends that have it.
fn combined(p: &mut Proof) {
    rows!(
        p,
        live_posts::table.active().select(live_posts::stars).union(live_users::table.active().select(live_users::age))
    );
    rows!(
        p,
        live_posts::table.active().select(live_posts::id).union_all(active(live_likes::table).select(live_likes::id))
    );
    rows!(
        p,
        live_posts::table.active().select(live_posts::id).union(dead_posts::table.deleted().select(dead_posts::stars))
    );
    rows!(
        p,
        live_users::table
            .inner_join(live_posts::table)
            .active()
            .select(live_users::id)
            .union_all(live_teams::table.left_join_active(live_users::table).active().select(live_teams::id))
    );
    rows!(
        p,
        live_posts::table
            .active()
            .select(live_posts::id)
            .union(live_likes::table.active().select(live_likes::id))
            .union(live_comments::table.active().select(live_comments::votes))
    );
    macro_rules! sets {
        ($p:ident, $($query:tt)*) => { shape!(not_on_mysql, $p, false, {} { $($query)* }) };
    }
    sets!(
        p,
        live_posts::table.active().select(live_posts::id).intersect(live_users::table.active().select(live_users::id))
    );
    sets!(
        p,
        live_posts::table.active().select(live_posts::id).except(live_likes::table.active().select(live_likes::id))
    );
    sets!(p, posts::table.select(posts::id).except(dead_posts::table.deleted().select(dead_posts::id)));
    sets!(p, posts::table.select(posts::id).except(live_posts::table.active().select(live_posts::id)));
    sets!(
        p,
        live_users::table
            .inner_join(live_posts::table)
            .active()
            .select(live_users::id)
            .intersect(live_posts::table.left_join_active(live_likes::table).active().select(live_posts::id))
    );
}

fn grouped(p: &mut Proof) {
    use diesel::dsl::{count, count_star, max, sum};
    rows!(
        p,
        live_users::table
            .left_join_active(live_posts::table)
            .active()
            .group_by(live_users::id)
            .select((live_users::id, count(live_posts::id.nullable())))
    );
    rows!(
        p,
        live_users::table
            .left_join_active(live_posts::table)
            .group_by(live_users::id)
            .select((live_users::id, count(live_posts::id.nullable()), max(live_posts::stars.nullable())))
            .active()
    );
    rows!(
        p,
        live_users::table
            .inner_join(live_posts::table)
            .group_by(live_users::id)
            .select((live_users::id, sum(live_posts::stars)))
            .having(count_star().ge(2))
            .active()
    );
    rows!(
        p,
        live_teams::table
            .left_join_active(live_users::table.left_join_active(live_posts::table))
            .active()
            .group_by(live_teams::id)
            .having(count(live_posts::id.nullable()).lt(2))
            .select((live_teams::id, count(live_posts::id.nullable())))
    );
    rows!(
        p,
        live_posts::table
            .left_join_active(live_comments::table)
            .left_join_active(live_likes::table)
            .group_by(live_posts::id)
            .select((
                live_posts::id,
                count(live_comments::id.nullable()),
                count(live_likes::id.nullable()).aggregate_distinct()
            ))
            .active()
    );
    ordered!(
        p,
        live_posts::table
            .active()
            .group_by(live_posts::stars)
            .select((live_posts::stars, count_star()))
            .order(live_posts::stars.desc())
            .limit(2)
    );
    ordered!(
        p,
        active(live_posts::table.inner_join(live_comments::table))
            .group_by((live_posts::stars, live_comments::votes))
            .select((live_posts::stars, live_comments::votes, count_star()))
            .order((live_posts::stars, live_comments::votes))
            .offset(1)
            .limit(5)
    );
    rows!(p, live_users::table.inner_join(live_posts::table).active().select(live_users::age).distinct());
    rows!(
        p,
        live_users::table.left_join_active(live_posts::table).select(live_posts::stars.nullable()).distinct().active()
    );
    rows!(
        p,
        live_posts::table
            .inner_join(live_comments::table)
            .inner_join(live_likes::table)
            .active()
            .select(count(live_posts::id).aggregate_distinct())
    );
}

/// `a OR b` in raw SQL, which Diesel does not put into parentheses.
fn raw(p: &mut Proof) {
    use diesel::dsl::sql;
    use diesel::sql_types::{Bool, Integer};
    rows!(p, live_posts::table.filter(sql::<Bool>("stars = 1 OR stars = 2")).active().select(live_posts::id));
    rows!(p, live_posts::table.filter(sql::<Bool>("stars = 2 OR stars = 1")).active().select(live_posts::id));
    rows!(
        p,
        active(live_likes::table.filter(sql::<Bool>("weight = 2 OR weight = ").bind::<Integer, _>(1)))
            .select(live_likes::id)
    );
    rows!(
        p,
        live_users::table
            .inner_join(live_posts::table)
            .filter(sql::<Bool>("stars = 2 OR age = 1"))
            .active()
            .select((live_users::id, live_posts::id))
    );
    rows!(
        p,
        live_users::table
            .left_join_active(live_posts::table)
            .filter(sql::<Bool>("age = 2 OR age = 1"))
            .active()
            .select((live_users::id, live_posts::id.nullable()))
    );
    rows!(
        p,
        live_users::table
            .left_join(live_posts::table.on_active(sql::<Bool>("stars = 2 OR age = 1")))
            .active()
            .select((live_users::id, live_posts::id.nullable()))
    );
    rows!(
        p,
        live_users::table
            .inner_join(live_posts::table.on_active(sql::<Bool>("stars = 2 OR age = 1")))
            .active()
            .select((live_users::id, live_posts::id))
    );
    rows!(
        p,
        live_users::table
            .inner_join(live_posts::table.on(sql::<Bool>("stars = 2 OR age = 1")))
            .active()
            .select((live_users::id, live_posts::id))
    );
    rows!(
        p,
        live_users::table
            .left_join_active(
                live_posts::table.inner_join(live_comments::table).on(sql::<Bool>("stars = 2 OR age = 1"))
            )
            .active()
            .select((live_users::id, live_comments::id.nullable()))
    );
    rows!(p, dead_posts::table.filter(sql::<Bool>("stars = 1 OR stars = 2")).deleted().select(dead_posts::id));
    rows!(
        p,
        dead_posts::table
            .inner_join(users::table)
            .filter(sql::<Bool>("stars = 2 OR age = 1"))
            .deleted()
            .select((dead_posts::id, users::id))
    );
    rows!(
        p,
        live_posts::table
            .filter(live_posts::id.ge(2))
            .or_filter(sql::<Bool>("stars = 1 OR stars = 2"))
            .active()
            .select(live_posts::id)
    );
    rows!(
        p,
        live_posts::table
            .filter(sql::<Bool>("stars = 1 OR stars = 2"))
            .or_filter(live_posts::id.ge(5))
            .active()
            .select(live_posts::id)
    );
    rows!(
        p,
        live_posts::table
            .filter(diesel::dsl::not(sql::<Bool>("(stars = 1 OR stars = 2)")))
            .active()
            .select(live_posts::id)
    );
    rows!(
        p,
        live_comments::table
            .filter(sql::<diesel::sql_types::Nullable<Bool>>("votes = 1 OR post_id = 2"))
            .active()
            .select(live_comments::id)
    );
}
