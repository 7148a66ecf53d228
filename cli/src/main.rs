//! `diesel_soft_delete` writes migrations for soft deletion, and checks the schema of a database.

mod arguments;
mod check;
mod database;
mod generate;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Command};

/// The exit code if everything is done, nothing is left to do, or nothing has to be fixed.
const WELL: u8 = 0;
/// The exit code if the check found something to fix.
const FOUND: u8 = 1;
/// The exit code if it could not be done. clap ends with this code too, for arguments that it does not understand.
const FAILED: u8 = 2;

fn main() -> ExitCode {
    // The diesel CLI also reads `DATABASE_URL` from a file `.env`. The result is ignored, since the file may be
    // missing.
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
