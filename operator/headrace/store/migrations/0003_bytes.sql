-- What the source sent for the rows that were read: what is read again counts again.
ALTER TABLE headrace.runs ADD COLUMN bytes_read bigint NOT NULL DEFAULT 0;
