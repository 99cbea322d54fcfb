# `make` prints this help. A line of it is what follows `##` after a target.
.DEFAULT_GOAL := help
.PHONY: help packages test-packages run start stop status demo test unit faults explore bench lint format check build image clean
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory

RELEASE := .build/release
# Generic code of one module is made for the types of another: without it a revision tree costs several times as much.
RELEASE_FLAGS := -c release -Xswiftc -cross-module-optimization
FULLSYNC := $(RELEASE)/fullsync
SOURCES := Package.swift Services Shared Tests compose

# Debian's packages: the servers, the C libraries, the data of the demo, and what the tools need.
PACKAGES := postgresql postgresql-client rabbitmq-server libpq-dev librabbitmq-dev zlib1g-dev \
            libjavascriptcoregtk-4.1-dev libicu-dev libsqlite3-dev libxml2-dev iso-codes openssl pkg-config ca-certificates \
            libldap-dev unixodbc-dev odbc-mariadb libsqliteodbc
# What the tests start besides: back ends of every kind.
TEST_PACKAGES := mariadb-server slapd python3-aiosmtpd
# Whose tests start servers.
SERVER_TESTS := BackEndConnector ChangeListener ControlStore DemoERP DocumentStore Fault FullSyncTool LDAP Messaging ODBC \
                Postgres PrivateServers ReplicationEndpoint Scheduler SequenceWorker ServiceRuntime System ViewIndexes

help: ## this help
	@echo "Full Sync. State is kept in FULLSYNC_HOME (default .fullsync), the endpoint listens on FULLSYNC_PORT (5984)."
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## start everything in the foreground, until Ctrl-C
	@exec $(FULLSYNC) run

start: build ## start everything in the background; returns when all is ready
	@exec $(FULLSYNC) start

stop: ## end what start began
	@if [ -x $(FULLSYNC) ]; then exec $(FULLSYNC) stop; else echo "Nothing was built here, so nothing runs."; fi

status: ## what runs, and how it is
	@if [ -x $(FULLSYNC) ]; then exec $(FULLSYNC) status; else echo "Nothing was built here, so nothing runs."; fi

demo: build ## the six steps of Full Sync, with two devices, against the running system
	@exec $(FULLSYNC) demo

test: packages test-packages ## every test, with private servers on free ports
	swift build --build-tests
	@.ci/test-each

unit: packages ## the tests that need no server
	swift test --skip "^($$(tr ' ' '|' <<<"$(strip $(SERVER_TESTS))"))Tests\."

faults: packages ## whatever dies, for MINUTES (10); SEED repeats the faults of an earlier run
	swift build --build-tests
	FULLSYNC_FAULT_SEED="$(or $(SEED),new)" FULLSYNC_FAULT_MINUTES="$(or $(MINUTES),10)" \
	swift test --skip-build --filter '^FaultTests\.'

explore: packages test-packages ## the random tests with new seeds, ROUNDS (10) times
	swift build --build-tests
	@.ci/explore $(or $(ROUNDS),10)

bench: build ## the benchmarks; PEER=http://user:password@host:port measures another server beside ours
	@exec $(FULLSYNC) bench $(if $(PEER),--peer "$(PEER)")

lint: ## the format and the style rules
	swift format lint --strict --parallel --recursive $(SOURCES)

format: ## put the sources into the house's format
	swift format --in-place --parallel --recursive $(SOURCES)

check: lint test ## lint and test: what a change must pass

build: packages ## a release build
	swift build $(RELEASE_FLAGS)

image: ## the container image of all services
	@compose/build-image

clean: ## remove what was built; the state in FULLSYNC_HOME stays
	rm -rf .build

packages:
	@.ci/install-packages $(PACKAGES)

test-packages:
	@.ci/install-packages $(TEST_PACKAGES)
