//! The slower tests. They compare random sequences with a model, and queries with the same queries over reduced tables.
//! They also race, kill and obstruct cascades and purge jobs, and compile a wide schema.

#[path = "proof/cascades/mod.rs"]
mod cascades;
#[cfg(any(feature = "postgres", feature = "mysql"))]
#[path = "proof/clusters/mod.rs"]
mod clusters;
#[path = "proof/keys.rs"]
mod keys;
#[path = "proof/many_tables.rs"]
mod many_tables;
#[path = "proof/model.rs"]
mod model;
#[path = "proof/purges/mod.rs"]
mod purges;
#[cfg(any(feature = "postgres", feature = "mysql"))]
#[path = "proof/races.rs"]
mod races;
#[path = "proof/sequences.rs"]
mod sequences;
#[path = "proof/shapes/mod.rs"]
mod shapes;
#[path = "proof/support.rs"]
mod support;
