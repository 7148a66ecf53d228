//! Compares cascades in random forests with a model, counts what they read, and races overlapping trees.

mod model;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod races;
mod reads;

/// The forests with one kind of declaration on one backend.
macro_rules! forest {
    ($name:ident, $backend:ident, $cases:expr, $identified:expr, circle: $circle:literal, { $($declaration:tt)* }) => {
        mod $name {
            use crate::support::$backend::{Conn, TIMESTAMP_DDL, own};
            use super::model::{Identified, Model};

            include!("tables.rs");
            diesel_soft_delete::soft_deletable! { $($declaration)* }
            include!("forest.rs");

            const IDENTIFIED: Identified = $identified;
            const CIRCLE: bool = $circle;
            const CASES: u32 = $cases;
        }
    };
}

/// All kinds of declarations on one backend.
macro_rules! forests {
    ($(#[$attr:meta])* $backend:ident, $cases:expr) => {
        $(#[$attr])*
        mod $backend {
            use super::model;
            forest!(operations, $backend, $cases, Identified::ByOperation, circle: false, {
                users {
                    timestamp = deleted_at, operation = operation,
                    cascade(posts(user_id), follows(from_user), follows(to_user)),
                }
                posts { flag = is_deleted, timestamp = deleted_at, operation = operation, cascade(comments(post_id)) }
                comments { active_flag = is_active, timestamp = deleted_at, operation = operation, cascade(comments(parent_id)) }
                follows { timestamp = deleted_at, operation = operation }
                teams { timestamp = deleted_at, operation = operation }
            });
            forest!(times, $backend, $cases, Identified::ByTime, circle: false, {
                users { timestamp = deleted_at, cascade(posts(user_id), follows(from_user), follows(to_user)) }
                posts { flag = is_deleted, timestamp = deleted_at, cascade(comments(post_id)) }
                comments { active_flag = is_active, timestamp = deleted_at, cascade(comments(parent_id)) }
                follows { timestamp = deleted_at }
                teams { timestamp = deleted_at }
            });
            forest!(circles, $backend, $cases, Identified::ByOperation, circle: true, {
                users {
                    timestamp = deleted_at, operation = operation,
                    cascade(posts(user_id), follows(from_user), follows(to_user), teams(leader)),
                }
                posts { flag = is_deleted, timestamp = deleted_at, operation = operation, cascade(comments(post_id)) }
                comments { active_flag = is_active, timestamp = deleted_at, operation = operation, cascade(comments(parent_id)) }
                follows { timestamp = deleted_at, operation = operation }
                teams { timestamp = deleted_at, operation = operation, cascade(users(team_id), teams(part_of)) }
            });
        }
    };
}

forests!(sqlite, 250);
forests!(
    #[cfg(feature = "postgres")]
    postgres,
    40
);
forests!(
    #[cfg(feature = "mysql")]
    mysql,
    40
);
