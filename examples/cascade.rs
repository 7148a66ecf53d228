//! Deleting a tree and getting back exactly that tree: `cargo run --example cascade`
//!
//! An author writes books, a book has chapters, readers leave notes on chapters and answer each other.

use chrono::{TimeDelta, Utc};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_soft_delete::Error;
use diesel_soft_delete::prelude::*;

diesel::table! {
    authors {
        id -> Integer,
        name -> Text,
        deleted_at -> Nullable<Timestamp>,
        deletion -> Nullable<Text>,
    }
}

diesel::table! {
    books {
        id -> Integer,
        author_id -> Integer,
        title -> Text,
        deleted_at -> Nullable<Timestamp>,
        deletion -> Nullable<Text>,
    }
}

diesel::table! {
    chapters {
        id -> Integer,
        book_id -> Integer,
        title -> Text,
        is_deleted -> Bool,
        deleted_at -> Nullable<Timestamp>,
        deletion -> Nullable<Text>,
    }
}

diesel::table! {
    notes {
        id -> Integer,
        chapter_id -> Integer,
        // The note that this one answers.
        answers -> Nullable<Integer>,
        body -> Text,
        deleted_at -> Nullable<Timestamp>,
        deletion -> Nullable<Text>,
    }
}

diesel::table! {
    royalties {
        id -> Integer,
        author_id -> Integer,
        cents -> BigInt,
    }
}

#[derive(Queryable, Selectable, Identifiable, SoftDeletable)]
#[diesel(table_name = authors)]
#[soft_delete(timestamp = deleted_at, operation = deletion)]
#[soft_delete(cascade(books(author_id)), restrict(royalties(author_id)))]
struct Author {
    id: i32,
    name: String,
    deleted_at: Option<chrono::NaiveDateTime>,
}

// The other tables need no model.
diesel_soft_delete::soft_deletable! {
    books { timestamp = deleted_at, operation = deletion, cascade(chapters(book_id)) }
    chapters { flag = is_deleted, timestamp = deleted_at, operation = deletion, cascade(notes(chapter_id)) }
    notes { timestamp = deleted_at, operation = deletion, cascade(notes(answers)) }
}
diesel_soft_delete::not_soft_deletable!(royalties);

const SCHEMA: &str = "
    CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT NOT NULL, deleted_at TIMESTAMP, deletion TEXT);
    CREATE TABLE books (id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL REFERENCES authors, title TEXT NOT NULL,
        deleted_at TIMESTAMP, deletion TEXT);
    CREATE TABLE chapters (id INTEGER PRIMARY KEY, book_id INTEGER NOT NULL REFERENCES books, title TEXT NOT NULL,
        is_deleted BOOLEAN NOT NULL DEFAULT FALSE, deleted_at TIMESTAMP, deletion TEXT);
    CREATE TABLE notes (id INTEGER PRIMARY KEY, chapter_id INTEGER NOT NULL REFERENCES chapters, answers INTEGER REFERENCES notes,
        body TEXT NOT NULL, deleted_at TIMESTAMP, deletion TEXT);
    CREATE TABLE royalties (id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL REFERENCES authors, cents BIGINT NOT NULL);
    CREATE INDEX books_author ON books (author_id);
    CREATE INDEX chapters_book ON chapters (book_id);
    CREATE INDEX notes_chapter ON notes (chapter_id);
    CREATE INDEX notes_answers ON notes (answers);

    INSERT INTO authors (id, name) VALUES (1, 'Ada'), (2, 'Bert');
    INSERT INTO books (id, author_id, title) VALUES (1, 1, 'Engines'), (2, 1, 'Sketches'), (3, 2, 'Birds');
    INSERT INTO chapters (id, book_id, title) VALUES (1, 1, 'Wheels'), (2, 1, 'Cards'), (3, 2, 'Notes'), (4, 3, 'Herons');
    INSERT INTO notes (id, chapter_id, answers, body) VALUES
        (1, 2, NULL, 'Is it Turing complete?'), (2, 2, 1, 'It would have been.'), (3, 4, NULL, 'Lovely.');
    INSERT INTO royalties (id, author_id, cents) VALUES (1, 2, 1250);";

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let conn = &mut SqliteConnection::establish(":memory:")?;
    conn.batch_execute(SCHEMA)?;

    title("A week ago, the chapter `Wheels` was deleted on its own");
    let a_week_ago = Utc::now() - TimeDelta::days(7);
    chapters::table.find(1).soft_delete().at_utc(a_week_ago).cascade().run(conn)?;
    tree(conn)?;

    title("authors.find(1).soft_delete() says nothing of the books, so it does not compile; with .cascade():");
    let delete = authors::table.find(1).soft_delete().cascade();
    println!("preview: {}", delete.preview(conn)?);
    let deleted = delete.run(conn)?;
    println!("done:    {deleted}");
    tree(conn)?;

    title("A chapter cannot come back below a deleted book");
    match chapters::table.find(2).restore().cascade().run(conn) {
        Err(error @ Error::BelowDeleted { .. }) => println!("{error}"),
        other => return Err(format!("this should have been refused: {other:?}").into()),
    }

    title("authors.find(1).restore().cascade(): what the deletion took, and not the chapter of last week");
    let restored = authors::table.find(1).restore().cascade().run(conn)?;
    println!("done:    {restored}");
    tree(conn)?;
    if restored.total() != deleted.total() {
        return Err("the restore must bring back what the deletion took".into());
    }
    let wheels = chapters::table.find(1).deleted().count().get_result::<i64>(conn)?;
    if wheels != 1 {
        return Err("the chapter of last week must stay deleted".into());
    }

    title("Bert has royalties, which are declared `restrict`");
    match authors::table.find(2).soft_delete().cascade().run(conn) {
        Err(error @ Error::Restricted { .. }) => println!("{error}"),
        other => return Err(format!("this should have been refused: {other:?}").into()),
    }
    Ok(())
}

fn title(text: &str) {
    println!("\n{text}");
}

/// Prints all rows, the deleted ones marked.
fn tree(conn: &mut SqliteConnection) -> QueryResult<()> {
    let mark = |is_deleted: bool| if is_deleted { "  (deleted)" } else { "" };
    for author in authors::table.order(authors::id).select(Author::as_select()).load(conn)? {
        println!("  {}{}", author.name, mark(author.deleted_at.is_some()));
        let rows = books::table.filter(books::author_id.eq(author.id)).order(books::id);
        for (book, title, gone) in
            rows.select((books::id, books::title, books::deleted_at.is_not_null())).load::<(i32, String, bool)>(conn)?
        {
            println!("    {title}{}", mark(gone));
            let rows = chapters::table.filter(chapters::book_id.eq(book)).order(chapters::id);
            for (chapter, title, gone) in
                rows.select((chapters::id, chapters::title, chapters::is_deleted)).load::<(i32, String, bool)>(conn)?
            {
                println!("      {title}{}", mark(gone));
                let rows = notes::table.filter(notes::chapter_id.eq(chapter)).order(notes::id);
                for (answers, body, gone) in rows
                    .select((notes::answers, notes::body, notes::deleted_at.is_not_null()))
                    .load::<(Option<i32>, String, bool)>(conn)?
                {
                    let indent = if answers.is_some() { "          " } else { "        " };
                    println!("{indent}\"{body}\"{}", mark(gone));
                }
            }
        }
    }
    Ok(())
}
