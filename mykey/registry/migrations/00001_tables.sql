-- One text for both engines: SQLite takes any type's name and keeps bytes as
-- they are. No sequences, no defaults, nothing that depends on the order of
-- insertion: every key is made by the program. Times are seconds since 1970 UTC.

-- +goose Up

-- What a generation's keys are known by, so that a wrong key is refused.
CREATE TABLE generations (
	namespace   text   NOT NULL,
	generation  bigint NOT NULL,
	fingerprint bytea  NOT NULL CHECK (length(fingerprint) = 32),
	PRIMARY KEY (namespace, generation)
);

-- A row is never deleted: that is why no identifier is given twice. The lineage
-- is random and goes from one reservation of a holder to the next. The expiry is a
-- month in Japan, as in 2030-02: a certificate's day of expiry is its holder's
-- birthday.
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
	PRIMARY KEY (namespace, identifier)
);

CREATE TABLE holders (
	namespace  text   NOT NULL,
	handle     bytea  NOT NULL CHECK (length(handle) = 32),
	generation bigint NOT NULL,
	identifier text   NOT NULL,
	state      text   NOT NULL CHECK (state IN ('current', 'superseded')),
	PRIMARY KEY (namespace, handle)
);

-- An identifier has one holder; those before are remembered.
CREATE UNIQUE INDEX holders_current ON holders (namespace, identifier) WHERE state = 'current';

CREATE TABLE applications (
	namespace  text   NOT NULL,
	lineage    bytea  NOT NULL CHECK (length(lineage) = 16),
	identifier text   NOT NULL,
	service    text   NOT NULL,
	account    bytea  NOT NULL CHECK (length(account) = 32),
	sealed     bytea  NOT NULL,
	applied    bigint NOT NULL,
	operation  bytea  NOT NULL CHECK (length(operation) = 16),
	PRIMARY KEY (namespace, lineage),
	UNIQUE (namespace, service, account)
);

-- A chain a terminal. A chain's last record is named here too, so that removing
-- it shows.
CREATE TABLE chains (
	namespace text   NOT NULL,
	chain     text   NOT NULL,
	number    bigint NOT NULL,
	hash      bytea  NOT NULL CHECK (length(hash) = 32),
	PRIMARY KEY (namespace, chain)
);

CREATE TABLE audit (
	namespace  text   NOT NULL,
	chain      text   NOT NULL,
	number     bigint NOT NULL,
	operation  bytea  NOT NULL UNIQUE CHECK (length(operation) = 16),
	kind       text   NOT NULL,
	generation bigint NOT NULL,
	lineage    bytea  NOT NULL CHECK (length(lineage) = 16),
	clerk      text   NOT NULL,
	made       bigint NOT NULL,
	request    bytea  NOT NULL CHECK (length(request) = 32),
	hash       bytea  NOT NULL CHECK (length(hash) = 32),
	PRIMARY KEY (namespace, chain, number)
);

-- There is no way down: what has to stay for ever would be gone.
