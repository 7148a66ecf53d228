//! What the statements and jobs need of a connection, sync or async.

mod ask;
mod executor;
mod faults;
mod retry;
mod speaks;

pub use ask::ReadsCatalog;
#[cfg(feature = "async")]
pub(crate) use ask::run_async;
pub(crate) use ask::{AnswersText, Inquiry, Question, Row, run};
#[cfg(feature = "async")]
pub use executor::Asynchronous;
pub use executor::{Answer, Blocking, Executor};
pub(crate) use executor::{block, end};
pub(crate) use faults::{Fault, fault, is_reference};
pub(crate) use retry::{Retries, backoff};
pub(crate) use speaks::dialect;
