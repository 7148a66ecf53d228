//! Variables of a MySQL session that are changed for a while.

use diesel::result::QueryResult;

use super::ask::Question;
use super::executor::Executor;

/// The variables that were changed, and their values before.
#[derive(Debug, Default)]
pub(crate) struct ChangedSettings(Vec<(String, String)>);

impl ChangedSettings {
    /// Sets variables: the name, the value that it has, and the one that it is to have. Both are numbers; a variable whose
    /// value is not stays as it is.
    pub(crate) async fn set<X: Executor>(
        &mut self,
        x: &mut X,
        variables: impl IntoIterator<Item = (String, String, String)>,
    ) -> QueryResult<()> {
        let mut variables: Vec<_> = variables.into_iter().collect();
        variables.retain(|(_, is, wanted)| is != wanted && is.parse::<u64>().is_ok());
        if !variables.is_empty() {
            let list: Vec<_> = variables.iter().map(|(name, _, wanted)| format!("SESSION {name} = {wanted}")).collect();
            x.tell(Question::text(&format!("SET {}", list.join(", ")))).await?;
        }
        for (name, is, _) in variables {
            if !self.0.iter().any(|(known, _)| *known == name) {
                self.0.push((name, is));
            }
        }
        Ok(())
    }

    /// Sets them back. On a connection that is lost there is nothing to set.
    pub(crate) async fn restore<X: Executor>(self, x: &mut X) {
        if !self.0.is_empty() {
            let list: Vec<_> = self.0.iter().map(|(name, value)| format!("SESSION {name} = {value}")).collect();
            let _ = x.tell(Question::text(&format!("SET {}", list.join(", ")))).await;
        }
    }
}
