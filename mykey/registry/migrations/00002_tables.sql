-- One text for both engines: SQLite takes any type's name and keeps bytes as
-- they are. No sequences, no defaults, nothing that depends on the order of
-- insertion: every key is made by the program. Times are seconds since 1970 UTC.
-- Version 1 was a development version's; its audit log can't be carried over.

-- +goose Up

-- What a generation's keys are known by, so that a wrong key is refused. Terminals
-- only read it.
CREATE TABLE generations (
	namespace   text   NOT NULL,
	generation  bigint NOT NULL,
	fingerprint bytea  NOT NULL CHECK (length(fingerprint) = 32),
	PRIMARY KEY (namespace, generation)
);

-- A row is never deleted while its campaign lasts: that is why no identifier is
-- given twice. The lineage is random and goes from one reservation of a holder to
-- the next. The expiry is a month in Japan, as in 2030-02: a certificate's day of
-- expiry is its holder's birthday. The version counts the row's changes from 1.
CREATE TABLE reservations (
	namespace  text   NOT NULL,
	identifier text   NOT NULL CHECK (length(identifier) = 8),
	generation bigint NOT NULL,
	attempt    bigint NOT NULL,
	lineage    bytea  NOT NULL CHECK (length(lineage) = 16),
	state      text   NOT NULL CHECK (state IN ('reserved', 'withdrawn')),
	expiry     text   NOT NULL CHECK (length(expiry) = 7),
	recovery   text   NOT NULL,
	operation  bytea  NOT NULL CHECK (length(operation) = 16),
	version    bigint NOT NULL CHECK (version > 0),
	PRIMARY KEY (namespace, identifier)
);

-- Rows are only added. A handle's last place counts, and an identifier's last turn:
-- who had an earlier one has been superseded. The keys refuse the second of two
-- programs that add the same place or turn at the same time.
CREATE TABLE holders (
	namespace  text   NOT NULL,
	handle     bytea  NOT NULL CHECK (length(handle) = 32),
	place      bigint NOT NULL CHECK (place > 0),
	generation bigint NOT NULL,
	identifier text   NOT NULL,
	turn       bigint NOT NULL CHECK (turn > 0),
	PRIMARY KEY (namespace, handle, place),
	UNIQUE (namespace, identifier, turn)
);

-- An account that was erased is sealed no more.
CREATE TABLE applications (
	namespace  text   NOT NULL,
	lineage    bytea  NOT NULL CHECK (length(lineage) = 16),
	identifier text   NOT NULL,
	service    text   NOT NULL,
	account    bytea  NOT NULL CHECK (length(account) = 32),
	sealed     bytea  NOT NULL,
	applied    bigint NOT NULL,
	operation  bytea  NOT NULL CHECK (length(operation) = 16),
	version    bigint NOT NULL CHECK (version > 0),
	PRIMARY KEY (namespace, lineage),
	UNIQUE (namespace, service, account)
);

-- Which process runs under a terminal's name, and when it wrote last; 0 if it has
-- ended.
CREATE TABLE terminals (
	namespace text   NOT NULL,
	terminal  text   NOT NULL,
	session   bytea  NOT NULL CHECK (length(session) = 16),
	seen      bigint NOT NULL,
	PRIMARY KEY (namespace, terminal)
);

-- A chain of signed records for each terminal. Images are digests of the rows that
-- a record changed.
CREATE TABLE audit (
	namespace  text   NOT NULL,
	chain      text   NOT NULL,
	number     bigint NOT NULL CHECK (number > 0),
	operation  bytea  NOT NULL UNIQUE CHECK (length(operation) = 16),
	kind       text   NOT NULL,
	generation bigint NOT NULL,
	lineage    bytea  NOT NULL,
	clerk      text   NOT NULL,
	made       bigint NOT NULL,
	request    bytea  NOT NULL CHECK (length(request) = 32),
	images     bytea  NOT NULL,
	hash       bytea  NOT NULL CHECK (length(hash) = 32),
	signature  bytea  NOT NULL CHECK (length(signature) = 64),
	PRIMARY KEY (namespace, chain, number)
);

-- How often what happened on a day (YYYY-MM-DD in Japan) at a terminal.
CREATE TABLE tallies (
	namespace text   NOT NULL,
	terminal  text   NOT NULL,
	day       text   NOT NULL CHECK (length(day) = 10),
	event     text   NOT NULL,
	number    bigint NOT NULL CHECK (number > 0),
	PRIMARY KEY (namespace, terminal, day, event)
);

-- There is no way down: what has to stay for ever would be gone.
