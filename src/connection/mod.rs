//! What statements and jobs need from a connection, sync or async.

mod ask;
mod dialect;
mod executor;
mod faults;
mod retry;
mod runs_on;
mod settings;
mod text;

pub use ask::{AnswersText, ReadsCatalog};
pub(crate) use ask::{Question, Row, ask};
pub(crate) use dialect::dialect;
#[cfg(feature = "async")]
pub use executor::Asynchronous;
pub use executor::{Blocking, Executor};
pub(crate) use executor::{block, end};
pub(crate) use faults::{Fault, fault, is_reference};
pub(crate) use retry::{Retries, backoff};
pub use runs_on::RunsOn;
pub(crate) use runs_on::runs_on;
pub(crate) use settings::ChangedSettings;
pub(crate) use text::{Part, Text};
