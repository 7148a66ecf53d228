-- Every soft-deleted row becomes an ordinary row again.
ALTER TABLE comments
    DROP COLUMN deleted_at;
ALTER TABLE posts
    DROP COLUMN reason,
    DROP COLUMN deleted_by,
    DROP COLUMN deleted_at,
    DROP COLUMN is_deleted;
ALTER TABLE users
    DROP COLUMN deleted_at,
    DROP COLUMN is_deleted;
