# Gatehouse. `make run` serves, `make test` tests; both need Go, git and make alone.
# `make help` lists the rest.

MODULES := keyfmt certstore sshd tools/certtool tools/gatehoused conformance
ALL      = $(shell go list -m -f '{{.Path}}/...')
OUT     := out

ARGS      ?=
FUZZTIME  ?= 10s
BENCH     ?= .
BENCHTIME ?= 1s
TIMEOUT   ?= 20m

.PHONY: help
help: ## list the commands
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "%-12s %s\n", $$1, $$2 }'

.PHONY: run
run: build ## build the server and start it on its own host key, 127.0.0.1:2222; ARGS=... go to it
	bin/gatehoused $(ARGS)

.PHONY: build
build: ## put gatehoused and certtool into bin/
	go build -o bin/ ./tools/gatehoused ./tools/certtool

.PHONY: test
test: ## run every test, without the race detector and so without a C compiler
	go test -timeout $(TIMEOUT) $(ALL)

.PHONY: race
race: ## run every test under the race detector; needs a C compiler
	CGO_ENABLED=1 go test -race -timeout $(TIMEOUT) $(ALL)

.PHONY: check
check: format vet alone order ## formatting, vet for three systems, each module alone, imports, generated files

.PHONY: format
format:
	@out=$$(gofmt -l $(MODULES)); test -z "$$out" || { echo "gofmt -w these files:"; echo "$$out"; exit 1; }

.PHONY: vet
vet:
	for os in linux windows darwin; do GOOS=$$os go vet $(ALL) || exit 1; done

.PHONY: alone
alone:
	for m in $(MODULES); do (cd $$m && GOWORK=off go build -o /dev/null ./...) || exit 1; done

.PHONY: order
order:
	go test -count=1 ./conformance

.PHONY: fuzz
fuzz: ## run each fuzz target for FUZZTIME
	@for pkg in $$(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' $(ALL)); do \
		for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "== $$pkg $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
		done; \
	done

.PHONY: interop
interop: ## drive real clients, servers and key tools; GATEHOUSE_PEERS=required drives all, and fails where one is missing
	go test -count=1 -timeout $(TIMEOUT) ./conformance/interop/... ./conformance/peer ./conformance/protocol \
		./keyfmt/... ./certstore/... ./tools/certtool/... ./tools/gatehoused/...

.PHONY: conformance
conformance: suites ## prove the documented behaviours and count them
	go run ./conformance/cmd/coverage -records $(OUT)/conformance

.PHONY: suites
suites:
	rm -rf $(OUT)/conformance && mkdir -p $(OUT)/conformance
	GATEHOUSE_RECORDS=$(CURDIR)/$(OUT)/conformance go test -count=1 -timeout $(TIMEOUT) ./conformance/suites/...

.PHONY: bench
bench: ## print the benchmark tables; BENCH=regexp selects
	go test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -benchmem $(ALL)

.PHONY: gen
gen: suites ## write the generated documents again
	go generate $(ALL)
	go run ./conformance/cmd/coverage -records $(OUT)/conformance -write

.PHONY: rehome
rehome: ## move all module paths below MODULE=host/path
	@test -n "$(MODULE)" || { echo "usage: make rehome MODULE=host/path"; exit 2; }
	grep -rlE 'gatehouse/' --include='*.go' --include=go.mod --include=go.work --include='*.md' . | xargs sed -E -i \
		-e 's#(^|[^A-Za-z0-9_./~-])gatehouse/(keyfmt|certstore|sshd|conformance)\b#\1$(MODULE)/\2#g' \
		-e 's#(^|[^A-Za-z0-9_./~-])gatehouse/(certtool|gatehoused)\b#\1$(MODULE)/tools/\2#g'
	gofmt -w $(MODULES)
