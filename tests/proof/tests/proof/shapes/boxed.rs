//! Boxed queries name their backend, so each is written for all that are built in. Some shapes exist only on some
//! backends.

use super::compare::Proof;

macro_rules! boxed {
    ($p:ident, $ordered:literal, $($query:tt)*) => {
        shape!(on_sqlite, $p, $ordered, { type Db = diesel::sqlite::Sqlite; } { $($query)* });
        #[cfg(feature = "postgres")]
        shape!(on_postgres, $p, $ordered, { type Db = diesel::pg::Pg; } { $($query)* });
        #[cfg(feature = "mysql")]
        shape!(on_mysql, $p, $ordered, { type Db = diesel::mysql::Mysql; } { $($query)* });
    };
}

pub fn shapes(p: &mut Proof) {
    boxed(p);
    #[cfg(feature = "postgres")]
    distinct_on(p);
    #[cfg(any(feature = "postgres", feature = "mysql"))]
    locking(p);
}

#[cfg(feature = "postgres")]
fn distinct_on(p: &mut Proof) {
    macro_rules! first_of_each {
        ($p:ident, $($query:tt)*) => { shape!(on_postgres, $p, true, {} { $($query)* }) };
    }
    first_of_each!(
        p,
        live_posts::table.distinct_on(live_posts::stars).order((live_posts::stars, live_posts::id)).active()
    );
    first_of_each!(
        p,
        live_posts::table.active().order((live_posts::stars, live_posts::id)).distinct_on(live_posts::stars)
    );
    first_of_each!(
        p,
        live_users::table
            .inner_join(live_posts::table)
            .distinct_on(live_users::id)
            .order((live_users::id, live_posts::id))
            .active()
            .select((live_users::id, live_posts::id))
    );
    first_of_each!(
        p,
        live_users::table
            .left_join_active(live_posts::table)
            .active()
            .distinct_on(live_users::id)
            .order((live_users::id, live_posts::id))
            .select((live_users::id, live_posts::id.nullable()))
    );
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
fn locking(p: &mut Proof) {
    macro_rules! locked {
        ($p:ident, $($query:tt)*) => {
            #[cfg(feature = "postgres")]
            shape!(on_postgres, $p, false, {} { $($query)* });
            #[cfg(feature = "mysql")]
            shape!(on_mysql, $p, false, {} { $($query)* });
        };
    }
    locked!(p, live_posts::table.for_update().active());
    locked!(p, live_posts::table.active().for_update());
    locked!(p, live_posts::table.filter(live_posts::stars.ge(1)).for_update().skip_locked().active());
    locked!(p, dead_posts::table.for_update().deleted());
}

fn boxed(p: &mut Proof) {
    use diesel::dsl::{count_star, exists, not, sql};
    use diesel::sql_types::Bool;
    boxed!(p, false, live_posts::table.into_boxed::<Db>().active().select(live_posts::id));
    boxed!(p, false, live_posts::table.active().into_boxed::<Db>().select(live_posts::id));
    boxed!(p, false, active(live_likes::table.into_boxed::<Db>()).filter(live_likes::weight.ge(1)));
    boxed!(
        p,
        false,
        live_teams::table.into_boxed::<Db>().filter(live_teams::size.eq(1)).or_filter(live_teams::size.eq(2)).active()
    );
    boxed!(
        p,
        false,
        live_posts::table
            .filter(live_posts::stars.eq(1))
            .into_boxed::<Db>()
            .or_filter(live_posts::stars.eq(2))
            .active()
    );
    boxed!(p, true, live_posts::table.into_boxed::<Db>().order(live_posts::id).limit(2).offset(1).active());
    boxed!(p, true, live_posts::table.order(live_posts::id).limit(2).active().into_boxed::<Db>());
    boxed!(p, false, live_posts::table.select(live_posts::stars).distinct().into_boxed::<Db>().active());
    boxed!(
        p,
        false,
        live_posts::table
            .group_by(live_posts::stars)
            .select((live_posts::stars, count_star()))
            .into_boxed::<Db>()
            .active()
    );
    boxed!(
        p,
        false,
        live_users::table
            .inner_join(live_posts::table)
            .into_boxed::<Db>()
            .active()
            .select((live_users::id, live_posts::id))
    );
    boxed!(
        p,
        false,
        live_users::table
            .inner_join(live_posts::table)
            .active()
            .into_boxed::<Db>()
            .filter(live_posts::stars.ge(1))
            .select((live_users::id, live_posts::id))
    );
    boxed!(
        p,
        false,
        live_users::table
            .left_join_active(live_posts::table)
            .into_boxed::<Db>()
            .active()
            .select((live_users::id, live_posts::id.nullable()))
    );
    boxed!(
        p,
        false,
        live_users::table
            .left_join_active(live_posts::table.inner_join(live_comments::table))
            .active()
            .into_boxed::<Db>()
            .select((live_users::id, live_posts::id.nullable()))
    );
    boxed!(
        p,
        false,
        live_posts::table
            .inner_join(live_users::table.inner_join(live_teams::table))
            .left_join_active(live_likes::table)
            .into_boxed::<Db>()
            .filter(live_users::age.ge(1))
            .active()
            .select((live_posts::id, live_teams::id, live_likes::id.nullable()))
    );
    boxed!(
        p,
        false,
        live_users::table
            .into_boxed::<Db>()
            .inner_join(live_posts::table)
            .active()
            .select((live_users::id, live_posts::id))
    );
    boxed!(
        p,
        false,
        live_users::table
            .into_boxed::<Db>()
            .left_join_active(live_posts::table)
            .active()
            .select((live_users::id, live_posts::id.nullable()))
    );
    boxed!(
        p,
        false,
        live_users::table
            .active()
            .into_boxed::<Db>()
            .inner_join_active(live_posts::table)
            .select((live_users::id, live_posts::id))
    );
    boxed!(p, false, live_posts::table.into_boxed::<Db>().filter(sql::<Bool>("stars = 1 OR stars = 2")).active());
    boxed!(p, false, live_posts::table.into_boxed::<Db>().filter(sql::<Bool>("stars = 2 OR stars = 1")).active());
    boxed!(
        p,
        false,
        live_users::table
            .inner_join(live_posts::table)
            .into_boxed::<Db>()
            .filter(sql::<Bool>("stars = 1 OR age = 2"))
            .active()
            .select((live_users::id, live_posts::id))
    );
    boxed!(p, false, {
        let raw: Box<dyn BoxableExpression<live_posts::table, Db, SqlType = Bool>> =
            Box::new(sql::<Bool>("stars = 1 OR stars = 2"));
        live_posts::table.filter(raw).active()
    });
    boxed!(p, false, {
        let either: Box<dyn BoxableExpression<users::table, Db, SqlType = Bool>> =
            Box::new(is_deleted(users::table).or(users::age.ge(3)));
        users::table.filter(not(either)).select(users::id)
    });
    boxed!(p, false, likes::table.into_boxed::<Db>().filter(is_active(likes::table)).select(likes::id));
    boxed!(
        p,
        false,
        likes::table
            .into_boxed::<Db>()
            .filter(likes::weight.eq(1))
            .or_filter(is_deleted(likes::table))
            .select(likes::id)
    );
    boxed!(
        p,
        false,
        users::table
            .left_join(posts::table)
            .into_boxed::<Db>()
            .filter(is_active_or_missing(posts::table))
            .select((users::id, posts::id.nullable()))
    );
    boxed!(p, false, dead_posts::table.into_boxed::<Db>().deleted().select(dead_posts::id));
    boxed!(p, false, dead_posts::table.into_boxed::<Db>().filter(sql::<Bool>("stars = 1 OR stars = 2")).deleted());
    boxed!(
        p,
        false,
        dead_posts::table.inner_join(users::table).into_boxed::<Db>().deleted().select((dead_posts::id, users::id))
    );
    boxed!(
        p,
        false,
        dead_users::table
            .left_join(posts::table)
            .deleted()
            .into_boxed::<Db>()
            .select((dead_users::id, posts::id.nullable()))
    );
    boxed!(
        p,
        false,
        users::table
            .filter(
                users::id.nullable().eq_any(live_posts::table.into_boxed::<Db>().active().select(live_posts::user_id))
            )
            .select(users::id)
    );
    boxed!(
        p,
        false,
        users::table
            .filter(exists(live_posts::table.active().into_boxed::<Db>().filter(live_posts::stars.ge(1))))
            .select(users::id)
    );
    boxed!(
        p,
        false,
        live_users::table
            .into_boxed::<Db>()
            .filter(not(exists(live_posts::table.active().filter(live_posts::user_id.eq(live_users::id.nullable())))))
            .active()
            .select(live_users::id)
    );
    boxed!(p, false, {
        let a = diesel::alias!(live_users as a);
        a.into_boxed::<Db>().active().select(a.field(live_users::id))
    });
    boxed!(p, false, {
        let boss = diesel::alias!(live_users as boss);
        live_users::table
            .left_join(boss.on_active(live_users::boss_id.eq(boss.field(live_users::id).nullable())))
            .into_boxed::<Db>()
            .active()
            .select((live_users::id, boss.field(live_users::id).nullable()))
    });
}
