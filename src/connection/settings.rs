//! Variables of a MySQL session that a run changes and sets back.

use diesel::result::QueryResult;

use super::ask::Question;
use super::executor::Executor;

/// The changed variables with the values that they had before.
#[derive(Debug, Default)]
pub(crate) struct ChangedSettings(Vec<(String, String)>);

impl ChangedSettings {
    /// Sets variables, each given as its name, its current value and the wanted value.
    ///
    /// Only numbers are set: another value cannot be written back without knowing its syntax.
    pub(crate) async fn set<X: Executor>(
        &mut self,
        x: &mut X,
        variables: impl IntoIterator<Item = (String, String, String)>,
    ) -> QueryResult<()> {
        let mut variables: Vec<_> = variables.into_iter().collect();
        variables.retain(|(_, is, wanted)| is != wanted && is.parse::<u64>().is_ok());
        if !variables.is_empty() {
            let list: Vec<_> = variables.iter().map(|(name, _, wanted)| format!("SESSION {name} = {wanted}")).collect();
            x.execute_text(Question::text(&format!("SET {}", list.join(", ")))).await?;
        }
        for (name, is, _) in variables {
            if !self.0.iter().any(|(known, _)| *known == name) {
                self.0.push((name, is));
            }
        }
        Ok(())
    }

    /// Sets the variables back. Errors are ignored: on a lost connection there is nothing to set back.
    pub(crate) async fn restore<X: Executor>(self, x: &mut X) {
        if !self.0.is_empty() {
            let list: Vec<_> = self.0.iter().map(|(name, value)| format!("SESSION {name} = {value}")).collect();
            let _ = x.execute_text(Question::text(&format!("SET {}", list.join(", ")))).await;
        }
    }
}
