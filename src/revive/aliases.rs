//! Names for the types of an `insert_or_revive`.

/// The type of [`table.insert_or_revive(values)`](crate::InsertOrReviveDsl::insert_or_revive).
pub type InsertOrRevive<T, V> = super::InsertOrRevive<T, V>;

/// The type of [`table.insert_or_revive(values).on(columns)`](crate::InsertOrRevive::on), for any columns.
pub type InsertOrReviveOn<T, V> = super::OnKey<
    T,
    diesel::query_builder::InsertStatement<T, <V as diesel::Insertable<T>>::Values>,
    <V as diesel::query_builder::AsChangeset>::Changeset,
>;
