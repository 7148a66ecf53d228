//! Unions and similar queries, grouped queries, and raw SQL.

use super::compare::Proof;

pub fn shapes(p: &mut Proof) {
    combined(p);
    grouped(p);
    raw(p);
}

/// A query of two sets on the backends that have it.
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

/// `a OR b` in raw SQL, which Diesel does not write in parentheses.
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
