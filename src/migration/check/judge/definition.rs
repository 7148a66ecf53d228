//! Writes an index again, with another name or predicate, from the text that the database prints.

use super::Judge;
use crate::dialect::Dialect;
use crate::schema::{CatalogIndex, tokens, top_level};

impl Judge<'_> {
    /// Returns `CREATE INDEX` for an index like this one.
    ///
    /// It returns `None` if the database does not print the index, or if the table is partitioned, which needs another
    /// statement.
    pub(super) fn like(&self, index: &CatalogIndex, name: &str, predicate: Option<&str>) -> Option<String> {
        let definition = index.definition.as_deref().filter(|_| !self.is_partitioned())?;
        let tokens = tokens(definition);
        let place = tokens.iter().position(|token| token.is("INDEX"))?;
        // The name is between the two words.
        let on = tokens.get(place + 2).filter(|token| token.is("ON"))?;
        let end = match predicate {
            None => definition.len(),
            Some(_) => top_level(&tokens, "WHERE").last().map_or(definition.len(), |at| tokens[at].span.start),
        };
        let body = definition[on.span.start..end].trim_end();
        let unique = if index.unique { "UNIQUE " } else { "" };
        let predicate = predicate.map(|predicate| format!(" WHERE {predicate}")).unwrap_or_default();
        Some(match self.dialect {
            Dialect::Postgres => {
                format!("CREATE {unique}INDEX CONCURRENTLY {} {body}{predicate}", self.quote(name))
            }
            Dialect::Mysql | Dialect::Sqlite => {
                // The predicate has a line of its own, since the text could end in a comment.
                let predicate = predicate.replacen(' ', "\n", 1);
                format!("CREATE {unique}INDEX {} {body}{predicate}", self.index(name))
            }
        })
    }

    /// Returns the statement that drops an index.
    pub(super) fn drop_index(&self, name: &str) -> String {
        match self.dialect {
            Dialect::Postgres if self.is_partitioned() => format!("DROP INDEX {}", self.index(name)),
            Dialect::Postgres => format!("DROP INDEX CONCURRENTLY {}", self.index(name)),
            Dialect::Mysql => format!("DROP INDEX {} ON {}", self.quote(name), self.table()),
            Dialect::Sqlite => format!("DROP INDEX {}", self.index(name)),
        }
    }

    /// Returns `CREATE INDEX` over columns.
    pub(super) fn create_index(&self, name: &str, columns: &[String], predicate: &str) -> String {
        let columns = self.dialect.quote_all(columns);
        match self.dialect {
            Dialect::Postgres => {
                let how = if self.is_partitioned() { "" } else { "CONCURRENTLY " };
                format!("CREATE INDEX {how}{} ON {} ({columns}) WHERE {predicate}", self.quote(name), self.table())
            }
            Dialect::Mysql => format!("CREATE INDEX {} ON {} ({columns})", self.quote(name), self.table()),
            // SQLite takes the schema before the index's name, and finds the table in that schema.
            Dialect::Sqlite => {
                let table = self.quote(&self.catalog.name.name);
                format!("CREATE INDEX {} ON {table} ({columns}) WHERE {predicate}", self.index(name))
            }
        }
    }
}
