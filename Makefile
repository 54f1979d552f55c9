# make demo    shows a simulated card's report and identifier
# make build   builds bin/card-info and writes the licenses of its modules
# make install installs card-info with its manual pages and completions in PREFIX, /usr/local
# make kiosk   builds and runs the kiosk with simulated cards; it opens no browser but prints
#              the addresses of its page and of the panel for the cards
# make counter builds and runs the page for clerks with simulated cards, in the same way
# make fleet   builds and runs a server and three kiosks with simulated cards, and prints their
#              addresses
# make release builds archives for all systems and Debian packages in dist: see scripts/release
# make release-test installs these packages into fresh Debian systems and uses them; it needs root
# make test    runs all checks and tests, and prints the statistics of the sweeps and the fleet
# make test-wine runs tests as Windows programs under Wine: see scripts/test-wine; it needs root
# make test-arm runs tests as programs for arm64 and armv7 under qemu; it needs qemu-user-static
# make peers   compares with published files of a test card and with others' programs; needs cargo
# make fuzz    runs every fuzz target for FUZZTIME
# make soak    runs every long-running test for SOAK
# make bench   runs all benchmarks and compares card-info with OpenSC: see
#              docs/performance.md. With BENCHFLAGS="-doc docs/performance.md" it updates
#              the tables there.
#
# Each target installs missing packages with scripts/setup.

FUZZTIME ?= 30s
SOAK ?= 10m

# With "required", tests through pcscd fail instead of being skipped if they can't run. Any
# value separates go test's cached results from those of manual runs, which may have skipped
# tests.
export MYKEYKIT_E2E ?= wanted

# Each test runs once: with race detection in the packages that use goroutines or locks, except
# these tests, which run other processes, or many cases one after the other.
WITHOUT_RACE = ^(TestBrowser|TestChromium|TestMemory|TestSweepKilledServer|TestSweepOfFaults|TestSweepOfStatusWords|TestVerificationContinues|TestHostileRows|TestTampering|TestFileSurvivesKilledPrograms|TestFleetOutlivesTheServer|TestNamespacesShareOnlyTheMonth|TestReplacedFiles|TestInterruptedRestore|TestHostileText|TestEveryColumn|TestBackupIsASnapshot|TestCollisionsUse|TestTamperedEnrollments|TestReliancesOn|TestAlterationsThat|TestNoChangedByte|TestForgedCoverage|TestWrongSignatures|TestChangesAfter|TestOthersAccept|TestFilesOfOther|TestFilesThatAskForMuch|TestSigningNeeds|TestJapaneseBlock|TestBlocksDoNotCover|TestRulesNormalize|TestEveryBitOfEvidence|TestVectorsVerifyWithoutGo|TestOnlyChallengesAreParsed|TestProgramIsNotSuspended|TestNoCoreFile|TestDocumentedCommandsWork)

# The slowest packages begin first, so that the others run beside them.
SLOW_FIRST = ./mykey/registry ./cmd/kiosk ./cmd/mykey-server ./jpki ./cmd/card-info

# Tests with a browser mostly wait until a screen may be used, and others for processes and
# devices: two packages at a time leave two cores idle almost half of the time.
PARALLEL = 8
PACKAGES = 4

# go vet runs before.
GO_TEST = go test -vet=off -p $(PACKAGES) -parallel $(PARALLEL)

# These packages need no other programs, devices or compilers.
PURE = ./apdu/... ./jpki/cardtls ./jpki/cms ./jpki/credential ./jpki/cvc ./jpki/face ./jpki/proof ./jpki/revocation ./jpki/text ./jpki/trust ./jpki/verification ./mykey ./mykey/message ./reader ./reader/simulator ./internal/applet ./internal/campaign ./internal/ecdsasig ./internal/hidden ./internal/strictjson

.PHONY: demo build install release release-test bin/kiosk kiosk counter fleet test test-wine test-arm peers fuzz soak bench
.DEFAULT_GOAL := demo

demo: build
	@scripts/demo bin/card-info

PREFIX ?= /usr/local

install: build
	install -D -m 755 bin/card-info "$(DESTDIR)$(PREFIX)/bin/card-info"
	install -D -m 644 bin/card-info-licenses.txt "$(DESTDIR)$(PREFIX)/share/doc/card-info/licenses.txt"
	install -D -m 644 cmd/card-info/man/card-info.1 "$(DESTDIR)$(PREFIX)/share/man/man1/card-info.1"
	install -D -m 644 cmd/card-info/man/card-info.ja.1 "$(DESTDIR)$(PREFIX)/share/man/ja/man1/card-info.1"
	install -d "$(DESTDIR)$(PREFIX)/share/bash-completion/completions" "$(DESTDIR)$(PREFIX)/share/zsh/site-functions" "$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d"
	bin/card-info completion bash >"$(DESTDIR)$(PREFIX)/share/bash-completion/completions/card-info"
	bin/card-info completion zsh >"$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_card-info"
	bin/card-info completion fish >"$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/card-info.fish"

build:
	@scripts/setup build
	@scripts/cgo go build -o bin/card-info ./cmd/card-info
	@go run ./internal/licenses bin/card-info

kiosk: bin/kiosk
	@bin/kiosk --simulate --campaign cmd/kiosk/campaigns/demo.toml

counter: bin/kiosk
	@bin/kiosk counter --simulate

bin/kiosk:
	@scripts/setup build
	@scripts/cgo go build -o bin/kiosk ./cmd/kiosk
	@go run ./internal/licenses bin/kiosk

fleet: bin/kiosk
	@go build -o bin/mykey-server ./cmd/mykey-server
	@go run ./internal/licenses bin/mykey-server
	@scripts/fleet bin

release:
	@scripts/release dist

release-test: release
	@scripts/release-test dist

# Half of the time of a first run is the compiler's. It needs less without debugging information, and with more memory.
# The race detector takes no part in SQLite, translated from C, and in arithmetic, which only slow it down: what they read
# and write belongs to callers that it does observe.
UNOBSERVED = modernc.org/sqlite/lib math/big $(addprefix crypto/internal/fips140/,bigmod nistec/... edwards25519/...)
test: export GOFLAGS = $(shell go env GOFLAGS) -gcflags=all=-dwarf=false $(foreach package,$(UNOBSERVED),'-gcflags=$(package)=-dwarf=false -race=false')
test: export GOGC := 400

# SQLite, which takes long to compile, is compiled twice: without cgo for the tests, and for the race detector. Therefore
# the checks use what is compiled for the race detector.
test:
	@scripts/setup test
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "not formatted: $$unformatted"; exit 1; fi
	scripts/cgo go vet -race ./...
	GOFLAGS="-race $$GOFLAGS" scripts/cgo $$(CGO_ENABLED=0 go tool -modfile=tools/go.mod -n staticcheck) ./...
	CGO_ENABLED=0 go run ./internal/typecheck windows/amd64 darwin/arm64 linux/arm
	@scripts/api
	@scripts/vulnerabilities
	@CGO_ENABLED=0 scripts/statistics $(GO_TEST) -run '$(WITHOUT_RACE)' $(SLOW_FIRST) $$(scripts/concurrent '$(WITHOUT_RACE)')
	@CGO_ENABLED=0 scripts/statistics $(GO_TEST) ./reader/pcsc $$(scripts/concurrent -not)
	@scripts/cgo scripts/statistics $(GO_TEST) -race -skip '$(WITHOUT_RACE)' $(SLOW_FIRST) ./reader/pcsc $$(scripts/concurrent)

test-wine:
	@scripts/test-wine $(PURE) ./jpki ./jpki/pdf ./internal/ctxio ./internal/keyfile ./internal/locale ./internal/termtext

test-arm:
	CGO_ENABLED=0 GOARCH=arm64 go test -vet=off -exec qemu-aarch64-static $(PURE)
	CGO_ENABLED=0 GOARCH=arm GOARM=7 go test -vet=off -exec qemu-arm-static $(PURE)

peers:
	@scripts/setup test
	@scripts/peers

fuzz:
	@scripts/setup test
	@scripts/fuzz $(FUZZTIME)

soak:
	@scripts/setup test
	MYKEYKIT_SOAK=$(SOAK) scripts/cgo go test -timeout 0 -count 1 -v -run '^TestSoak' ./...
	GODEBUG=clobberfree=1 GOGC=1 GOEXPERIMENT=cgocheck2 scripts/cgo go test -count 1 ./reader/pcsc

bench:
	@scripts/setup test
	scripts/cgo go run ./internal/bench $(BENCHFLAGS)
