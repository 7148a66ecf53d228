//! The same cases on every backend that is built in. A case is written once, in `cases/`, against
//! the names that `support` gives each backend; a server that cannot be reached is a failure.

mod support;
mod ui;

/// Compiles the cases for one backend.
macro_rules! on_backend {
    ($(#[$attr:meta])* $backend:ident) => {
        $(#[$attr])*
        mod $backend {
            #[allow(unused_imports)]
            use crate::support::$backend as backend;

            pub(crate) mod schema {
                include!("schema.rs");
            }
            mod modes {
                include!("cases/modes.rs");
            }
            mod reading {
                include!("cases/reading.rs");
            }
            mod writing {
                include!("cases/writing.rs");
            }
            mod declaring {
                include!("cases/declaring.rs");
            }
            mod migrating {
                include!("cases/migrating.rs");
            }
            mod hosts {
                include!("cases/hosts.rs");
            }
        }
    };
}

on_backend!(sqlite);
on_backend!(
    #[cfg(feature = "postgres")]
    postgres
);
on_backend!(
    #[cfg(feature = "mysql")]
    mysql
);

#[cfg(all(feature = "postgres", feature = "mysql"))]
mod multi;
#[cfg(feature = "postgres")]
mod postgres_plans;
mod sqlite_plans;
