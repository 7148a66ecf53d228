//! `diesel_soft_delete`: writes migrations for soft deletion, and checks the schema of a database.

mod arguments;
mod check;
mod database;
mod generate;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Command};

/// It is done, nothing is left to do, or all is well.
const WELL: u8 = 0;
/// The check found something to fix.
const FOUND: u8 = 1;
/// It could not be done. (clap ends with this too, for arguments it does not understand.)
const FAILED: u8 = 2;

fn main() -> ExitCode {
    // As the diesel CLI: `DATABASE_URL` may stand in a file `.env`.
    let _ = dotenvy::dotenv();
    let result = match Arguments::parse().command {
        Command::Generate(arguments) => generate::run(&arguments).map(|()| WELL),
        Command::Check(arguments) => check::run(&arguments).map(|well| if well { WELL } else { FOUND }),
    };
    ExitCode::from(result.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        let mut cause = error.source();
        while let Some(error) = cause {
            eprintln!("caused by: {error}");
            cause = error.source();
        }
        FAILED
    }))
}
