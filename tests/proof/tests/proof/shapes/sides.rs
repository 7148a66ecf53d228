//! What the names in a shape's text mean on each of its two sides.

/// The library's calls over the full tables. Here, `live_users` is another name for `users`.
pub mod ours {
    pub use super::super::schema::{
        comments, comments as live_comments, comments as dead_comments, likes, likes as live_likes,
        likes as dead_likes, posts, posts as live_posts, posts as dead_posts, tags, teams, teams as live_teams,
        teams as dead_teams, users, users as live_users, users as dead_users,
    };
    pub use diesel::prelude::*;
    pub use diesel_soft_delete::prelude::*;
    pub use diesel_soft_delete::{active, deleted, is_active, is_active_or_missing, is_deleted};
}

/// Only Diesel, over tables that contain only the rows that should be seen. Calls that filter do nothing.
pub mod plain {
    pub use super::super::schema::{
        comments, dead_comments, dead_likes, dead_posts, dead_teams, dead_users, likes, live_comments, live_likes,
        live_posts, live_teams, live_users, posts, tags, teams, users,
    };
    pub use diesel::prelude::*;

    use diesel::dsl;
    use diesel::internal::table_macro::{Inner, LeftOuter};
    use diesel::query_dsl::JoinWithImplicitOnClause;
    use diesel::query_source::{Alias, AliasSource, AliasedField};
    use diesel::sql_types::Bool;

    use super::super::schema;

    pub trait PlainDsl: QueryDsl + Sized {
        fn active(self) -> Self {
            self
        }
        fn deleted(self) -> Self {
            self
        }
        fn left_join_active<R>(self, right: R) -> dsl::LeftJoin<Self, R>
        where
            Self: JoinWithImplicitOnClause<R, LeftOuter>,
        {
            self.left_join(right)
        }
        fn inner_join_active<R>(self, right: R) -> dsl::InnerJoin<Self, R>
        where
            Self: JoinWithImplicitOnClause<R, Inner>,
        {
            self.inner_join(right)
        }
    }
    impl<Q: QueryDsl> PlainDsl for Q {}

    pub trait PlainOnDsl: JoinOnDsl + Sized {
        fn on_active<On>(self, on: On) -> dsl::On<Self, On> {
            self.on(on)
        }
    }
    impl<R: JoinOnDsl> PlainOnDsl for R {}

    pub fn active<Q>(query: Q) -> Q {
        query
    }
    pub fn deleted<Q>(query: Q) -> Q {
        query
    }

    /// The predicates read what the generator of the rows wrote.
    pub trait Visible {
        type Column: Expression<SqlType = Bool> + Copy;
        fn visible(self) -> Self::Column;
    }

    macro_rules! visible {
        ($($table:ident)*) => {
            $(impl Visible for schema::$table::table {
                type Column = schema::$table::visible;
                fn visible(self) -> Self::Column {
                    schema::$table::visible
                }
            })*
        };
    }
    visible!(teams live_teams dead_teams users live_users dead_users posts live_posts dead_posts);
    visible!(comments live_comments dead_comments likes live_likes dead_likes);

    impl<S> Visible for Alias<S>
    where
        S: AliasSource<Target: Visible<Column: Column<Table = S::Target> + Default>> + Default,
        AliasedField<S, <S::Target as Visible>::Column>: Expression<SqlType = Bool> + Copy,
    {
        type Column = AliasedField<S, <S::Target as Visible>::Column>;
        fn visible(self) -> Self::Column {
            self.field(Default::default())
        }
    }

    pub fn is_active<T: Visible>(table: T) -> dsl::Eq<T::Column, bool> {
        table.visible().eq(true)
    }
    pub fn is_deleted<T: Visible>(table: T) -> dsl::Eq<T::Column, bool> {
        table.visible().eq(false)
    }
    pub fn is_active_or_missing<T: Visible + Copy>(
        table: T,
    ) -> dsl::Or<dsl::Eq<T::Column, bool>, dsl::IsNull<T::Column>> {
        table.visible().eq(true).or(table.visible().is_null())
    }
}
