use diesel_soft_delete::Stopped;
use diesel_soft_delete::prelude::*;

use super::super::*;
use super::tables::*;

#[test]
fn a_trigger_that_keeps_rows_without_a_word() {
    let own = &mut filled(1000);
    all(
        &mut own.conn,
        &[
            "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF OLD.id IN (503, 504) THEN RETURN NULL; END IF; RETURN OLD; END $$",
            "CREATE TRIGGER keep BEFORE DELETE ON posts FOR EACH ROW EXECUTE FUNCTION keep()",
        ],
    );
    let report = job!(50).run(&mut own.conn).unwrap();
    assert_eq!((report.rows, report.stopped), (598, Stopped::Complete), "{report}");
    assert!(report.notes.iter().any(|note| note.contains("the first with the key 503")), "{report}");
    assert_only_left(&mut own.conn, 1000, &[503, 504]);

    // With an archive they must not be in both.
    let report = job!(50).archive_into(posts_archive::table).run(&mut own.conn).unwrap();
    assert_eq!((report.rows, archive_of(&mut own.conn).len()), (0, 0), "{report}");
    assert_eq!(report.blocked.iter().map(|blocked| &blocked.key[..]).collect::<Vec<_>>(), ["503", "504"], "{report}");
}
