# make demo    a simulated card's report and identifier
# make build   bin/card-info
# make test    every check and every test
# make fuzz    every fuzz target, for FUZZTIME each
#
# Each does its own set-up (scripts/setup) and none when it is done already.

FUZZTIME ?= 30s

# Without the headers of pcsc-lite programs are built for simulated cards only.
cgo := CGO_ENABLED=$$(if [ "$$(uname -s)" = Darwin ] || pkg-config --exists libpcsclite 2>/dev/null; then echo 1; else echo 0; fi)

# "required" fails tests through pcscd where they can't run, instead of skipping
# them. Any value keeps what go test remembers apart from runs by hand, which may
# have skipped them.
export MYKEYKIT_E2E ?= wanted

.PHONY: demo build test fuzz
.DEFAULT_GOAL := demo

demo: build
	@scripts/demo bin/card-info

build:
	@scripts/setup build
	@$(cgo) go build -o bin/card-info ./cmd/card-info

test:
	@scripts/setup test
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$unformatted" ]; then echo "not formatted: $$unformatted"; exit 1; fi
	$(cgo) go vet ./...
	$(cgo) go tool -modfile=tools/go.mod staticcheck ./...
	CGO_ENABLED=0 GOOS=windows go vet ./...
	CGO_ENABLED=0 GOOS=darwin go vet ./...
	CGO_ENABLED=0 go build ./...
	CGO_ENABLED=0 go test ./...
	$(cgo) go test -race ./...

fuzz:
	@scripts/setup test
	@scripts/fuzz $(FUZZTIME)
