//! What a cascade sets in the session of MySQL and MariaDB, and sets back.

use crate::connection::{Executor, Question};
use crate::dialect::Dialect;
use diesel::result::QueryResult;

/// Settings of the session that change what the statements of a cascade do.
///
/// `sql_safe_updates` refuses an `UPDATE` of several tables. `sql_select_limit` silently leaves rows of the target out. A
/// recursive query goes 1000 steps deep: then MySQL fails, and MariaDB returns what it has so far.
pub(super) struct Session {
    /// The variables that were changed, and their values before.
    before: Vec<(String, String)>,
}

impl Session {
    pub(super) async fn prepare<X: Executor>(x: &mut X, dialect: Dialect, is_recursive: bool) -> QueryResult<Self> {
        let mut before = Vec::new();
        if dialect != Dialect::Mysql {
            return Ok(Self { before });
        }
        // The first comment is MariaDB's, the second that of MySQL 8, which MariaDB leaves alone. The limit is for a
        // session whose own limit is 0.
        let depth = |mariadb: &str, mysql: &str| format!("COALESCE(NULL /*M! , {mariadb} */ /*!80000 , {mysql} */)");
        let name = depth("'max_recursive_iterations'", "'cte_max_recursion_depth'");
        let value = depth("@@SESSION.max_recursive_iterations", "@@SESSION.cte_max_recursion_depth");
        let columns = ["@@SESSION.sql_safe_updates + 0", "@@SESSION.sql_select_limit", &name, &value];
        let rows = x.ask(Question::select(dialect, &columns).sql(" LIMIT 1").cached()).await?;
        let Some(row) = rows.first() else { return Ok(Self { before }) };
        let mut settings = vec![
            (String::from("sql_safe_updates"), row.text(0), "0"),
            (String::from("sql_select_limit"), row.text(1), "18446744073709551615"),
        ];
        settings.extend(row.optional(2).filter(|_| is_recursive).map(|name| (name, row.text(3), "4294967295")));
        settings.retain(|(_, is, wanted)| is != wanted && is.parse::<u64>().is_ok());
        if !settings.is_empty() {
            let list: Vec<_> = settings.iter().map(|(name, _, wanted)| format!("SESSION {name} = {wanted}")).collect();
            x.tell(Question::text(&format!("SET {}", list.join(", ")))).await?;
            before.extend(settings.into_iter().map(|(name, is, _)| (name, is.to_owned())));
        }
        Ok(Self { before })
    }

    pub(super) async fn restore<X: Executor>(self, x: &mut X) {
        if !self.before.is_empty() {
            let list: Vec<_> = self.before.iter().map(|(name, value)| format!("SESSION {name} = {value}")).collect();
            // On a connection that is lost there is nothing to give back.
            let _ = x.tell(Question::text(&format!("SET {}", list.join(", ")))).await;
        }
    }
}
