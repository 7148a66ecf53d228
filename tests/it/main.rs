//! Runs the same cases on every backend that is built in. Each case is written once in `cases/`, with the names that
//! `support` gives to each backend. A test fails if its server cannot be reached.

#[allow(dead_code, reason = "the binary `ddl` uses all of it")]
mod support;
mod ui;

/// Compiles the cases for one backend, which has `RETURNING` or not.
macro_rules! on_backend {
    ($(#[$attr:meta])* $backend:ident, returning: $returning:ident) => {
        $(#[$attr])*
        mod $backend {
            if_returning!($returning);

            #[allow(unused_imports, reason = "one list serves every case and backend")]
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
            mod hold {
                include!("cases/hold.rs");
            }
            mod erasing {
                include!("cases/erasing.rs");
            }
            mod threads {
                include!("cases/threads.rs");
            }
            mod caching {
                include!("cases/caching.rs");
            }
            mod hosts {
                include!("cases/hosts.rs");
            }
            mod cascading {
                include!("cases/cascading.rs");
            }
            mod trees {
                include!("cases/trees.rs");
            }
            mod reviving {
                include!("cases/reviving.rs");
            }
            mod jobs {
                include!("cases/jobs.rs");
            }
            mod jobs_archives {
                include!("cases/jobs_archives.rs");
            }
            mod jobs_keys {
                include!("cases/jobs_keys.rs");
            }
            mod jobs_blocked {
                include!("cases/jobs_blocked.rs");
            }
            mod jobs_values {
                include!("cases/jobs_values.rs");
            }
            mod jobs_policies {
                include!("cases/jobs_policies.rs");
            }
        }
    };
}

/// Defines the macro that the cases write around a use of `RETURNING`.
macro_rules! if_returning {
    (yes) => {
        macro_rules! where_returning {
            ($block:block) => {
                $block
            };
        }
    };
    (no) => {
        macro_rules! where_returning {
            ($block:block) => {};
        }
    };
}

on_backend!(sqlite, returning: yes);
on_backend!(
    #[cfg(feature = "postgres")]
    postgres, returning: yes
);
on_backend!(
    #[cfg(feature = "mysql")]
    mysql, returning: no
);

#[cfg(all(feature = "postgres", feature = "mysql"))]
mod multi;
#[cfg(feature = "mysql")]
mod mysql_snapshots;
#[cfg(feature = "postgres")]
mod postgres_children;
#[cfg(feature = "postgres")]
mod postgres_partitions;
#[cfg(feature = "postgres")]
mod postgres_parts;
#[cfg(feature = "postgres")]
mod postgres_plans;
#[cfg(feature = "postgres")]
mod postgres_policies;
mod retention_job;
mod settings;
mod sqlite_plans;
