//! What the statements and jobs need of a connection, sync or async.

mod ask;
mod executor;
mod faults;
mod retry;
mod runs_on;
mod settings;
mod speaks;

pub use ask::AnswersText;
pub use ask::ReadsCatalog;
#[cfg(feature = "async")]
pub(crate) use ask::run_async;
pub(crate) use ask::{Inquiry, Question, Row, run};
#[cfg(feature = "async")]
pub use executor::Asynchronous;
pub use executor::{Blocking, Executor};
pub(crate) use executor::{block, end};
pub(crate) use faults::{Fault, fault, is_reference};
pub(crate) use retry::{Retries, backoff};
pub use runs_on::RunsOn;
pub(crate) use runs_on::runs_on;
pub(crate) use settings::ChangedSettings;
pub(crate) use speaks::dialect;
