//! Runs migrations and checks what they create, and what they leave alone. Every backend that is built in runs the same
//! cases. A test fails if its server cannot be reached.

#[allow(dead_code, unused_imports, reason = "it is shared with the other test binary, which uses all of it")]
#[path = "../it/support.rs"]
mod support;

mod dump;
mod findings;

/// Compiles the cases for one backend.
macro_rules! on_backend {
    ($(#[$attr:meta])* $backend:ident) => {
        $(#[$attr])*
        mod $backend {
            #[allow(unused_imports, reason = "one list serves every case and backend")]
            use crate::support::$backend as backend;
            #[allow(unused_imports, reason = "one list serves every case and backend")]
            use crate::dump::$backend as catalog;

            mod basics {
                include!("cases/basics.rs");
            }
            pub mod blog {
                include!("cases/blog.rs");
            }
            mod combinations {
                include!("cases/combinations.rs");
            }
            mod behaviour {
                include!("cases/behaviour.rs");
            }
            mod lookups {
                include!("cases/lookups.rs");
            }
            mod hostile {
                include!("cases/hostile.rs");
            }
            mod files {
                include!("cases/files.rs");
            }
            mod checking {
                include!("cases/checking.rs");
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

mod diesel_cli;
#[cfg(feature = "mysql")]
mod mysql_checks;
#[cfg(feature = "mysql")]
mod mysql_online;
mod plans;
#[cfg(feature = "postgres")]
mod postgres_checks;
#[cfg(feature = "postgres")]
mod postgres_locks;
mod sqlite_checks;
