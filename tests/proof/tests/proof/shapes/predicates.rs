//! The predicates as operands, and `deleted()`.

use super::compare::Proof;

pub fn shapes(p: &mut Proof) {
    of_one_table(p);
    as_operands(p);
    in_joins(p);
    deleted_rows(p);
}

/// Each predicate of each table, alone and in places where its NULLs would matter.
fn of_one_table(p: &mut Proof) {
    macro_rules! each {
        ($p:ident, $($table:ident $value:ident),*) => {
            $(
                rows!($p, $table::table.filter(is_active($table::table)).select($table::id));
                rows!($p, $table::table.filter(is_deleted($table::table)).select($table::id));
                rows!($p, $table::table.filter(is_active_or_missing($table::table)).select($table::id));
                rows!($p, $table::table.filter(diesel::dsl::not(is_active($table::table))).select($table::id));
                rows!($p, $table::table.filter(diesel::dsl::not(is_deleted($table::table))).select($table::id));
                rows!($p, $table::table.filter(diesel::dsl::not(is_active_or_missing($table::table)))
                    .select($table::id));
                rows!($p, $table::table.select((
                    $table::id,
                    is_active($table::table),
                    is_deleted($table::table),
                    is_active_or_missing($table::table).nullable(),
                )));
                rows!($p, $table::table.filter(is_active($table::table).or($table::$value.eq(1))).select($table::id));
                rows!($p, $table::table.filter(is_deleted($table::table).or($table::$value.eq(1))).select($table::id));
                rows!($p, $table::table.filter(diesel::dsl::not(
                    is_active($table::table).and($table::$value.ge(1)))).select($table::id));
                rows!($p, $table::table.filter(diesel::dsl::not(
                    is_deleted($table::table).or($table::$value.ge(2)))).select($table::id));
                rows!($p, $table::table.filter(is_active($table::table).eq($table::$value.ge(2))).select($table::id));
                rows!($p, $table::table.filter(is_deleted($table::table).ne($table::$value.ge(2))).select($table::id));
                rows!($p, $table::table.filter($table::$value.ge(2)).or_filter(is_deleted($table::table))
                    .select($table::id));
            )*
        };
    }
    each!(p, teams size, users age, posts stars, comments votes, likes weight);
}

fn as_operands(p: &mut Proof) {
    use diesel::sql_types::{Integer, Text};
    rows!(
        p,
        teams::table.select((
            teams::id,
            diesel::dsl::case_when::<_, _, Text>(is_active(teams::table), "live").otherwise("dead")
        ))
    );
    rows!(
        p,
        likes::table.select((
            likes::id,
            diesel::dsl::case_when::<_, _, Text>(is_deleted(likes::table), "dead").otherwise("live")
        ))
    );
    rows!(
        p,
        users::table
            .filter(diesel::dsl::case_when::<_, _, Integer>(is_active(users::table), users::age).otherwise(-1).ge(1))
            .select(users::id)
    );
    rows!(
        p,
        posts::table.inner_join(users::table).select((
            posts::id,
            diesel::dsl::case_when::<_, _, Text>(is_deleted(posts::table), "dead post")
                .when(is_deleted(users::table), "dead user")
                .otherwise("live")
        ))
    );
    rows!(
        p,
        comments::table
            .filter(is_active(comments::table))
            .or_filter(is_deleted(comments::table))
            .select(comments::id)
            .filter(is_active(comments::table))
    );
    // An explicit predicate beside `active()` does not change the rows.
    rows!(p, live_users::table.active().filter(is_active(live_users::table)).select(live_users::id));
    rows!(p, live_users::table.active().filter(diesel::dsl::not(is_deleted(live_users::table))).select(live_users::id));
    rows!(
        p,
        likes::table
            .group_by((likes::weight, likes::is_deleted))
            .select((likes::weight, diesel::dsl::count_star()))
            .having(diesel::dsl::count_star().ge(1))
            .filter(is_active(likes::table))
    );
    ordered!(p, users::table.order((is_deleted(users::table), users::id)).select(users::id));
    ordered!(p, teams::table.order((is_active(teams::table).desc(), teams::id.desc())).select(teams::id).limit(3));
}

fn in_joins(p: &mut Proof) {
    rows!(p, posts::table.inner_join(users::table).filter(is_active(posts::table)).select((posts::id, users::id)));
    rows!(
        p,
        posts::table
            .inner_join(users::table)
            .filter(is_active(posts::table).or(is_active(users::table)))
            .select((posts::id, users::id))
    );
    rows!(
        p,
        posts::table
            .inner_join(users::table)
            .filter(is_active(posts::table).eq(is_active(users::table)))
            .select((posts::id, users::id))
    );
    rows!(
        p,
        posts::table
            .inner_join(users::table)
            .filter(diesel::dsl::not(is_active(posts::table).and(is_active(users::table))))
            .select((posts::id, users::id))
    );
    rows!(
        p,
        posts::table
            .inner_join(likes::table.on(likes::post_id.eq(posts::id.nullable()).and(is_deleted(likes::table))))
            .select((posts::id, likes::id))
    );
    rows!(
        p,
        posts::table
            .left_join(
                likes::table
                    .on(likes::post_id.eq(posts::id.nullable()).and(is_active(likes::table).or(likes::weight.eq(1))))
            )
            .select((posts::id, likes::id.nullable()))
    );
    rows!(
        p,
        users::table
            .left_join(posts::table)
            .filter(is_active_or_missing(posts::table))
            .select((users::id, posts::id.nullable()))
    );
    rows!(
        p,
        teams::table
            .left_join(users::table)
            .filter(is_active_or_missing(users::table))
            .select((teams::id, users::id.nullable()))
    );
    rows!(
        p,
        posts::table
            .left_join(comments::table)
            .filter(is_active_or_missing(comments::table))
            .select((posts::id, comments::id.nullable()))
    );
    rows!(
        p,
        posts::table
            .left_join(likes::table)
            .filter(is_active_or_missing(likes::table))
            .select((posts::id, likes::id.nullable()))
    );
    rows!(
        p,
        users::table
            .left_join(teams::table)
            .filter(is_active_or_missing(teams::table))
            .select((users::id, teams::id.nullable()))
    );
    rows!(
        p,
        posts::table
            .left_join(comments::table)
            .filter(diesel::dsl::not(is_active_or_missing(comments::table)))
            .select((posts::id, comments::id.nullable()))
    );
    rows!(
        p,
        posts::table
            .left_join(comments::table)
            .filter(is_active_or_missing(comments::table).or(posts::stars.eq(1)))
            .select((posts::id, comments::id.nullable()))
    );
    rows!(
        p,
        posts::table
            .left_join(comments::table)
            .left_join(likes::table)
            .filter(is_active(posts::table))
            .filter(is_active_or_missing(comments::table))
            .filter(is_active_or_missing(likes::table))
            .select((posts::id, comments::id.nullable(), likes::id.nullable()))
    );
    rows!(
        p,
        posts::table.left_join(users::table).select((
            posts::id,
            is_active(posts::table),
            is_active_or_missing(users::table).nullable()
        ))
    );
}

/// `deleted()` filters the first table and no others.
fn deleted_rows(p: &mut Proof) {
    rows!(p, dead_teams::table.deleted().select(dead_teams::id));
    rows!(p, dead_users::table.deleted().select(dead_users::id));
    rows!(p, dead_posts::table.deleted());
    rows!(p, deleted(dead_comments::table).select(dead_comments::id));
    rows!(p, deleted(dead_likes::table.filter(dead_likes::weight.ge(1))).select(dead_likes::id));
    rows!(p, dead_users::table.filter(dead_users::age.eq(1)).or_filter(dead_users::age.ge(2)).deleted().count());
    ordered!(p, dead_posts::table.order(dead_posts::id).deleted().limit(2).offset(1));
    rows!(
        p,
        dead_posts::table
            .group_by(dead_posts::user_id)
            .select((dead_posts::user_id, diesel::dsl::count_star()))
            .deleted()
    );
    rows!(p, dead_posts::table.inner_join(users::table).deleted().select((dead_posts::id, users::id)));
    rows!(p, dead_users::table.inner_join(posts::table).deleted().select((dead_users::id, posts::id)));
    rows!(p, dead_users::table.left_join(posts::table).deleted().select((dead_users::id, posts::id.nullable())));
    rows!(
        p,
        dead_teams::table.left_join(users::table.left_join(posts::table)).deleted().select((
            dead_teams::id,
            users::id.nullable(),
            posts::id.nullable()
        ))
    );
    rows!(
        p,
        dead_likes::table.inner_join(posts::table.inner_join(users::table)).deleted().select((
            dead_likes::id,
            posts::id,
            users::id
        ))
    );
    rows!(
        p,
        dead_comments::table.inner_join_active(live_posts::table).deleted().select((dead_comments::id, live_posts::id))
    );
    rows!(
        p,
        dead_users::table
            .left_join_active(live_posts::table)
            .deleted()
            .select((dead_users::id, live_posts::id.nullable()))
    );
    rows!(p, dead_posts::table.deleted().inner_join(users::table).select((dead_posts::id, users::id)));
    rows!(p, dead_posts::table.left_join(tags::table).deleted().select((dead_posts::id, tags::id.nullable())));
    rows!(
        p,
        dead_posts::table
            .inner_join(users::table)
            .filter(is_active(users::table))
            .deleted()
            .select((dead_posts::id, users::id))
    );
    rows!(p, {
        let a = diesel::alias!(dead_users as a);
        a.deleted().select(a.field(dead_users::id))
    });
    rows!(p, {
        let a = diesel::alias!(dead_users as a);
        a.inner_join(users::table.on(a.field(dead_users::boss_id).eq(users::id.nullable())))
            .deleted()
            .select((a.field(dead_users::id), users::id))
    });
    rows!(p, {
        let b = diesel::alias!(users as b);
        dead_posts::table
            .left_join(b.on(dead_posts::user_id.eq(b.field(users::id).nullable())))
            .deleted()
            .select((dead_posts::id, b.field(users::id).nullable()))
    });
}
