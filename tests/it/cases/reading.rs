// Queries return the rows that they promise, and some promise their SQL.

use diesel::dsl::{count_star, exists, not};
use diesel::prelude::*;
use diesel::query_builder::QueryFragment;
use diesel::sql_types::Bool;
use diesel_soft_delete::prelude::*;
use diesel_soft_delete::{is_active, is_active_or_missing, is_deleted};

use super::backend::Db;
use super::schema::*;

/// The SQL with one kind of quotes, without the binds.
fn sql(query: &impl QueryFragment<Db>) -> String {
    let sql = diesel::debug_query::<Db, _>(query).to_string();
    sql.split(" -- binds").next().expect("some SQL").replace('`', "\"")
}

/// How often a query contains the predicates of users, posts and comments.
fn predicates(query: &impl QueryFragment<Db>) -> [usize; 3] {
    let sql = sql(query);
    [
        sql.matches("\"users\".\"is_deleted\" = FALSE").count(),
        sql.matches("\"posts\".\"is_deleted\" = FALSE").count(),
        sql.matches("\"comments\".\"deleted_at\" IS NULL").count(),
    ]
}

fn strings(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    rows.iter().map(|(a, b)| (String::from(*a), String::from(*b))).collect()
}

fn options(rows: &[(&str, Option<&str>)]) -> Vec<(String, Option<String>)> {
    rows.iter().map(|(a, b)| (String::from(*a), b.map(String::from))).collect()
}

#[test]
fn active_and_deleted_filter_a_table() {
    let conn = &mut *blog();
    let query = posts::table.active();
    assert!(sql(&query).ends_with("FROM \"posts\" WHERE (\"posts\".\"is_deleted\" = FALSE)"), "{}", sql(&query));
    let ids = posts::table.active().select(posts::id).order(posts::id);
    assert_eq!(ids.load::<i32>(conn), Ok(vec![1, 3, 4]));
    assert_eq!(posts::table.deleted().select(posts::id).order(posts::id).load::<i32>(conn), Ok(vec![2, 5]));
    assert_eq!(posts::table.count().get_result::<i64>(conn), Ok(5));

    assert!(sql(&comments::table.active()).ends_with("WHERE (\"comments\".\"deleted_at\" IS NULL)"));
    assert!(sql(&comments::table.deleted()).ends_with("WHERE (\"comments\".\"deleted_at\" IS NOT NULL)"));
    assert_eq!(comments::table.active().select(comments::id).order(comments::id).load::<i32>(conn), Ok(vec![1, 3, 5]));
    assert_eq!(comments::table.deleted().count().get_result::<i64>(conn), Ok(2));
}

#[test]
fn active_filters_queries_of_every_shape() {
    let conn = &mut *blog();
    let titles = |query: Vec<String>| query;
    assert_eq!(posts::table.find(2).active().select(posts::id).first::<i32>(conn).optional(), Ok(None));
    assert_eq!(posts::table.find(3).active().select(posts::id).first::<i32>(conn), Ok(3));
    assert_eq!(posts::table.active().find(2).select(posts::id).first::<i32>(conn).optional(), Ok(None));
    assert_eq!(
        titles(
            posts::table
                .filter(posts::user_id.eq(1))
                .order(posts::id.desc())
                .select(posts::title)
                .active()
                .load(conn)
                .unwrap()
        ),
        ["Three", "One"],
    );
    // The limit counts only active rows.
    assert_eq!(posts::table.order(posts::id).limit(2).select(posts::id).active().load::<i32>(conn), Ok(vec![1, 3]));
    assert_eq!(
        posts::table.active().order(posts::id).limit(1).offset(1).select(posts::id).load::<i32>(conn),
        Ok(vec![3])
    );
    let per_author = posts::table.group_by(posts::user_id).select((posts::user_id, count_star())).order(posts::user_id);
    assert_eq!(per_author.active().load::<(i32, i64)>(conn), Ok(vec![(1, 2), (2, 1)]));
    assert_eq!(per_author.deleted().load::<(i32, i64)>(conn), Ok(vec![(1, 1), (3, 1)]));
    assert_eq!(
        posts::table.active().select(posts::user_id).distinct().order(posts::user_id).load::<i32>(conn),
        Ok(vec![1, 2])
    );
    assert_eq!(posts::table.active().select(diesel::dsl::max(posts::id)).first::<Option<i32>>(conn), Ok(Some(4)));
}

#[test]
fn active_and_deleted_filter_boxed_queries() {
    let conn = &mut *blog();
    let boxed = || posts::table.into_boxed::<Db>().select(posts::id).order(posts::id);
    assert_eq!(boxed().active().load::<i32>(conn), Ok(vec![1, 3, 4]));
    assert_eq!(boxed().deleted().load::<i32>(conn), Ok(vec![2, 5]));
    assert_eq!(boxed().active().filter(posts::user_id.eq(1)).load::<i32>(conn), Ok(vec![1, 3]));
    assert_eq!(
        boxed().filter(posts::user_id.eq(1)).or_filter(posts::user_id.eq(3)).active().load::<i32>(conn),
        Ok(vec![1, 3])
    );
    assert_eq!(
        posts::table.active().select(posts::id).order(posts::id).into_boxed::<Db>().load::<i32>(conn),
        Ok(vec![1, 3, 4])
    );
    let joined = users::table.left_join_active(posts::table).into_boxed::<Db>().active();
    assert_eq!(joined.count().get_result::<i64>(conn), Ok(4));
}

#[test]
fn raw_sql_before_active_is_grouped() {
    let conn = &mut *blog();
    let raw = || diesel::dsl::sql::<Bool>("posts.id = 2 OR posts.id = 3");
    // A filter that binds only to the last operand would let the first one through, so each is tried as the first.
    for sql in ["posts.id = 2 OR posts.id = 3", "posts.id = 3 OR posts.id = 2"] {
        let raw = || diesel::dsl::sql::<Bool>(sql);
        let ids = posts::table.select(posts::id);
        assert_eq!(ids.filter(raw()).active().load::<i32>(conn), Ok(vec![3]));
        assert_eq!(ids.filter(raw()).deleted().load::<i32>(conn), Ok(vec![2]));
        assert_eq!(ids.into_boxed::<Db>().filter(raw()).active().load::<i32>(conn), Ok(vec![3]));
        assert_eq!(ids.into_boxed::<Db>().filter(raw()).deleted().load::<i32>(conn), Ok(vec![2]));
    }
    let boxed: Box<dyn BoxableExpression<posts::table, Db, SqlType = Bool>> = Box::new(raw());
    assert_eq!(posts::table.filter(boxed).select(posts::id).active().load::<i32>(conn), Ok(vec![3]));
    let with_bind = diesel::dsl::sql::<Bool>("posts.id = 2 OR posts.id = ").bind::<diesel::sql_types::Integer, _>(3);
    assert_eq!(posts::table.filter(with_bind).select(posts::id).active().load::<i32>(conn), Ok(vec![3]));
    let on = || diesel::dsl::sql::<Bool>("posts.id = 2 OR posts.id = 3");
    assert_eq!(
        users::table
            .filter(users::id.eq(1))
            .left_join(posts::table.on_active(on()))
            .select(posts::id.nullable())
            .load::<Option<i32>>(conn),
        Ok(vec![Some(3)]),
    );
}

#[test]
fn or_filter_belongs_before_active() {
    let conn = &mut *blog();
    let right = posts::table.filter(posts::id.eq(1)).or_filter(posts::id.eq(2)).active().select(posts::id);
    assert_eq!(right.load::<i32>(conn), Ok(vec![1]));
    // The documentation warns of this order.
    let wrong =
        posts::table.filter(posts::id.eq(1)).active().or_filter(posts::id.eq(2)).select(posts::id).order(posts::id);
    assert_eq!(wrong.load::<i32>(conn), Ok(vec![1, 2]));
}

#[test]
fn a_boxed_query_does_not_see_later_joins() {
    let conn = &mut *blog();
    // The documentation warns that the authors are not filtered here.
    let wrong = posts::table.active().into_boxed::<Db>().inner_join(users::table).filter(users::is_deleted.eq(true));
    assert_eq!(wrong.count().get_result::<i64>(conn), Ok(1));
    let right = posts::table.inner_join(users::table).active().into_boxed::<Db>().filter(users::is_deleted.eq(true));
    assert_eq!(right.count().get_result::<i64>(conn), Ok(0));
}

#[test]
fn inner_joins_filter_every_table_once() {
    let conn = &mut *blog();
    let two = users::table.inner_join(posts::table);
    assert_eq!(predicates(&two.active()), [1, 1, 0]);
    assert_eq!(
        two.active().select((users::name, posts::title)).order(posts::id).load::<(String, String)>(conn).unwrap(),
        strings(&[("Sean", "One"), ("Sean", "Three")]),
    );
    let three = users::table.inner_join(posts::table.inner_join(comments::table));
    assert_eq!(predicates(&three.active()), [1, 1, 1]);
    assert_eq!(
        three.active().select((users::name, comments::body)).load::<(String, String)>(conn).unwrap(),
        strings(&[("Sean", "first")]),
    );
    let chain = comments::table.inner_join(posts::table.inner_join(users::table));
    assert_eq!(predicates(&chain.active()), [1, 1, 1]);
    assert_eq!(chain.active().select(comments::body).load::<String>(conn), Ok(vec![String::from("first")]));
    // The posts join three tables. `tags` is declared as not soft-deletable, and its flag means something else.
    let star = posts::table.inner_join(users::table).inner_join(comments::table).inner_join(tags::table);
    assert_eq!(predicates(&star.active()), [1, 1, 1]);
    assert!(!sql(&star.active().select(posts::id)).contains("\"tags\".\"is_deleted\""));
    assert_eq!(
        star.active().select((comments::body, tags::name)).load::<(String, String)>(conn).unwrap(),
        strings(&[("first", "rust")])
    );
    // A table that is not soft-deletable comes first.
    let tagged = tags::table.inner_join(posts::table);
    assert_eq!(predicates(&tagged.active()), [0, 1, 0]);
    assert_eq!(tagged.active().select(tags::name).order(tags::id).load::<String>(conn).unwrap(), ["rust", "tess"]);
}

#[test]
fn left_joins_keep_the_left_row() {
    let conn = &mut *blog();
    let query = users::table.left_join_active(posts::table).active();
    assert!(
        sql(&query).ends_with(
            "(\"users\" LEFT OUTER JOIN \"posts\" ON ((\"posts\".\"user_id\" = \"users\".\"id\") AND (\"posts\".\"is_deleted\" = FALSE))) \
             WHERE (\"users\".\"is_deleted\" = FALSE)"
        ),
        "{}",
        sql(&query)
    );
    let named = |rows: Vec<(String, Option<String>)>| rows;
    assert_eq!(
        named(query.select((users::name, posts::title.nullable())).order((users::id, posts::id)).load(conn).unwrap()),
        options(&[("Sean", Some("One")), ("Sean", Some("Three")), ("Ida", None), ("Jim", None)]),
    );
    // Without active() the left side is not filtered.
    let all = users::table.left_join_active(posts::table).select((users::name, posts::title.nullable()));
    assert_eq!(all.load::<(String, Option<String>)>(conn).unwrap().len(), 5);
    // An explicit ON clause can be written in both ways.
    let on = posts::user_id.eq(users::id).and(posts::title.eq("One"));
    for rows in [
        users::table
            .left_join(posts::table.on_active(on))
            .active()
            .select((users::name, posts::title.nullable()))
            .order(users::id)
            .load(conn),
        users::table
            .left_join_active(posts::table.on(on))
            .active()
            .select((users::name, posts::title.nullable()))
            .order(users::id)
            .load(conn),
    ] {
        assert_eq!(named(rows.unwrap()), options(&[("Sean", Some("One")), ("Ida", None), ("Jim", None)]));
    }
    // A table that is not soft-deletable needs no filter.
    let with_tags =
        posts::table.left_join(tags::table).active().select((posts::title, tags::name.nullable())).order(posts::id);
    assert_eq!(
        named(with_tags.load(conn).unwrap()),
        options(&[("One", Some("rust")), ("Three", None), ("Four", Some("tess"))]),
    );
    assert_eq!(predicates(&posts::table.left_join_active(tags::table).active()), [0, 1, 0]);
}

#[test]
fn left_joins_of_three_tables_keep_the_left_rows() {
    let conn = &mut *blog();
    let expected = [(1, Some(1), Some("first")), (1, Some(3), None), (3, None, None), (4, None, None)]
        .map(|(user, post, comment)| (user, post, comment.map(String::from)));
    let columns = (users::id, posts::id.nullable(), comments::body.nullable());
    let inside = users::table.left_join_active(posts::table.left_join_active(comments::table)).active();
    assert_eq!(predicates(&inside), [1, 1, 1]);
    assert_eq!(
        inside.select(columns).order((users::id, posts::id)).load::<(i32, Option<i32>, Option<String>)>(conn).unwrap(),
        expected
    );
    let chained = users::table
        .left_join_active(posts::table)
        .left_join(comments::table.on_active(comments::post_id.eq(posts::id)))
        .active();
    assert_eq!(predicates(&chained), [1, 1, 1]);
    assert_eq!(
        chained.select(columns).order((users::id, posts::id)).load::<(i32, Option<i32>, Option<String>)>(conn).unwrap(),
        expected
    );
    // With an inner join on the right side, a post counts only with a comment. ON gets the predicates of both tables.
    let nested = users::table
        .left_join(posts::table.inner_join(comments::table).on_active(posts::user_id.eq(users::id)))
        .active();
    assert_eq!(predicates(&nested), [1, 1, 1]);
    assert_eq!(
        nested
            .select((users::id, comments::body.nullable()))
            .order(users::id)
            .load::<(i32, Option<String>)>(conn)
            .unwrap(),
        [(1, Some(String::from("first"))), (3, None), (4, None)],
    );
}

#[test]
fn joins_that_carry_their_predicate_are_not_filtered_twice() {
    let conn = &mut *blog();
    let after = users::table.inner_join_active(posts::table).active();
    let before = users::table.active().inner_join_active(posts::table);
    assert_eq!(predicates(&after), [1, 1, 0]);
    assert_eq!(predicates(&before), [1, 1, 0]);
    assert_eq!(after.count().get_result::<i64>(conn), Ok(2));
    assert_eq!(before.count().get_result::<i64>(conn), Ok(2));
    let left = users::table.active().left_join_active(posts::table);
    assert_eq!(predicates(&left), [1, 1, 0]);
    assert_eq!(left.count().get_result::<i64>(conn), Ok(4));
    let plain = posts::table.active().inner_join(tags::table);
    assert_eq!(predicates(&plain), [0, 1, 0]);
    assert_eq!(plain.count().get_result::<i64>(conn), Ok(2));
    let explicit = users::table.inner_join(posts::table.on_active(posts::user_id.eq(users::id))).active();
    assert_eq!(predicates(&explicit), [1, 1, 0]);
    assert_eq!(explicit.count().get_result::<i64>(conn), Ok(2));
}

#[test]
fn aliases_are_filtered_through_the_alias() {
    let conn = &mut *blog();
    let (a, b) = diesel::alias!(posts as a, posts as b);
    assert!(sql(&a.active()).ends_with("FROM \"posts\" AS \"a\" WHERE (\"a\".\"is_deleted\" = FALSE)"));
    assert_eq!(a.active().select(a.field(posts::id)).order(a.field(posts::id)).load::<i32>(conn), Ok(vec![1, 3, 4]));
    assert_eq!(a.deleted().select(a.field(posts::id)).order(a.field(posts::id)).load::<i32>(conn), Ok(vec![2, 5]));
    let on = || a.field(posts::user_id).eq(b.field(posts::user_id)).and(a.field(posts::id).lt(b.field(posts::id)));
    let columns = || (a.field(posts::id), b.field(posts::id));
    assert_eq!(a.inner_join(b.on(on())).active().select(columns()).load::<(i32, i32)>(conn), Ok(vec![(1, 3)]));
    let left = a.left_join(b.on_active(on())).active();
    assert_eq!(
        left.select((a.field(posts::id), b.field(posts::id).nullable()))
            .order(a.field(posts::id))
            .load::<(i32, Option<i32>)>(conn),
        Ok(vec![(1, Some(3)), (3, None), (4, None)]),
    );
    let mixed = posts::table.inner_join(a.on(a.field(posts::user_id).eq(posts::user_id))).active();
    assert_eq!(mixed.count().get_result::<i64>(conn), Ok(5));
    assert_eq!(users::table.left_join_active(a).active().count().get_result::<i64>(conn), Ok(4));
    assert_eq!(users::table.inner_join(a).active().count().get_result::<i64>(conn), Ok(2));
    assert_eq!(a.filter(is_deleted(a)).count().get_result::<i64>(conn), Ok(2));
}

#[test]
fn deleted_filters_the_first_table_of_a_join() {
    let conn = &mut *blog();
    let trash = posts::table.inner_join(users::table).deleted().select((posts::title, users::name)).order(posts::id);
    assert_eq!(trash.load::<(String, String)>(conn).unwrap(), strings(&[("Two", "Sean"), ("Five", "Ida")]));
    let authors = users::table.left_join(posts::table).deleted().select((users::name, posts::title.nullable()));
    assert_eq!(authors.load::<(String, Option<String>)>(conn).unwrap(), options(&[("Tess", Some("Four"))]));
    // A join may follow `deleted()`, which filters no other tables.
    assert_eq!(posts::table.deleted().inner_join(users::table).count().get_result::<i64>(conn), Ok(2));
    let boxed = posts::table.inner_join(users::table).select(posts::id).order(posts::id).into_boxed::<Db>().deleted();
    assert_eq!(boxed.load::<i32>(conn), Ok(vec![2, 5]));
}

#[test]
fn associations_are_filtered_and_grouped() {
    let conn = &mut *blog();
    let users = users::table.active().select(User::as_select()).order(users::id).load(conn).unwrap();
    let posts = Post::belonging_to(&users).active().select(Post::as_select()).order(posts::id).load(conn).unwrap();
    assert_eq!(posts.iter().map(|post| post.id).collect::<Vec<_>>(), [1, 3]);
    let sean = &users[0];
    assert_eq!(Post::belonging_to(sean).deleted().select(posts::id).load::<i32>(conn), Ok(vec![2]));
    let grouped = posts.grouped_by(&users);
    assert_eq!(grouped.iter().map(Vec::len).collect::<Vec<_>>(), [2, 0, 0]);
}

#[test]
fn subqueries_have_their_own_filter() {
    let conn = &mut *blog();
    let authors = users::table.filter(users::id.eq_any(posts::table.active().select(posts::user_id))).active();
    assert_eq!(authors.select(users::id).load::<i32>(conn), Ok(vec![1]));
    let has_posts = exists(posts::table.active().filter(posts::user_id.eq(users::id)));
    assert_eq!(users::table.filter(has_posts).select(users::id).order(users::id).load::<i32>(conn), Ok(vec![1, 2]));
    let without = users::table.filter(not(has_posts)).active().select(users::id).order(users::id);
    assert_eq!(without.load::<i32>(conn), Ok(vec![3, 4]));
    // Each of two levels of correlation has its own filter.
    let discussed = exists(
        posts::table
            .active()
            .filter(posts::user_id.eq(users::id))
            .filter(exists(comments::table.active().filter(comments::post_id.eq(posts::id)))),
    );
    assert_eq!(users::table.active().filter(discussed).select(users::id).load::<i32>(conn), Ok(vec![1]));
    assert_eq!(diesel::select(exists(posts::table.active().find(2))).get_result::<bool>(conn), Ok(false));
    assert_eq!(diesel::select(exists(posts::table.deleted().find(2))).get_result::<bool>(conn), Ok(true));
    let joined =
        users::table.filter(users::id.eq_any(posts::table.inner_join(comments::table).active().select(posts::user_id)));
    assert_eq!(joined.select(users::id).order(users::id).load::<i32>(conn), Ok(vec![1, 2]));
}

#[test]
fn each_side_of_a_union_has_its_own_filter() {
    let conn = &mut *blog();
    let both = posts::table.active().select(posts::id).union(posts::table.deleted().select(posts::id));
    let mut ids = both.load::<i32>(conn).unwrap();
    ids.sort_unstable();
    assert_eq!(ids, [1, 2, 3, 4, 5]);
    let mut names = posts::table
        .active()
        .select(posts::title)
        .union_all(users::table.active().select(users::name))
        .load::<String>(conn)
        .unwrap();
    names.sort_unstable();
    assert_eq!(names, ["Four", "Ida", "Jim", "One", "Sean", "Three"]);
}

#[test]
fn predicates_can_be_operands_and_selected() {
    let conn = &mut *blog();
    let ids = |rows: QueryResult<Vec<i32>>| rows.unwrap();
    let all = posts::table.select(posts::id).order(posts::id);
    assert_eq!(ids(all.filter(is_active(posts::table).or(posts::id.eq(2))).load(conn)), [1, 2, 3, 4]);
    assert_eq!(ids(all.filter(not(is_active(posts::table))).load(conn)), [2, 5]);
    assert_eq!(ids(all.filter(not(is_deleted(posts::table))).load(conn)), [1, 3, 4]);
    assert_eq!(ids(all.filter(is_active(posts::table).eq(is_deleted(posts::table))).load(conn)), [0; 0]);
    assert_eq!(ids(all.filter(is_active(posts::table).and(posts::user_id.eq(1))).load(conn)), [1, 3]);
    let label =
        diesel::dsl::case_when::<_, _, diesel::sql_types::Text>(is_active(posts::table), "live").otherwise("trash");
    assert_eq!(all.filter(posts::id.le(2)).select(label).load::<String>(conn).unwrap(), ["live", "trash"]);
    let states = all.select((posts::id, is_active(posts::table))).load::<(i32, bool)>(conn).unwrap();
    assert_eq!(states, [(1, true), (2, false), (3, true), (4, true), (5, false)]);
    let per_state = posts::table
        .group_by(posts::is_deleted)
        .select((is_deleted(posts::table), count_star()))
        .order(posts::is_deleted);
    assert_eq!(per_state.load::<(bool, i64)>(conn).unwrap(), [(false, 3), (true, 2)]);
    // A predicate can be written in ON by hand, and in a boxed query.
    let on = posts::user_id.eq(users::id).and(is_active(posts::table));
    let by_hand = users::table.left_join(posts::table.on(on)).filter(is_active(users::table));
    assert_eq!(by_hand.count().get_result::<i64>(conn), Ok(4));
    let boxed = posts::table.into_boxed::<Db>().filter(is_active(posts::table)).select(posts::id).order(posts::id);
    assert_eq!(ids(boxed.load(conn)), [1, 3, 4]);
}

#[test]
fn active_or_missing_keeps_rows_without_a_match() {
    let conn = &mut *blog();
    let rows = users::table
        .left_join(posts::table)
        .filter(is_active_or_missing(posts::table))
        .select((users::name, posts::title.nullable()))
        .order((users::id, posts::id))
        .load::<(String, Option<String>)>(conn)
        .unwrap();
    // Jim has no posts and stays. The join finds Ida's only post, which is deleted, so she is left out.
    assert_eq!(rows, options(&[("Sean", Some("One")), ("Sean", Some("Three")), ("Tess", Some("Four")), ("Jim", None)]));
    let selected = users::table
        .left_join(posts::table)
        .filter(users::id.eq(4))
        .select(is_active_or_missing(posts::table))
        .first::<bool>(conn);
    assert_eq!(selected, Ok(true));
}

#[test]
fn update_of_active_rows_leaves_a_deleted_row_alone() {
    let conn = &mut *blog();
    for (id, changed) in [(1, 1), (2, 0)] {
        let update = diesel::update(posts::table.active().find(id)).set(posts::title.eq("new"));
        assert_eq!(update.execute(conn), Ok(changed));
        let update = diesel::update(posts::table.find(id).active()).set(posts::title.eq("newer"));
        assert_eq!(update.execute(conn), Ok(changed));
    }
    assert_eq!(posts::table.find(2).select(posts::title).first::<String>(conn).unwrap(), "Two");
    assert_eq!(diesel::delete(comments::table.filter(comments::post_id.eq(1)).deleted()).execute(conn), Ok(1));
}

#[derive(HasQuery)]
#[diesel(table_name = posts)]
#[diesel(base_query = diesel_soft_delete::active(posts::table))]
struct ActivePost {
    id: i32,
}

#[derive(HasQuery)]
#[diesel(table_name = users)]
#[diesel(base_query = diesel_soft_delete::active(users::table.inner_join(posts::table)))]
struct Author {
    name: String,
    #[diesel(embed)]
    post: AuthorsPost,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = posts)]
struct AuthorsPost {
    title: String,
}

#[diesel::dsl::auto_type]
fn active_after(id: i32) -> _ {
    diesel_soft_delete::active(posts::table)
        .filter(posts::id.gt(id))
        .filter(diesel_soft_delete::is_active(posts::table))
}

#[diesel::dsl::auto_type]
fn trash() -> _ {
    diesel_soft_delete::deleted(posts::table).select(posts::id)
}

#[diesel::dsl::auto_type(dsl_path = "diesel_soft_delete::dsl")]
fn authors() -> _ {
    users::table.left_join_active(posts::table).active().select(users::name)
}

#[test]
fn has_query_and_auto_type_need_no_annotation() {
    let conn = &mut *blog();
    let ids: Vec<i32> = ActivePost::query().order(posts::id).load(conn).unwrap().iter().map(|post| post.id).collect();
    assert_eq!(ids, [1, 3, 4]);
    let authors_with_posts = Author::query().order(posts::id).load(conn).unwrap();
    assert_eq!(
        authors_with_posts.iter().map(|a| (a.name.as_str(), a.post.title.as_str())).collect::<Vec<_>>(),
        [("Sean", "One"), ("Sean", "Three")]
    );
    assert_eq!(active_after(1).select(posts::id).order(posts::id).load::<i32>(conn), Ok(vec![3, 4]));
    assert_eq!(trash().order(posts::id).load::<i32>(conn), Ok(vec![2, 5]));
    assert_eq!(authors().load::<String>(conn).unwrap().len(), 4);
}

#[test]
fn queries_have_static_ids_and_no_binds() {
    use diesel::query_builder::QueryId;
    fn id<Q: QueryId>(_: &Q) -> Option<std::any::TypeId> {
        Q::query_id()
    }
    let queries = [
        id(&posts::table.active()),
        id(&posts::table.deleted()),
        id(&diesel::query_builder::AsQuery::as_query(posts::table)),
        id(&users::table.inner_join(posts::table).active()),
        id(&users::table.inner_join_active(posts::table)),
        id(&users::table.inner_join_active(posts::table).active()),
        id(&users::table.left_join_active(posts::table)),
        id(&users::table.left_join_active(posts::table).active()),
        id(&users::table.inner_join(posts::table)),
        id(&users::table.inner_join(posts::table).deleted()),
        id(&users::table.filter(is_active(users::table))),
        id(&users::table.filter(is_deleted(users::table))),
        id(&users::table.filter(is_active_or_missing(users::table))),
    ];
    for (i, query) in queries.iter().enumerate() {
        assert!(query.is_some(), "query {i} has no static id");
        assert!(queries[..i].iter().all(|before| before != query), "query {i} shares its id");
    }
    let binds = diesel::debug_query::<Db, _>(&users::table.left_join_active(posts::table).active()).to_string();
    assert!(binds.ends_with("-- binds: []"), "{binds}");
}
