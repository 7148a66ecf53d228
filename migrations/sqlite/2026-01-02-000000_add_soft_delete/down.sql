-- Every soft-deleted row becomes an ordinary row again.
ALTER TABLE comments DROP COLUMN deleted_at;
ALTER TABLE posts DROP COLUMN reason;
ALTER TABLE posts DROP COLUMN deleted_by;
ALTER TABLE posts DROP COLUMN deleted_at;
ALTER TABLE posts DROP COLUMN is_deleted;
ALTER TABLE users DROP COLUMN deleted_at;
ALTER TABLE users DROP COLUMN is_deleted;
