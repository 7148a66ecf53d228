//! The settings of a MySQL or MariaDB session that a cascade changes and sets back.

use diesel::result::QueryResult;

use crate::connection::{ChangedSettings, Executor, Question};
use crate::dialect::Dialect;

/// Changes the settings that would change what the statements of a cascade do.
///
/// `sql_safe_updates` refuses an `UPDATE` of several tables. `sql_select_limit` silently drops rows of the target. A
/// recursive query ends after 1000 steps. MySQL fails then, and MariaDB silently returns the rows so far.
pub(super) async fn prepare<X: Executor>(
    x: &mut X,
    dialect: Dialect,
    is_recursive: bool,
) -> QueryResult<ChangedSettings> {
    let mut changed = ChangedSettings::default();
    if dialect != Dialect::Mysql {
        return Ok(changed);
    }
    // MariaDB reads the first comment, MySQL 8 the second. The LIMIT overrides a session whose own limit is 0.
    let depth = |mariadb: &str, mysql: &str| format!("COALESCE(NULL /*M! , {mariadb} */ /*!80000 , {mysql} */)");
    let name = depth("'max_recursive_iterations'", "'cte_max_recursion_depth'");
    let value = depth("@@SESSION.max_recursive_iterations", "@@SESSION.cte_max_recursion_depth");
    let columns = ["@@SESSION.sql_safe_updates + 0", "@@SESSION.sql_select_limit", &name, &value];
    let rows = x.query_text(Question::select(dialect, &columns).sql(" LIMIT 1").cached()).await?;
    let Some(row) = rows.first() else { return Ok(changed) };
    let variable = |name: &str, is: &str, wanted: &str| (name.to_owned(), is.to_owned(), wanted.to_owned());
    let mut variables = vec![
        variable("sql_safe_updates", row.text(0), "0"),
        variable("sql_select_limit", row.text(1), "18446744073709551615"),
    ];
    variables.extend(row.optional(2).filter(|_| is_recursive).map(|name| variable(&name, row.text(3), "4294967295")));
    changed.set(x, variables).await?;
    Ok(changed)
}
