-- Both engines run this file. SQLite accepts any type name and stores bytes unchanged.
-- There are no sequences and no defaults: the program makes every key. Times are
-- seconds since 1970 UTC. Versions 1 to 3 were development versions, which are not migrated.

-- +goose Up

-- Fingerprints of the generations' keys, so that wrong keys are rejected. Terminals
-- only read this table.
CREATE TABLE generations (
	namespace   text   NOT NULL,
	generation  bigint NOT NULL,
	fingerprint bytea  NOT NULL CHECK (length(fingerprint) = 32),
	PRIMARY KEY (namespace, generation)
);

-- Rows are deleted only by a purge, so that no identifier is assigned twice. The
-- lineage is random and common to all reservations of a holder. The expiry is a month in
-- Japan's time zone, as in 2030-02, because the day is the holder's birthday. The version
-- counts the changes of a row from 1.
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

-- Rows are only inserted. The row with the highest place is the current one of its
-- handle. The row with the highest turn is the current one of its identifier; the holders
-- of earlier turns are superseded. If two programs insert the same place or turn at the
-- same time, the keys reject the second one. The subject is a keyed digest of a revocation
-- platform's identifier of the holder, or empty.
CREATE TABLE holders (
	namespace  text   NOT NULL,
	handle     bytea  NOT NULL CHECK (length(handle) = 32),
	place      bigint NOT NULL CHECK (place > 0),
	generation bigint NOT NULL,
	identifier text   NOT NULL,
	turn       bigint NOT NULL CHECK (turn > 0),
	subject    bytea  NOT NULL CHECK (length(subject) IN (0, 32)),
	PRIMARY KEY (namespace, handle, place),
	UNIQUE (namespace, identifier, turn)
);
CREATE INDEX holders_by_subject ON holders (namespace, subject);

-- The sealed account is empty after it was erased.
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

-- The process that uses a terminal's name, and the time of its last write, 0 after it
-- has released the name.
CREATE TABLE terminals (
	namespace text   NOT NULL,
	terminal  text   NOT NULL,
	session   bytea  NOT NULL CHECK (length(session) = 16),
	seen      bigint NOT NULL,
	PRIMARY KEY (namespace, terminal)
);

-- The audit log: chains of signed records. Images are digests of the rows that a record
-- changed or relied on. If a terminal requested the change over the network, the record
-- contains its name, the digest of the request's body, and its signature. Otherwise the
-- three are empty.
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
	terminal   text   NOT NULL,
	body       bytea  NOT NULL CHECK (length(body) IN (0, 32)),
	requested  bytea  NOT NULL CHECK (length(requested) IN (0, 64)),
	hash       bytea  NOT NULL CHECK (length(hash) = 32),
	signature  bytea  NOT NULL CHECK (length(signature) = 64),
	PRIMARY KEY (namespace, chain, number)
);

-- Counts of events by day (YYYY-MM-DD in Japan's time zone) and terminal.
CREATE TABLE tallies (
	namespace text   NOT NULL,
	terminal  text   NOT NULL,
	day       text   NOT NULL CHECK (length(day) = 10),
	event     text   NOT NULL,
	number    bigint NOT NULL CHECK (number > 0),
	PRIMARY KEY (namespace, terminal, day, event)
);

-- Terminals and clerks who may send requests over the network. The key is an Ed25519 key.
-- Rows are never deleted, so that a name always has the same key. The expiry is that of
-- the certificate with the serial number. Revoked is 0 unless the key was revoked.
CREATE TABLE enrolled (
	namespace text   NOT NULL,
	name      text   NOT NULL,
	role      text   NOT NULL CHECK (role IN ('terminal', 'clerk')),
	serial    text   NOT NULL,
	key       bytea  NOT NULL CHECK (length(key) = 32),
	not_after bigint NOT NULL,
	enrolled  bigint NOT NULL,
	revoked   bigint NOT NULL,
	version   bigint NOT NULL CHECK (version > 0),
	PRIMARY KEY (namespace, name),
	UNIQUE (namespace, key)
);

-- Challenges that were made for a terminal. The digest is that of the whole challenge. The
-- visit and the digest of the evidence are empty, and used is 0, until the challenge is
-- answered. Rows are deleted after an hour.
CREATE TABLE challenges (
	namespace text   NOT NULL,
	digest    bytea  NOT NULL CHECK (length(digest) = 32),
	terminal  text   NOT NULL,
	made      bigint NOT NULL,
	visit     bytea  NOT NULL CHECK (length(visit) IN (0, 16)),
	evidence  bytea  NOT NULL CHECK (length(evidence) IN (0, 32)),
	used      bigint NOT NULL,
	PRIMARY KEY (namespace, digest)
);
CREATE INDEX challenges_by_time ON challenges (namespace, made);

-- When a terminal was last seen, and the version of its program.
CREATE TABLE heartbeats (
	namespace text   NOT NULL,
	name      text   NOT NULL,
	seen      bigint NOT NULL,
	version   text   NOT NULL,
	PRIMARY KEY (namespace, name)
);

-- There is no down migration: it would delete data that must be kept.
