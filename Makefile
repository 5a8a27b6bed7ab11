# Copyright 2026 The vicar authors
# SPDX-License-Identifier: Apache-2.0
.DEFAULT_GOAL := help
GO       ?= go
PREFIX   ?= /usr
FUZZTIME ?= 30s
DIST     ?= dist
# Without gRPC's trace pages nothing calls methods by name, and the linker leaves
# out what is not used of the AWS SDK: 27 MB instead of over 60.
TAGS      = grpcnotrace
LINT      = $(GO) tool -modfile=tools/go.mod golangci-lint
PORTABLE  = ./vrrp/... ./vip ./status ./track ./checks/... ./child ./proof ./hook ./clock ./logqueue ./config ./agent ./control ./transport ./transport/memnet ./quorum ./cloud ./cloud/exec ./cloud/cloudtest ./guard ./fleet ./address
MODULES   = $(wildcard terraform/modules/*)
# Not from the cache, which does not see that tests of lab build and run vicar.
GOTEST    = bin/gotest -race -count=1 -timeout=15m
.PHONY: help build dist test test-full test-kernel test-terraform docs-terraform deps lint fmt fuzz bench demo install clean bin/gotest

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
build: ## bin/vicar, static
	CGO_ENABLED=0 $(GO) build -tags $(TAGS) -trimpath -ldflags '-s -w' -o bin/vicar ./cmd/vicar
dist: ## .deb, .rpm and .tar.gz for amd64 and arm64 into dist, with checksums
	@GO='$(GO)' TAGS='$(TAGS)' packaging/dist.sh $(DIST) $(ARCHES)
test: deps lint bin/gotest ## everything that must pass, in minutes; as root also on the real kernel
	$(GO) build -race ./... # before the tests, which a compiler of the AWS SDK would starve
	$(GOTEST) $$($(GO) list ./... | grep -v /lab/pool)
	$(GOTEST) ./lab/pool # alone: the kernel that it boots has one processor for all its hosts
test-full: test fuzz ## also the guard's scenarios 20 times, 20,000 simulations, each fuzz target, the kernel's tests five times, both architectures' packages
	$(GO) test -count=1 -timeout=1h ./vrrp -run TestSimulation -seeds 20000
	$(GO) test -v -count=1 -timeout=1h ./quorum -run 'TestSimulation(Table)?$$|TestExhaustive(Table)?$$' -seeds 600 -events 10000000 -states 1200000
	bin/gotest -race -count=1 -timeout=2h ./lab/guard -guard.runs=20 -guard.freeze=10s
	$(GO) test -count=1 -timeout=1h ./agent -run 'TestCloudSimulation$$' -seeds 3000
	bin/gotest -race -count=5 -timeout=1h ./transport ./address $$($(GO) list ./lab/... | grep -v /lab/guard)
	$(GO) test -count=1 -timeout=1h ./packaging/deb -run TestReproducible -full
test-kernel: deps ## in a kernel of their own, user-mode-linux, with what this one may lack; part of test where it is installed
	VICAR_KERNEL=required $(GO) test -count=1 -timeout=15m ./lab/uml ./pool/ipvs && VICAR_KERNEL=required $(GO) test -count=1 -timeout=15m ./lab/pool -run TestKernel
test-terraform: ## the modules, with OpenTofu or Terraform from PATH, offline but for providers; part of test where there is one
	@command -v tofu >/dev/null || command -v terraform >/dev/null || { echo "neither tofu nor terraform is on PATH" >&2; exit 1; }
	VICAR_TERRAFORM=required $(GO) test -count=1 -timeout=20m ./terraform/...
docs-terraform: ## the tables in the modules' README files
	$(GO) run -C tools ./tfdocs $(MODULES:%=../%)
deps: ## install what the tests use and this machine lacks (as root, Debian)
	@tools/deps.sh
lint: ## vet, golangci-lint, formatting, go.mod, the modules' tables
	$(GO) vet ./... && $(GO) vet -C tools ./gotest ./tfdocs && $(GO) test -C tools ./gotest
	$(GO) run -C tools ./tfdocs -check $(MODULES:%=../%)
	GOOS=darwin $(GO) vet $(PORTABLE)
	$(LINT) run ./...
	$(GO) mod tidy -diff
fmt: ## format the code as lint wants it
	$(LINT) fmt ./...
fuzz: ## each fuzz target for FUZZTIME
	@for p in $$($(GO) list ./...); do for f in $$($(GO) test -list '^Fuzz' $$p | grep ^Fuzz); do \
	  echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$p || exit 1; done; done
bench: build ## failover and load beside keepalived, as Markdown (an hour; BENCHFLAGS)
	@VICAR_BIN=bin/vicar $(GO) run ./lab/bench $(BENCHFLAGS)
demo: build ## three hosts and a client in namespaces; the holder is cut off, then stopped
	bin/vicar demo
install: build ## into DESTDIR and PREFIX
	install -D -m 0755 bin/vicar $(DESTDIR)$(PREFIX)/bin/vicar
	install -D -m 0644 packaging/systemd/vicar.service $(DESTDIR)$(PREFIX)/lib/systemd/system/vicar.service
	install -D -m 0644 packaging/systemd/vicar.sysusers.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/vicar.conf
	bin/vicar docs bin/docs
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/man/man8 bin/docs/man/*.8
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/man/man5 bin/docs/man/*.5
	install -D -m 0644 bin/docs/completions/vicar.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/vicar
	install -D -m 0644 bin/docs/vicar.schema.json $(DESTDIR)$(PREFIX)/share/vicar/vicar.schema.json
	test -e $(DESTDIR)/etc/vicar/vicar.yaml || install -D -m 0644 packaging/vicar.yaml $(DESTDIR)/etc/vicar/vicar.yaml
clean: ## remove what make made
	rm -rf bin dist
bin/gotest:
	@$(GO) build -C tools -buildvcs=false -o ../bin/gotest ./gotest
