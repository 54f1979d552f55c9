# make demo    a simulated card's report and identifier
# make build   bin/card-info, and the licenses of what is in it
# make kiosk   the terminal at a counter, with simulated cards: opens nothing, and
#              prints where its page and the panel for the cards are
# make test    every check and every test, and the figures of the sweeps
# make fuzz    every fuzz target, for FUZZTIME each
# make soak    what needs long to show: SOAK each
# make bench   every benchmark, and OpenSC beside card-info, as tables: see
#              docs/performance.md. With BENCHFLAGS="-doc docs/performance.md" it
#              writes them there.
#
# Each does its own set-up (scripts/setup) and none when it is done already.

FUZZTIME ?= 30s
SOAK ?= 10m

# "required" fails tests through pcscd where they can't run, instead of skipping
# them. Any value keeps what go test remembers apart from runs by hand, which may
# have skipped them.
export MYKEYKIT_E2E ?= wanted

# SQLite takes a minute to compile for a system, so only Windows gets it beside this
# one; nothing of ours differs elsewhere.
WITHOUT_SQLITE = $$(go list ./... | grep -v -e /mykey/registry$$ -e /internal/postgrestest$$ -e /cmd/kiosk)

.PHONY: demo build kiosk test fuzz soak bench
.DEFAULT_GOAL := demo

demo: build
	@scripts/demo bin/card-info

build:
	@scripts/setup build
	@scripts/cgo go build -o bin/card-info ./cmd/card-info
	@go run ./internal/licenses bin/card-info

kiosk:
	@scripts/setup build
	@scripts/cgo go build -o bin/kiosk ./cmd/kiosk
	@go run ./internal/licenses bin/kiosk
	@bin/kiosk --simulate --campaign cmd/kiosk/campaigns/demo.toml

test:
	@scripts/setup test
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "not formatted: $$unformatted"; exit 1; fi
	scripts/cgo go vet ./...
	scripts/cgo go tool -modfile=tools/go.mod staticcheck ./...
	CGO_ENABLED=0 GOOS=windows go vet ./...
	CGO_ENABLED=0 GOOS=darwin go vet $(WITHOUT_SQLITE)
	CGO_ENABLED=0 GOARCH=386 go vet $(WITHOUT_SQLITE)
	CGO_ENABLED=0 GOARCH=arm go vet $(WITHOUT_SQLITE)
	CGO_ENABLED=0 go build ./...
	CGO_ENABLED=0 go test -skip '^TestSweep' ./...
	CGO_ENABLED=0 scripts/sweep
	scripts/cgo go test -race -skip '^(TestBrowser|TestChromium|TestMemory)' ./...

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
